//! Serves Admin GraphQL over HTTP: token, version, cost limit and throttling, then the document's execution.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::connection::ConnectionHandle;
use super::fault_injection::FaultInjector;
use super::response::{
    self, API_VERSION, cost, error_response, max_cost_exceeded, status_response, throttled,
    unauthorized, with_request_id,
};
use super::shops::Shops;
use crate::fault::Route;
use crate::graphql::prepared::PreparedOperation;
use crate::graphql::{MAX_QUERY_COST, Request, SUPPORTED_VERSIONS};
use crate::shop::Shop;

const NON_EXPIRING: &str = "[API] Non-expiring access tokens are no longer accepted for the Admin API. Use an expiring \
     access token";
const TOKEN: &str = "x-shopify-access-token";

/// The version that serves a request for `requested`; an older version falls forward to the oldest supported one.
fn served_version(requested: &str) -> Option<&'static str> {
    let (year, month) = requested.split_once('-')?;
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) || !("01"..="12").contains(&month) {
        return None;
    }
    let oldest = SUPPORTED_VERSIONS[0];
    if requested < oldest {
        return Some(oldest);
    }
    SUPPORTED_VERSIONS
        .into_iter()
        .find(|version| *version == requested)
}

/// A request that can be executed, or the error response for one that cannot.
struct ParsedRequest {
    prepared: Result<PreparedOperation, Response>,
    name: String,
    cost: u64,
}

pub(super) async fn post(
    State(shops): State<Arc<Shops>>,
    Path((shop, version)): Path<(String, String)>,
    Extension(connection): Extension<ConnectionHandle>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (Some(shop), Some(version)) = (shops.find(&shop), served_version(&version)) else {
        return response::not_found().await;
    };
    let request = parse_request(&shops, &headers, body);
    let request_id = shop.request_id();
    shop.count(|calls| {
        calls.requests += 1;
        *calls.operations.entry(request.name.clone()).or_default() += 1;
    });
    let fault = shop.take_fault(Route::Graphql(&request.name));
    let injector = FaultInjector {
        shop,
        connection: &connection,
        request_id: &request_id,
        cost: request.cost,
    };
    let response = execute(shop, request, &headers, version, &request_id);
    let mut response = injector.respond(fault, response).await;
    if response.status() != 200 {
        shop.count(|calls| calls.failed += 1);
    }
    let version = HeaderValue::from_static(version);
    response.headers_mut().insert(API_VERSION, version);
    with_request_id(response, &request_id)
}

fn parse_request(
    shops: &Shops,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> ParsedRequest {
    let rejected = |prepared, name: Option<String>| ParsedRequest {
        prepared: Err(prepared),
        name: name.unwrap_or_default(),
        cost: 0,
    };
    let request = match read_body(headers, body) {
        Ok(request) => request,
        Err(response) => return rejected(response, None),
    };
    match shops.admin.prepare(&request) {
        Ok(prepared) => ParsedRequest {
            name: prepared.operation_name().unwrap_or_default().to_owned(),
            cost: prepared.requested_cost(),
            prepared: Ok(prepared),
        },
        Err(errors) => rejected(
            response::json(200, &json!({ "errors": errors })),
            request.operation_name,
        ),
    }
}

/// Reads the request's body and checks its HTTP headers.
#[expect(clippy::result_large_err, reason = "the error is the response")]
fn read_body(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Request, Response> {
    let body = body.map_err(IntoResponse::into_response)?;
    let header = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let accepted = header(ACCEPT).is_none_or(accepts_json);
    if !accepted {
        return Err(error_response(
            406,
            "Not Acceptable: the response is application/json",
        ));
    }
    let media_type = header(CONTENT_TYPE).unwrap_or("").split(';').next();
    let media_type = media_type.unwrap_or("").trim().to_ascii_lowercase();
    if media_type == "application/graphql" {
        let query = String::from_utf8(body.to_vec())
            .map_err(|_| error_response(400, "the body is not UTF-8"))?;
        return Ok(Request {
            query,
            operation_name: None,
            variables: serde_json::Map::new(),
        });
    }
    if media_type != "application/json" {
        return Err(error_response(
            415,
            "Unsupported Media Type: send application/json",
        ));
    }
    let value: Value = serde_json::from_slice(&body)
        .map_err(|error| error_response(400, &format!("the body is not JSON: {error}")))?;
    if !value.get("query").is_some_and(Value::is_string) {
        let errors = json!({"query": "Required parameter missing or invalid"});
        return Err(response::json(400, &json!({ "errors": errors })));
    }
    serde_json::from_value(value).map_err(|error| error_response(400, &error.to_string()))
}

fn accepts_json(accept: &str) -> bool {
    let ranges = accept
        .split(',')
        .filter_map(|range| range.split(';').next());
    ranges.map(str::trim).any(|range| {
        ["application/json", "application/*", "*/*"]
            .iter()
            .any(|known| range.eq_ignore_ascii_case(known))
    })
}

async fn execute(
    shop: &Arc<Shop>,
    request: ParsedRequest,
    headers: &HeaderMap,
    version: &'static str,
    request_id: &str,
) -> Response {
    let token = headers.get(TOKEN).and_then(|token| token.to_str().ok());
    let Some(access) = token.and_then(|token| shop.access(token)) else {
        return unauthorized();
    };
    if access.is_deprecated && shop.requires_expiring_tokens() {
        return error_response(403, NON_EXPIRING);
    }
    let prepared = match request.prepared {
        Ok(prepared) => prepared,
        Err(rejected) => return rejected,
    };
    let requested = request.cost;
    if requested > MAX_QUERY_COST {
        return max_cost_exceeded(requested, MAX_QUERY_COST);
    }
    if !shop.with_bucket(|bucket, now| bucket.take(requested, now)) {
        return throttled(shop, requested);
    }
    let executing = Arc::clone(shop);
    // A page of many variants takes long enough to block other requests.
    let executed =
        tokio::task::spawn_blocking(move || executing.execute(&prepared, &access.scopes, version));
    let Ok(executed) = executed.await else {
        log::error!(
            "{}: the execution of {} panicked; the response is a 500",
            shop.domain,
            request.name
        );
        return status_response(500);
    };
    let actual = executed.actual_cost.min(requested);
    shop.with_bucket(|bucket, now| bucket.refund(requested - actual, now));
    shop.count(|calls| calls.points += actual);
    let extensions = json!({"cost": cost(shop, requested, Some(actual))});
    log::debug!(
        "{}: {} cost {actual} points, request {request_id}",
        shop.domain,
        request.name
    );
    response::typed(200, response::JSON, executed.into_body(&extensions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_versions_fall_forward_and_unknown_ones_are_not_found() {
        for (requested, served) in [
            ("2026-10", Some("2026-10")),
            ("2026-04", Some("2026-04")),
            ("2025-04", Some("2026-01")),
            ("2019-12", Some("2026-01")),
            ("2026-02", None),
            ("2027-01", None),
            ("2025-13", None),
            ("2025-1", None),
            ("unstable", None),
            ("", None),
        ] {
            assert_eq!(served_version(requested), served, "{requested}");
        }
    }

    #[test]
    fn json_must_be_acceptable() {
        for accept in ["*/*", "text/html, Application/JSON;q=0.5", "application/*"] {
            assert!(accepts_json(accept), "{accept}");
        }
        for accept in ["text/html", "application/xml", ""] {
            assert!(!accepts_json(accept), "{accept}");
        }
    }
}
