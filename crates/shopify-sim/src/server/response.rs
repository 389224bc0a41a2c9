//! Builds responses in Shopify's wording.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::shop::Shop;

pub(super) const API_VERSION: HeaderName = HeaderName::from_static("x-shopify-api-version");
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LIMITS: &str = "https://shopify.dev/api/usage/rate-limits";

pub(super) const JSON: &str = "application/json; charset=utf-8";

/// `body` as JSON.
pub(super) fn json(status: u16, body: &Value) -> Response {
    typed(status, JSON, body.to_string())
}

pub(super) fn typed(status: u16, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// A response with only `errors`. Outside of GraphQL, Shopify writes it as a string.
pub(super) fn error_response(status: u16, errors: &str) -> Response {
    json(status, &json!({ "errors": errors }))
}

pub(super) async fn not_found() -> Response {
    error_response(404, "Not Found")
}

/// The response for this status in Shopify's wording. Gateways respond in HTML.
pub(super) fn status_response(status: u16) -> Response {
    let errors = match status {
        401 => "[API] Invalid API key or access token (unrecognized login or wrong password)",
        402 => "[API] This shop is frozen. The shop's owner has to pay before it can be used",
        403 => "[API] Forbidden: the app may not do this in this shop",
        404 => "Not Found",
        423 => "[API] This shop is locked",
        429 => "Exceeded the limit of calls. Reduce request rates to resume uninterrupted service.",
        430 => "[API] Shopify security rejection",
        502..=504 => {
            let page =
                format!("<!DOCTYPE html><title>{status}</title><h1>Something went wrong</h1>");
            return typed(status, "text/html; charset=utf-8", page);
        }
        500.. => "Internal Server Error",
        _ => "Bad Request",
    };
    error_response(status, errors)
}

pub(super) fn unauthorized() -> Response {
    status_response(401)
}

/// The response to a request that costs more points than are available now.
pub(super) fn throttled(shop: &Shop, requested: u64) -> Response {
    shop.count(|calls| calls.throttled += 1);
    let error = json!({"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS}});
    json(
        200,
        &json!({"errors": [error], "extensions": {"cost": cost(shop, requested, None)}}),
    )
}

/// `extensions.cost`.
pub(super) fn cost(shop: &Shop, requested: u64, actual: Option<u64>) -> Value {
    json!({
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": shop.with_bucket(Bucket::status),
    })
}

/// The response to a request that costs more than the maximum for a single query.
pub(super) fn max_cost_exceeded(requested: u64, max: u64) -> Response {
    let message = format!(
        "Query cost is {requested}, which exceeds the single query max cost limit ({max}).\n\nSee {LIMITS} for more \
         information on how the cost of a query is calculated."
    );
    let extensions = json!({
        "code": "MAX_COST_EXCEEDED",
        "cost": requested,
        "maxCost": max,
        "documentation": LIMITS,
    });
    json(
        200,
        &json!({"errors": [{"message": message, "extensions": extensions}]}),
    )
}

/// The error for a failure on Shopify's side.
pub(super) fn internal_error(request_id: &str) -> Value {
    json!({
        "message": format!(
            "Internal error. Looks like something went wrong on our end.\nRequest ID: {request_id} (include this in \
             support requests)."
        ),
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id},
    })
}

/// Adds the request's id to a response.
pub(super) fn with_request_id(mut response: Response, request_id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// An HTML page for a browser.
pub(super) fn html_page(status: u16, title: &str, text: &str) -> Response {
    let page =
        format!("<!DOCTYPE html>\n<title>{title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n");
    typed(status, "text/html; charset=utf-8", page).into_response()
}
