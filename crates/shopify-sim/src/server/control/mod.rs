//! The control over HTTP, under `/_sim/`.

mod catalog;
mod events;
mod marketing;
mod products;
mod stock;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Shops, answer};
use crate::catalog::change::ChangeError;
use crate::control::ShopControl;

pub(super) fn routes() -> Router<Arc<Shops>> {
    Router::new()
        .route("/_sim", get(shops))
        .merge(catalog_routes())
        .merge(event_routes())
}

fn catalog_routes() -> Router<Arc<Shops>> {
    let product = put(products::update).delete(products::delete);
    let discount = put(marketing::update_discount).delete(marketing::delete_discount);
    let collection = put(marketing::update_collection).delete(marketing::delete_collection);
    let location = put(stock::update_location).delete(stock::delete_location);
    let level = delete(stock::disconnect);
    Router::new()
        .route("/_sim/{shop}", get(catalog::summary).put(catalog::rename))
        .route("/_sim/{shop}/truth", get(catalog::truth))
        .route(
            "/_sim/{shop}/products",
            get(products::list).post(products::create),
        )
        .route("/_sim/{shop}/products/{id}", product)
        .route("/_sim/{shop}/products/{id}/price", put(products::price))
        .route(
            "/_sim/{shop}/products/{id}/metafield",
            put(products::metafield),
        )
        .route("/_sim/{shop}/inventory", put(stock::set))
        .route("/_sim/{shop}/inventory/{item}/{location}", level)
        .route("/_sim/{shop}/inventory_items/{id}", put(stock::update_item))
        .route("/_sim/{shop}/discounts", post(marketing::create_discount))
        .route("/_sim/{shop}/discounts/{id}", discount)
        .route(
            "/_sim/{shop}/collections",
            post(marketing::create_collection),
        )
        .route("/_sim/{shop}/collections/{id}", collection)
        .route("/_sim/{shop}/locations", post(stock::create_location))
        .route("/_sim/{shop}/locations/{id}", location)
}

fn event_routes() -> Router<Arc<Shops>> {
    let faults = get(events::faults)
        .post(events::add_fault)
        .delete(events::clear_faults);
    let tokens = post(events::issue_token).delete(events::revoke_tokens);
    Router::new()
        .route("/_sim/{shop}/calls", get(events::calls))
        .route("/_sim/{shop}/shuffle", post(events::shuffle))
        .route("/_sim/{shop}/faults", faults)
        .route("/_sim/{shop}/subscriptions", get(events::subscriptions))
        .route("/_sim/{shop}/deliveries", get(events::deliveries))
        .route("/_sim/{shop}/deliveries/drop", post(events::drop))
        .route("/_sim/{shop}/deliveries/duplicate", post(events::duplicate))
        .route("/_sim/{shop}/deliveries/hold", post(events::hold))
        .route("/_sim/{shop}/deliveries/release", post(events::release))
        .route(
            "/_sim/{shop}/deliveries/{id}/redeliver",
            post(events::redeliver),
        )
        .route("/_sim/{shop}/bulk", get(events::bulk).put(events::set_bulk))
        .route("/_sim/{shop}/bulk/finish", post(events::finish_bulk))
        .route("/_sim/{shop}/tokens", tokens)
        .route("/_sim/{shop}/install", get(events::install))
        .route("/_sim/{shop}/uninstall", post(events::uninstall))
        .route("/_sim/{shop}/comply", post(events::comply))
}

async fn shops(State(shops): State<Arc<Shops>>) -> Response {
    let domains: Vec<_> = shops.by_name.values().map(|shop| &shop.domain).collect();
    answer::json(200, &json!({ "shops": domains }))
}

/// Why a request is not followed.
#[derive(Debug)]
enum Refused {
    /// There is no such shop or thing.
    Unknown(String),
    /// The request makes no sense.
    Invalid(String),
}

impl From<ChangeError> for Refused {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound { .. } => Self::Unknown(error.to_string()),
            ChangeError::Invalid { .. } => Self::Invalid(error.to_string()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Unknown(error) => (404, error),
            Self::Invalid(error) => (400, error),
        };
        answer::json(status, &json!({ "error": error }))
    }
}

type Answer = Result<Response, Refused>;

#[expect(clippy::unnecessary_wraps, reason = "the last line of handlers")]
fn ok(body: &Value) -> Answer {
    Ok(answer::json(200, body))
}

#[expect(clippy::unnecessary_wraps, reason = "the last line of handlers")]
fn created(id: u64) -> Answer {
    Ok(answer::json(201, &json!({ "id": id })))
}

#[expect(clippy::unnecessary_wraps, reason = "the last line of handlers")]
fn done() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The control of the shop that the path names, and the path's numbers. With `?quiet=true` it announces nothing.
struct At<T = ()> {
    control: ShopControl,
    rest: T,
}

/// What stands behind the shop in a path.
trait Rest: Sized {
    fn read(parts: &[String]) -> Option<Self>;
}

impl Rest for () {
    fn read(parts: &[String]) -> Option<Self> {
        parts.is_empty().then_some(())
    }
}

impl Rest for u64 {
    fn read(parts: &[String]) -> Option<Self> {
        let [id] = parts else { return None };
        id.parse().ok()
    }
}

impl Rest for (u64, u64) {
    fn read(parts: &[String]) -> Option<Self> {
        let [first, second] = parts else { return None };
        Some((first.parse().ok()?, second.parse().ok()?))
    }
}

impl Rest for String {
    fn read(parts: &[String]) -> Option<Self> {
        let [text] = parts else { return None };
        Some(text.clone())
    }
}

impl<T: Rest> FromRequestParts<Arc<Shops>> for At<T> {
    type Rejection = Refused;

    async fn from_request_parts(
        parts: &mut Parts,
        shops: &Arc<Shops>,
    ) -> Result<Self, Self::Rejection> {
        let Path(path) = Path::<Vec<String>>::from_request_parts(parts, shops)
            .await
            .map_err(|error| Refused::Invalid(error.to_string()))?;
        let (shop, rest) = path
            .split_first()
            .ok_or_else(|| Refused::Unknown("the path names no shop".to_owned()))?;
        let known = shops
            .find(shop)
            .ok_or_else(|| Refused::Unknown(format!("there is no shop {shop}")))?;
        let rest = T::read(rest)
            .ok_or_else(|| Refused::Invalid(format!("{} is no number", rest.join(" or "))))?;
        let control = ShopControl::new(Arc::clone(known));
        let control = match parameter(parts.uri.query(), "quiet").as_deref() {
            None | Some("false") => control,
            Some("true" | "") => control.without_webhooks(),
            Some(_) => return Err(Refused::Invalid("quiet: it is true or false".to_owned())),
        };
        Ok(Self { control, rest })
    }
}

/// A parameter of the query string.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// A JSON body, whatever its content type: `curl -d` says that it is a form.
struct Body<T>(T);

impl<T: DeserializeOwned> FromRequest<Arc<Shops>> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, shops: &Arc<Shops>) -> Result<Self, Self::Rejection> {
        let bytes = Bytes::from_request(request, shops)
            .await
            .map_err(|error| Refused::Invalid(error.to_string()))?;
        // An empty body asks for what can be left out.
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(bytes).map(Self).map_err(|error| {
            Refused::Invalid(format!("the body is not what is asked for: {error}"))
        })
    }
}
