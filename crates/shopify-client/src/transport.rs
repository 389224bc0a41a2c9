//! Defines the transport: sends one HTTP request at a time, over the network or from a test script.

mod network;
#[cfg(feature = "testing")]
mod scripted;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub(crate) use network::{NetworkSettings, NetworkTransport};
#[cfg(feature = "testing")]
pub use scripted::{ScriptedRequest, ScriptedResponse, ScriptedTransport};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A response body as a stream. It ends after its first error.
pub type ResponseBody = BoxStream<'static, Result<Bytes, TransportError>>;

/// Sends one HTTP request. The [`Client`](crate::Client) sends all requests through a transport and does the rest
/// itself: pacing, retries, size limits, and interpreting responses.
///
/// The default transport uses the network. Pass another to
/// [`ClientBuilder::transport`](crate::ClientBuilder::transport) to route requests differently, to record them, or to
/// test without a network (feature `testing`: `ScriptedTransport`).
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request, once, and returns the response as soon as its head has arrived. Every status is a response.
    ///
    /// Do not follow redirects: requests carry secrets in headers and bodies. A request may have a [`RequestTimeout`]
    /// in its extensions.
    ///
    /// # Errors
    /// See [`TransportError`]; it states whether the request may have been sent.
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<ResponseBody>, TransportError>;
}

/// A request extension: the time limit until the whole response has arrived, instead of
/// [`Timeouts::request`](crate::Timeouts::request).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTimeout(pub Duration);

/// An error of a request without a complete response, classified by what the server may have done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The request is invalid and cannot be sent. It is not retried.
    #[error("the request cannot be sent")]
    InvalidRequest(#[source] Source),
    /// The connection failed, so nothing was sent. It is retried.
    #[error("the connection failed")]
    ConnectFailed {
        /// Whether a timeout was the cause.
        timed_out: bool,
        /// Why.
        #[source]
        source: Source,
    },
    /// The connection was lost or timed out: the server may have executed the request. It is retried only if it is
    /// repeatable.
    #[error("no complete response arrived")]
    ConnectionLost {
        /// Whether a timeout was the cause.
        timed_out: bool,
        /// Why.
        #[source]
        source: Source,
    },
}

impl TransportError {
    /// Whether a timeout was the cause.
    pub fn timed_out(&self) -> bool {
        match self {
            Self::InvalidRequest(_) => false,
            Self::ConnectFailed { timed_out, .. } | Self::ConnectionLost { timed_out, .. } => {
                *timed_out
            }
        }
    }
}
