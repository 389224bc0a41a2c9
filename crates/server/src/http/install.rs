//! Handles `GET /shopify/{shop_name}/login` and `GET /shopify/install`, which begin an installation.

use actix_web::http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use shopify_client::oauth::{CallbackError, verify_query};
use sync_core::ShopDomain;

use super::oauth_state::State;
use super::request::parameter;
use super::{ApiError, AppState};

/// Redirects to the grant page of the shop in the path.
pub(super) async fn login(
    path: Path<String>,
    app: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    Ok(redirect_to_grant_page(&app, &parse_shop(&path)?))
}

/// Redirects a merchant who comes from Shopify to the grant page of their shop.
pub(super) async fn install(
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let query = request.query_string();
    let shop = parameter(query, "shop").ok_or(ApiError::Missing("shop parameter"))?;
    let shop: ShopDomain = shop.parse().map_err(|_| ApiError::InvalidShop)?;
    verify_query(query, app.secrets()).map_err(ApiError::from)?;
    Ok(redirect_to_grant_page(&app, &shop))
}

/// Parses a shop's domain, or its first label alone.
fn parse_shop(text: &str) -> Result<ShopDomain, ApiError> {
    text.parse()
        .or_else(|_| format!("{text}.myshopify.com").parse())
        .map_err(|_| ApiError::InvalidShop)
}

fn redirect_to_grant_page(app: &AppState, shop: &ShopDomain) -> HttpResponse {
    let state = app.states.issue(shop, app.service.clock.now());
    let page = app.service.app.authorize_url(shop, state.as_str());
    log::info!(shop:%; "An installation has begun");
    HttpResponse::Found()
        .insert_header((LOCATION, page.as_str()))
        .insert_header((SET_COOKIE, state_cookie(app, &state)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

/// The `Set-Cookie` value that binds the state to this browser. It applies to the callback's path and expires with the
/// state. Its name and value need no escaping: base64url and hexadecimal digits only.
fn state_cookie(app: &AppState, state: &State) -> String {
    let (name, value) = (state.cookie_name(), app.states.cookie_value(state));
    let callback = url::Url::parse(&app.service.settings.shopify.redirect_uri).ok();
    let path = callback.as_ref().map_or("/", url::Url::path);
    let is_https = callback.as_ref().is_some_and(|url| url.scheme() == "https");
    let secure = if is_https { "; Secure" } else { "" };
    let age = app.states.lifetime().as_secs();
    format!("{name}={value}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
}

impl From<CallbackError> for ApiError {
    fn from(error: CallbackError) -> Self {
        match error {
            CallbackError::Missing(name) => Self::Missing(name),
            CallbackError::Repeated(_) => Self::Malformed("a parameter is repeated"),
            CallbackError::InvalidShop => Self::InvalidShop,
            _ => Self::BadSignature,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_parsed_from_its_domain_or_its_first_label() {
        for text in ["some-shop", "Some-Shop.myshopify.com"] {
            assert_eq!(
                parse_shop(text).unwrap().as_str(),
                "some-shop.myshopify.com"
            );
        }
        for text in [
            "",
            "a.b",
            "evil.example",
            "a.myshopify.com/",
            "a:1",
            "ä",
            "xn--a",
        ] {
            assert_eq!(parse_shop(text), Err(ApiError::InvalidShop), "{text}");
        }
    }
}
