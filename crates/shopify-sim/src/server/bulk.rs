//! Serves the result files of bulk operations at signed addresses, as a storage service does.

use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::connection::ConnectionHandle;
use super::fault_injection::FaultInjector;
use super::query::query_parameter;
use super::response;
use super::shops::Shops;
use crate::fault::Route;
use crate::shop::Shop;

const JSONL: &str = "application/jsonl";

pub(super) async fn file(
    State(shops): State<Arc<Shops>>,
    Path((shop, file)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    Extension(connection): Extension<ConnectionHandle>,
    headers: HeaderMap,
) -> Response {
    let Some(shop) = shops.find(&shop) else {
        return response::not_found().await;
    };
    let fault = shop.take_fault(Route::BulkFile);
    let request_id = shop.request_id();
    let injector = FaultInjector {
        shop,
        connection: &connection,
        request_id: &request_id,
        cost: 0,
    };
    let found = find_file(shop, &file, query.as_deref());
    injector
        .respond(fault, async {
            found.map_or_else(access_denied, |text| range_response(&text, &headers))
        })
        .await
}

fn find_file(shop: &Shop, file: &str, query: Option<&str>) -> Option<Bytes> {
    let id = file.strip_suffix(".jsonl")?.parse().ok()?;
    shop.bulk_file(id, &query_parameter(query, "Signature")?)
}

fn access_denied() -> Response {
    response::typed(
        403,
        "application/xml",
        "<Error><Code>AccessDenied</Code></Error>",
    )
}

/// The file, or the requested range of it. RFC 9110, 14.
fn range_response(text: &Bytes, headers: &HeaderMap) -> Response {
    // Files never change, so the length is a sufficient ETag at one address.
    let tag = format!("\"{:x}\"", text.len());
    let given = |name: HeaderName| headers.get(name)?.to_str().ok();
    let same = given(IF_RANGE).is_none_or(|expected| expected == tag);
    let range_start = given(RANGE).filter(|_| same).and_then(range_start);
    let mut response = match range_start {
        None => response::typed(200, JSONL, text.clone()),
        Some(range_start) if range_start < text.len() => {
            response::typed(206, JSONL, text.slice(range_start..))
        }
        Some(_) => response::typed(416, JSONL, Bytes::new()),
    };
    let range = match range_start {
        Some(range_start) if range_start < text.len() => Some(format!(
            "bytes {range_start}-{}/{}",
            text.len() - 1,
            text.len()
        )),
        Some(_) => Some(format!("bytes */{}", text.len())),
        None => None,
    };
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    for (name, value) in [(ETAG, Some(tag)), (CONTENT_RANGE, range)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// The first byte of a range such as `bytes=5-`. Other forms are ignored, which RFC 9110 allows.
fn range_start(range: &str) -> Option<usize> {
    range
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> (u16, Option<String>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        let response = range_response(&Bytes::from_static(b"0123456789"), &map);
        let range = response.headers().get(CONTENT_RANGE);
        let range = range.map(|range| range.to_str().unwrap().to_owned());
        (response.status().as_u16(), range)
    }

    #[test]
    fn ranges_are_served_of_the_same_file() {
        assert_eq!(request(&[]), (200, None));
        let four_on = (206, Some("bytes 4-9/10".to_owned()));
        assert_eq!(request(&[("range", "bytes=4-")]), four_on);
        assert_eq!(
            request(&[("range", "bytes=4-"), ("if-range", "\"a\"")]),
            four_on
        );
        assert_eq!(
            request(&[("range", "bytes=4-"), ("if-range", "\"b\"")]),
            (200, None)
        );
        assert_eq!(
            request(&[("range", "bytes=10-")]),
            (416, Some("bytes */10".to_owned()))
        );
        assert_eq!(request(&[("range", "bytes=-4")]), (200, None));
    }
}
