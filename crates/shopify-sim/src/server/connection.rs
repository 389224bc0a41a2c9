//! Serves TCP connections and can reset them.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::ServiceExt;

/// A handle to the connection of a request; in each request's extensions.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionHandle(Arc<Notify>);

impl ConnectionHandle {
    /// Resets the connection. Never returns: the request ends with the connection.
    pub(super) async fn reset<T>(&self) -> T {
        self.0.notify_one();
        std::future::pending().await
    }
}

/// Serves one connection until it is closed or reset.
pub(super) async fn connection(stream: TcpStream, router: Router) {
    let handle = ConnectionHandle::default();
    let service = service_fn({
        let handle = handle.clone();
        move |request| serve(router.clone(), request, handle.clone())
    });
    // If this fails, small responses are only delayed.
    let _ = stream.set_nodelay(true);
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = &mut connection => {
            if let Err(error) = ended {
                log::debug!("A connection ended early: {error}");
            }
        }
        () = handle.0.notified() => {
            let stream = connection.into_parts().io.into_inner();
            // With a linger time of zero, closing sends RST instead of FIN.
            if let Err(error) = stream.set_zero_linger() {
                log::warn!("A connection could not be reset: {error}; it is closed instead");
            }
        }
    }
}

/// Boxed, because hyper returns the connection only if the future can be moved.
fn serve(
    router: Router,
    mut request: Request<Incoming>,
    handle: ConnectionHandle,
) -> BoxFuture<'static, Result<Response, Infallible>> {
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok());
    if let Some(uri) = uri_with_shop(request.uri(), host) {
        *request.uri_mut() = uri;
    }
    request.extensions_mut().insert(handle);
    Box::pin(router.oneshot(request.map(Body::new)))
}

/// Moves the shop from the host to the path, where the routes expect it: `/admin/…` of `example.myshopify.com` becomes
/// `/example.myshopify.com/admin/…`.
fn uri_with_shop(uri: &Uri, host: Option<&str>) -> Option<Uri> {
    let path = uri.path_and_query()?.as_str();
    if !path.starts_with("/admin/") {
        return None;
    }
    let host = host?.split(':').next()?;
    format!("/{host}{path}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_can_be_named_in_the_host() {
        let moved = |uri: &str, host| {
            let uri = uri_with_shop(&uri.parse().unwrap(), host);
            uri.map(|uri| uri.to_string())
        };
        assert_eq!(
            moved("/admin/oauth?a=b", Some("a.myshopify.com:443")).unwrap(),
            "/a.myshopify.com/admin/oauth?a=b"
        );
        assert_eq!(moved("/a/admin/oauth", Some("127.0.0.1:9292")), None);
        assert_eq!(moved("/admin/oauth", None), None);
        assert_eq!(moved("/admin/oauth", Some("a b")), None);
    }
}
