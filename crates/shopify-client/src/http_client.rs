//! Sends one HTTP request through the transport and reads its response, up to the size limit.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use url::Url;

use crate::retry::parse_retry_after;
use crate::transport::{Transport, TransportError};
use crate::{Endpoint, Error, RetryPolicy};

/// The transport and the settings that all HTTP requests share.
#[derive(Debug)]
pub(crate) struct HttpClient {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) endpoint: Endpoint,
    pub(crate) retry: RetryPolicy,
    /// In bytes.
    pub(crate) max_response_size: usize,
}

/// A complete HTTP response, not yet interpreted.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<String>,
    pub(crate) api_version: Option<String>,
    pub(crate) body: Bytes,
}

/// An error of one attempt, and how it may be retried.
#[derive(Debug)]
pub(crate) struct RequestFailure {
    pub(crate) error: Error,
    pub(crate) retry: Retry,
}

/// How a failed attempt may be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Not at all: the same request will fail the same way.
    Never,
    /// With a new access token.
    WithNewToken,
    /// After a pause, for which `Retry-After` may set a minimum. The request was not executed.
    Throttled(Option<Duration>),
    /// After a pause. The request was not sent: the connection failed.
    NotSent,
    /// After a pause, and only if the request is repeatable: it may have been executed.
    Transient(Option<Duration>),
}

impl RequestFailure {
    pub(crate) fn permanent(error: Error) -> Self {
        let retry = Retry::Never;
        Self { error, retry }
    }

    pub(crate) fn transient(error: Error, after: Option<Duration>) -> Self {
        let retry = Retry::Transient(after);
        Self { error, retry }
    }
}

impl HttpClient {
    /// Sends one request and reads the whole response. Fails if the body exceeds the size limit.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        request: http::Result<http::Request<Bytes>>,
    ) -> Result<RawResponse, RequestFailure> {
        let failed = |error: TransportError| transport_failure(operation, error);
        let request =
            request.map_err(|error| failed(TransportError::InvalidRequest(error.into())))?;
        let response = self.transport.send(request).await.map_err(failed)?;
        let headers = response.headers();
        let mut raw = RawResponse {
            status: response.status().as_u16(),
            retry_after: header_text(headers, "retry-after")
                .and_then(|value| parse_retry_after(value, header_text(headers, "date"))),
            request_id: header_text(headers, "x-request-id").map(str::to_owned),
            api_version: header_text(headers, "x-shopify-api-version").map(str::to_owned),
            body: Bytes::new(),
        };
        let (mut chunks, mut body) = (response.into_body(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(failed)?;
            if body.len() + chunk.len() > self.max_response_size {
                return Err(response_too_large(operation, self.max_response_size));
            }
            body.extend_from_slice(&chunk);
        }
        raw.body = body.into();
        Ok(raw)
    }
}

/// Starts a POST request with JSON as content type and as accepted type.
pub(crate) fn post(url: &Url) -> http::request::Builder {
    http::Request::post(url.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json")
}

fn transport_failure(operation: &'static str, error: TransportError) -> RequestFailure {
    RequestFailure {
        retry: match error {
            TransportError::InvalidRequest(_) => Retry::Never,
            TransportError::ConnectFailed { .. } => Retry::NotSent,
            TransportError::ConnectionLost { .. } => Retry::Transient(None),
        },
        error: Error::Transport {
            operation,
            timed_out: error.timed_out(),
            source: Box::new(error),
        },
    }
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn response_too_large(operation: &'static str, limit: usize) -> RequestFailure {
    RequestFailure::permanent(Error::Transport {
        operation,
        timed_out: false,
        source: format!("the response is larger than {limit} bytes").into(),
    })
}
