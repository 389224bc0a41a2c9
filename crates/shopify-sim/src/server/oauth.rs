//! Serves the grant page and the token endpoint.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::connection::ConnectionHandle;
use super::fault_injection::FaultInjector;
use super::response::{self, html_page, with_request_id};
use super::shops::Shops;
use crate::app::parse_scopes;
use crate::fault::Route;
use crate::oauth::{Authorization, TokenError, TokenResponse, encoded_host, signed_query};
use crate::shop::Shop;

type Parameters = HashMap<String, String>;

pub(super) async fn authorize(
    State(shops): State<Arc<Shops>>,
    Path(shop): Path<String>,
    Extension(connection): Extension<ConnectionHandle>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(shop) = shops.find(&shop) else {
        return response::not_found().await;
    };
    let query = query.unwrap_or_default();
    let parameters = form_urlencoded::parse(query.as_bytes()).into_owned();
    let parameters: Parameters = parameters.collect();
    let response = async {
        match authorize_app(shop, &parameters) {
            Ok(location) => (StatusCode::FOUND, [(LOCATION, location)]).into_response(),
            Err(problem) => html_page(400, "Oauth error", problem),
        }
    };
    respond(shop, &connection, Route::Authorize, response).await
}

async fn respond(
    shop: &Shop,
    connection: &ConnectionHandle,
    route: Route<'_>,
    response: impl Future<Output = Response>,
) -> Response {
    let request_id = shop.request_id();
    let injector = FaultInjector {
        shop,
        connection,
        request_id: &request_id,
        cost: 0,
    };
    let response = injector.respond(shop.take_fault(route), response).await;
    with_request_id(response, &request_id)
}

/// Authorizes the app at once, without asking a merchant. Returns the URL that the browser is redirected to.
fn authorize_app(shop: &Shop, parameters: &Parameters) -> Result<String, &'static str> {
    let app = shop.app();
    let parameter = |name: &str| parameters.get(name).map_or("", String::as_str);
    if app.api_key.is_empty() || parameter("client_id") != app.api_key {
        return Err("application_cannot_be_found: The application has not been found");
    }
    let redirect_uri = parameter("redirect_uri");
    let listed = app.redirect_uris.iter().any(|uri| uri == redirect_uri);
    let mut location = Url::parse(redirect_uri)
        .ok()
        .filter(|_| listed)
        .ok_or("invalid_request: The redirect_uri is not whitelisted")?;
    let state = parameter("state");
    if state.is_empty() {
        return Err("invalid_request: The parameter state is missing");
    }
    let mut scopes = parse_scopes(parameter("scope")).ok_or("invalid_scope: A scope is unknown")?;
    if scopes.is_empty() {
        scopes.clone_from(&app.scopes);
    }
    let online = parameter("grant_options[]") == "per-user";
    let authorization = Authorization { scopes, online };
    let code = shop.with_grants(|grants, now| grants.issue_code(authorization, now));
    let mut signed: Vec<(String, String)> = location.query_pairs().into_owned().collect();
    signed.extend(
        [
            ("code", code),
            ("host", encoded_host(&shop.domain)),
            ("shop", shop.domain.clone()),
            ("state", state.to_owned()),
            ("timestamp", shop.now().timestamp().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    location.set_query(Some(&signed_query(&app.api_secret, signed)));
    Ok(location.into())
}

pub(super) async fn access_token(
    State(shops): State<Arc<Shops>>,
    Path(shop): Path<String>,
    Extension(connection): Extension<ConnectionHandle>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(shop) = shops.find(&shop) else {
        return response::not_found().await;
    };
    shop.count(|calls| calls.token_requests += 1);
    let response = async {
        let body = match body {
            Ok(body) => body,
            Err(rejection) => return rejection.into_response(),
        };
        let token =
            read_parameters(&headers, &body).and_then(|parameters| issue_token(shop, &parameters));
        match token.map(|token| serde_json::to_value(token).unwrap_or_default()) {
            Ok(token) => response::json(200, &token),
            Err(error) => response::json(error.status(), &error.body()),
        }
    };
    respond(shop, &connection, Route::AccessToken, response).await
}

/// Reads the parameters from a JSON or form body.
fn read_parameters(headers: &HeaderMap, body: &[u8]) -> Result<Parameters, TokenError> {
    let media_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let media_type = media_type.unwrap_or_default().to_ascii_lowercase();
    if media_type.starts_with(b"application/x-www-form-urlencoded") {
        return Ok(form_urlencoded::parse(body).into_owned().collect());
    }
    if !media_type.starts_with(b"application/json") {
        return Err(TokenError::InvalidRequest(
            "The content type is neither JSON nor a form",
        ));
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return Err(TokenError::InvalidRequest("The body is not a JSON object"));
    };
    let text = |value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(flag).to_string()),
        _ => None,
    };
    let fields = fields.into_iter();
    Ok(fields
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect())
}

/// Issues the token that `parameters` are entitled to.
fn issue_token(shop: &Arc<Shop>, parameters: &Parameters) -> Result<TokenResponse, TokenError> {
    let app = shop.app();
    let parameter = |name: &str| parameters.get(name).map_or("", String::as_str);
    let required = |name: &'static str, problem| match parameter(name) {
        "" => Err(TokenError::InvalidRequest(problem)),
        value => Ok(value),
    };
    let client = required("client_id", "The parameter client_id is missing")?;
    let secret = required("client_secret", "The parameter client_secret is missing")?;
    if client != app.api_key {
        return Err(TokenError::UnknownApp);
    }
    if secret != app.api_secret {
        return Err(TokenError::WrongSecret);
    }
    match parameter("grant_type") {
        "" | "authorization_code" => {
            let code = required("code", "The parameter code is missing")?;
            let expiring = matches!(parameter("expiring"), "1" | "true");
            shop.grant_token(|grants, now| grants.exchange(code, expiring, now))
        }
        "refresh_token" => {
            let token = required("refresh_token", "The parameter refresh_token is missing")?;
            shop.grant_token(|grants, now| grants.refresh(token, now))
        }
        "client_credentials" => {
            shop.grant_token(|grants, now| Ok(grants.client_credentials(&app.scopes, now)))
        }
        _ => Err(TokenError::UnsupportedGrantType),
    }
}
