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

/// The transport, and the settings that every HTTP request shares.
#[derive(Debug)]
pub(crate) struct HttpClient {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) endpoint: Endpoint,
    pub(crate) retry: RetryPolicy,
    /// In bytes.
    pub(crate) max_response_size: usize,
}

/// An answer that has arrived whole.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<String>,
    pub(crate) api_version: Option<String>,
    pub(crate) body: Bytes,
}

/// A failure, and whether to try again.
#[derive(Debug)]
pub(crate) struct RequestFailure {
    pub(crate) error: Error,
    pub(crate) retry: Retry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The same request will fail the same way.
    Never,
    /// With another token.
    WithNewToken,
    /// Nothing was done, and it may be done a little later.
    Throttled(Option<Duration>),
    /// Nothing was sent: the connection could not be made.
    NotSent,
    /// It may or may not have been done.
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
    /// Sends one request and reads the answer, up to the size that is allowed.
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

/// A request with a JSON body, wanting a JSON answer.
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
        source: format!("the answer is larger than {limit} bytes").into(),
    })
}
