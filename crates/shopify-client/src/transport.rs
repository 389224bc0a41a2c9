//! How requests travel: one HTTP exchange at a time, over the network or from a script.

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

/// An answer's body as it arrives. It ends after its first error.
pub type ResponseBody = BoxStream<'static, Result<Bytes, TransportError>>;

/// One HTTP exchange. The [`Client`](crate::Client) makes its requests through this, and does the rest itself: pacing,
/// retries, size limits, and what an answer means.
///
/// By default requests go over the network. A transport of one's own is given to
/// [`ClientBuilder::transport`](crate::ClientBuilder::transport): to route requests in a special way, to record them,
/// or to test without a network (feature `testing`: `ScriptedTransport`).
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request, once, and gives the answer as soon as its head is there; every status is an answer.
    ///
    /// Redirects must not be followed: requests carry secrets in headers and bodies. A request may have an
    /// [`RequestTimeout`] among its extensions.
    ///
    /// # Errors
    /// See [`TransportError`]; it says whether something may have been sent.
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<ResponseBody>, TransportError>;
}

/// Among a request's extensions: how long it may take until its answer has arrived whole, instead of
/// [`Timeouts::request`](crate::Timeouts::request).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTimeout(pub Duration);

/// An exchange that gave no whole answer, by what may have happened at the other side.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// It can never be sent as it is. It is not tried again.
    #[error("the request cannot be sent")]
    InvalidRequest(#[source] Source),
    /// Nothing was sent: the connection could not be made. It is tried again.
    #[error("the connection could not be made")]
    ConnectFailed {
        /// Whether it took too long.
        timed_out: bool,
        /// Why.
        #[source]
        source: Source,
    },
    /// It may or may not have been acted upon. It is tried again only if that does no harm.
    #[error("no whole answer arrived")]
    ConnectionLost {
        /// Whether it took too long.
        timed_out: bool,
        /// Why.
        #[source]
        source: Source,
    },
}

impl TransportError {
    /// Whether it took too long.
    pub fn timed_out(&self) -> bool {
        match self {
            Self::InvalidRequest(_) => false,
            Self::ConnectFailed { timed_out, .. } | Self::ConnectionLost { timed_out, .. } => {
                *timed_out
            }
        }
    }
}
