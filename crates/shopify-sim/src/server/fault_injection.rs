//! Injects faults into the responses of the server.

use std::future::Future;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use futures::stream;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, DATE, RETRY_AFTER};
use serde_json::{Value, json};

use super::connection::ConnectionHandle;
use super::response::{internal_error, json, status_response, throttled};
use crate::fault::{FaultKind, RetryAfter};
use crate::shop::Shop;

/// One request, and what a fault needs to know of it.
pub(super) struct FaultInjector<'a> {
    pub(super) shop: &'a Shop,
    pub(super) connection: &'a ConnectionHandle,
    pub(super) request_id: &'a str,
    /// The request's cost.
    pub(super) cost: u64,
}

impl FaultInjector<'_> {
    /// Returns `response`, or what `fault` makes of it.
    pub(super) async fn respond(
        &self,
        fault: Option<FaultKind>,
        response: impl Future<Output = Response>,
    ) -> Response {
        let Some(fault) = fault else {
            return response.await;
        };
        match fault {
            FaultKind::Status(status) => status_response(status),
            FaultKind::TooManyRequests(after) => self.too_many(after),
            FaultKind::Throttled => throttled(self.shop, self.cost),
            FaultKind::InternalError => {
                json(200, &json!({"errors": [internal_error(self.request_id)]}))
            }
            FaultKind::PartialData => self.with_error(response.await).await,
            FaultKind::Reset => self.connection.reset().await,
            FaultKind::LostResponse => {
                response.await;
                self.connection.reset().await
            }
            FaultKind::Truncated => truncated(response.await).await,
            FaultKind::Hang => std::future::pending().await,
        }
    }

    fn too_many(&self, after: Option<RetryAfter>) -> Response {
        self.shop.count(|calls| calls.throttled += 1);
        let now = self.shop.now();
        let mut response = status_response(429);
        let headers = response.headers_mut();
        let value = after.map(|after| match after {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(seconds) => http_date(now + TimeDelta::seconds(i64::from(seconds))),
        });
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(RETRY_AFTER, value);
        }
        // The shop's date, for comparing it with a date in `Retry-After`.
        if let Ok(date) = HeaderValue::try_from(http_date(now)) {
            headers.insert(DATE, date);
        }
        response
    }

    /// The response's data, with an additional error.
    async fn with_error(&self, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let Ok(mut body) = serde_json::from_slice::<Value>(&bytes) else {
            return Response::from_parts(parts, Body::from(bytes));
        };
        body["errors"] = json!([internal_error(self.request_id)]);
        parts.headers.remove(CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(body.to_string()))
    }
}

/// A date in the form of HTTP: `Tue, 24 Nov 2026 12:00:00 GMT`. RFC 9110, 5.6.7.
fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The first half of the response, with a `Content-Length` for all of it.
async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let length = HeaderValue::from(bytes.len());
    parts.headers.insert(CONTENT_LENGTH, length);
    let half = bytes.slice(..bytes.len() / 2);
    let cut = async {
        // Yields, so that the first half is sent before the error.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    };
    let body = stream::iter([Ok::<Bytes, _>(half)]).chain(stream::once(cut));
    Response::from_parts(parts, Body::from_stream(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_form_of_http() {
        let at = DateTime::from_timestamp(1_795_521_600, 0).unwrap();
        assert_eq!(http_date(at), "Tue, 24 Nov 2026 12:00:00 GMT");
    }
}
