//! Injects faults into the embedded server: errors, lost or truncated requests and responses, stalls.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::stream;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use s3s::Body;

use super::log::LoggedRequest;

/// A fault to inject: which requests it matches, and its effect on them.
#[derive(Debug, Clone)]
pub struct Fault {
    method: Option<Method>,
    path: String,
    skip: usize,
    times: usize,
    effect: Effect,
}

/// The effect of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Returns an S3 error without handling the request.
    ErrorResponse {
        /// The HTTP status.
        status: u16,
        /// The `<Code>`.
        code: &'static str,
        /// The `Retry-After` header.
        retry_after: Option<Duration>,
    },
    /// Resets the connection within the request's body, without handling the request.
    TruncateRequest {
        /// The number of bytes of the body to read first.
        after: usize,
    },
    /// Handles the request, then resets the connection instead of responding.
    LoseResponse,
    /// Handles the request, then returns a 500.
    ErrorAfterSuccess,
    /// Handles the request and resets the connection within the response's body.
    TruncateResponse {
        /// The number of bytes of the body to send first.
        after: usize,
    },
    /// Never responds.
    Stall,
}

impl Effect {
    /// 503 `SlowDown`.
    pub const fn slow_down() -> Self {
        Self::ErrorResponse {
            status: 503,
            code: "SlowDown",
            retry_after: None,
        }
    }
}

impl Fault {
    /// A fault of the next request, once.
    pub const fn new(effect: Effect) -> Self {
        Self {
            method: None,
            path: String::new(),
            skip: 0,
            times: 1,
            effect,
        }
    }

    /// Matches only requests with this method.
    #[must_use]
    pub fn on(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Matches only requests whose path or query contains `part`.
    #[must_use]
    pub fn at(mut self, part: impl Into<String>) -> Self {
        self.path = part.into();
        self
    }

    /// Skips the first `skip` matching requests.
    #[must_use]
    pub const fn after(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    /// Applies to this many requests.
    #[must_use]
    pub const fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    fn matches(&self, request: &LoggedRequest) -> bool {
        let path_matches = self.path.is_empty()
            || request.path.contains(&self.path)
            || request.query.contains(&self.path);
        path_matches
            && self
                .method
                .as_ref()
                .is_none_or(|method| *method == request.method)
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
    }

    /// The effect on `request` of the first fault that matches, which counts as one of its times.
    pub(super) fn take(&self, request: &LoggedRequest) -> Option<Effect> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults
            .iter_mut()
            .find(|fault| fault.times > 0 && fault.matches(request))?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.effect.clone())
    }
}

impl Effect {
    pub(super) async fn apply<F>(
        self,
        mut request: Request<Incoming>,
        handle: impl FnOnce(Request<Incoming>) -> F,
    ) -> io::Result<Response<Body>>
    where
        F: Future<Output = io::Result<Response<Body>>>,
    {
        match self {
            Self::ErrorResponse {
                status,
                code,
                retry_after,
            } => {
                // With an unread body the client would see a reset before the response.
                while request
                    .body_mut()
                    .frame()
                    .await
                    .is_some_and(|frame| frame.is_ok())
                {}
                error_response(status, code, retry_after)
            }
            Self::TruncateRequest { after } => {
                let mut read = 0;
                while read < after {
                    match request.body_mut().frame().await {
                        Some(Ok(frame)) => read += frame.data_ref().map_or(0, bytes::Bytes::len),
                        _ => break,
                    }
                }
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Self::LoseResponse => {
                drain(handle(request).await?).await?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Self::ErrorAfterSuccess => {
                drain(handle(request).await?).await?;
                error_response(500, "InternalError", None)
            }
            Self::TruncateResponse { after } => {
                let (head, body) = handle(request).await?.into_parts();
                let whole = body.collect().await.map_err(io::Error::other)?.to_bytes();
                let sent = whole.slice(..after.min(whole.len()));
                let cut = Err(io::Error::from(io::ErrorKind::ConnectionReset));
                let pieces = stream::iter([Ok(Frame::data(sent)), cut]);
                let body = Body::http_body(StreamBody::new(pieces));
                Ok(Response::from_parts(head, body))
            }
            Self::Stall => std::future::pending().await,
        }
    }
}

/// Reads the response to its end: some operations run while the body is read.
async fn drain(response: Response<Body>) -> io::Result<()> {
    let body = response.into_body().collect().await;
    body.map(drop).map_err(io::Error::other)
}

pub(super) fn error_response(
    status: u16,
    code: &str,
    wait: Option<Duration>,
) -> io::Result<Response<Body>> {
    let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message/></Error>");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    if let Some(wait) = wait {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, wait.as_secs().into());
    }
    Ok(response)
}
