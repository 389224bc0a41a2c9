//! Admin GraphQL over HTTP.

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
use crate::graphql::{MAX_QUERY_COST, Request};
use crate::shop::Shop;

/// The stable versions that can be called, oldest first.
const VERSIONS: [&str; 4] = ["2026-01", "2026-04", "2026-07", "2026-10"];
const NON_EXPIRING: &str = "[API] Non-expiring access tokens are no longer accepted for the Admin API. Use an expiring \
     access token";
const TOKEN: &str = "x-shopify-access-token";

/// The version that answers a call to `asked`: an older one falls forward to the oldest that there is.
fn served_version(asked: &str) -> Option<&'static str> {
    let (year, month) = asked.split_once('-')?;
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) || !("01"..="12").contains(&month) {
        return None;
    }
    if asked < VERSIONS[0] {
        return Some(VERSIONS[0]);
    }
    VERSIONS.into_iter().find(|version| *version == asked)
}

/// A request that may be executed, or the answer to one that may not.
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
    let asked = parse_request(&shops, &headers, body);
    let request_id = shop.request_id();
    shop.count(|calls| {
        calls.requests += 1;
        *calls.operations.entry(asked.name.clone()).or_default() += 1;
    });
    let fault = shop.take_fault(Route::Graphql(&asked.name));
    let injector = FaultInjector {
        shop,
        connection: &connection,
        request_id: &request_id,
        cost: asked.cost,
    };
    let response = execute(shop, asked, &headers, version, &request_id);
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
    let refusal = |prepared, name: Option<String>| ParsedRequest {
        prepared: Err(prepared),
        name: name.unwrap_or_default(),
        cost: 0,
    };
    let request = match read_body(headers, body) {
        Ok(request) => request,
        Err(response) => return refusal(response, None),
    };
    match shops.admin.prepare(&request) {
        Ok(prepared) => ParsedRequest {
            name: prepared.operation_name().unwrap_or_default().to_owned(),
            cost: prepared.requested_cost(),
            prepared: Ok(prepared),
        },
        Err(errors) => refusal(
            response::json(200, &json!({ "errors": errors })),
            request.operation_name,
        ),
    }
}

/// Reads the request's body as far as HTTP is concerned.
#[expect(clippy::result_large_err, reason = "the error is the answer")]
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
            "Not Acceptable: the answer is application/json",
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
    asked: ParsedRequest,
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
    let prepared = match asked.prepared {
        Ok(prepared) => prepared,
        Err(refusal) => return refusal,
    };
    let requested = asked.cost;
    if requested > MAX_QUERY_COST {
        return max_cost_exceeded(requested, MAX_QUERY_COST);
    }
    if !shop.with_bucket(|bucket, now| bucket.take(requested, now)) {
        return throttled(shop, requested);
    }
    let executing = Arc::clone(shop);
    // A page of many variants takes long enough to hold up others.
    let executed =
        tokio::task::spawn_blocking(move || executing.execute(&prepared, &access.scopes, version));
    let Ok(executed) = executed.await else {
        log::error!("{}: {} ended in a panic", shop.domain, asked.name);
        return status_response(500);
    };
    let actual = executed.actual_cost.min(requested);
    shop.with_bucket(|bucket, now| bucket.refund(requested - actual, now));
    shop.count(|calls| calls.points += actual);
    let extensions = json!({"cost": cost(shop, requested, Some(actual))});
    log::debug!(
        "{}: {} cost {actual} points, request {request_id}",
        shop.domain,
        asked.name
    );
    response::typed(200, response::JSON, executed.into_body(&extensions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_versions_fall_forward_and_unknown_ones_are_not_found() {
        for (asked, served) in [
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
            assert_eq!(served_version(asked), served, "{asked}");
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
