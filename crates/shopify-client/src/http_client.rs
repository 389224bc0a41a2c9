//! Sends one HTTP request through the transport and reads its response, up to the size limit.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use url::Url;

use crate::retry::retry_after;
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
pub(crate) struct Failure {
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
    Unsent,
    /// It may or may not have been done.
    Passing(Option<Duration>),
}

impl Failure {
    pub(crate) fn never(error: Error) -> Self {
        let retry = Retry::Never;
        Self { error, retry }
    }

    pub(crate) fn passing(error: Error, after: Option<Duration>) -> Self {
        let retry = Retry::Passing(after);
        Self { error, retry }
    }
}

impl HttpClient {
    /// Sends one request and reads the answer, up to the size that is allowed.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        request: http::Result<http::Request<Bytes>>,
    ) -> Result<RawResponse, Failure> {
        let lost = |error: TransportError| lost(operation, error);
        let request =
            request.map_err(|error| lost(TransportError::InvalidRequest(error.into())))?;
        let response = self.transport.send(request).await.map_err(lost)?;
        let headers = response.headers();
        let mut arrived = RawResponse {
            status: response.status().as_u16(),
            retry_after: text(headers, "retry-after")
                .and_then(|value| retry_after(value, text(headers, "date"))),
            request_id: text(headers, "x-request-id").map(str::to_owned),
            api_version: text(headers, "x-shopify-api-version").map(str::to_owned),
            body: Bytes::new(),
        };
        let (mut chunks, mut body) = (response.into_body(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(lost)?;
            if body.len() + chunk.len() > self.max_response_size {
                return Err(too_large(operation, self.max_response_size));
            }
            body.extend_from_slice(&chunk);
        }
        arrived.body = body.into();
        Ok(arrived)
    }
}

/// A request with a JSON body, wanting a JSON answer.
pub(crate) fn post(url: &Url) -> http::request::Builder {
    http::Request::post(url.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json")
}

fn lost(operation: &'static str, error: TransportError) -> Failure {
    Failure {
        retry: match error {
            TransportError::InvalidRequest(_) => Retry::Never,
            TransportError::ConnectFailed { .. } => Retry::Unsent,
            TransportError::ConnectionLost { .. } => Retry::Passing(None),
        },
        error: Error::Transport {
            operation,
            timed_out: error.timed_out(),
            source: Box::new(error),
        },
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn too_large(operation: &'static str, limit: usize) -> Failure {
    Failure::never(Error::Transport {
        operation,
        timed_out: false,
        source: format!("the answer is larger than {limit} bytes").into(),
    })
}
