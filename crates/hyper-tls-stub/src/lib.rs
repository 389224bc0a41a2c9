//! Replaces `hyper-tls` with a connector that rejects every connection.
//!
//! `rusoto_core` uses `HttpsConnector` as the default transport of a client that this workspace never constructs
//! (`spaces_store` sends requests through its own dispatcher). The type must exist and satisfy hyper 0.14's bounds, but
//! it must never open a socket.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper014::Uri;
use hyper014::client::connect::{Connected, Connection};
use hyper014::service::Service;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The connector type that `rusoto_core` requires. Every call fails.
#[derive(Clone, Debug)]
pub struct HttpsConnector<T>(PhantomData<fn() -> T>);

impl<T> HttpsConnector<T> {
    /// Creates the connector.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for HttpsConnector<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Service<Uri> for HttpsConnector<T> {
    type Response = NoConnection;
    type Error = io::Error;
    type Future = Ready<Result<NoConnection, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "rusoto's own HTTP client is disabled in this build",
        )))
    }
}

/// A connection that cannot exist.
#[derive(Debug)]
pub struct NoConnection(Infallible);

impl Connection for NoConnection {
    fn connected(&self) -> Connected {
        match self.0 {}
    }
}

impl AsyncRead for NoConnection {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl AsyncWrite for NoConnection {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}
