//! The shops' addresses: Admin GraphQL, OAuth and the control.

mod bulk;
mod connection;
mod control;
mod fault_injection;
mod graphql;
mod oauth;
mod response;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use hyper::Uri;
use indexmap::IndexMap;
use tokio::net::TcpListener;

use crate::graphql::AdminApi;
use crate::shop::Shop;
use crate::tasks::Tasks;

/// All shops of a simulator.
#[derive(Debug)]
pub(crate) struct Shops {
    by_name: IndexMap<String, Arc<Shop>>,
    admin: Arc<AdminApi>,
}

impl Shops {
    pub(crate) fn new(by_name: IndexMap<String, Arc<Shop>>, admin: Arc<AdminApi>) -> Self {
        Self { by_name, admin }
    }

    /// The shop called `example` or `example.myshopify.com`.
    pub(crate) fn find(&self, shop: &str) -> Option<&Arc<Shop>> {
        let lower = shop.to_ascii_lowercase();
        let name = lower.strip_suffix(".myshopify.com").unwrap_or(&lower);
        self.by_name.get(name)
    }
}

/// Answers until the task ends.
pub(crate) async fn serve(listener: TcpListener, shops: Arc<Shops>, tasks: Tasks) {
    let router = router(shops);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => tasks.spawn(connection::connection(stream, router.clone())),
            // Out of file handles, or a connection that is gone already: others may still succeed.
            Err(error) => {
                log::warn!("a connection could not be accepted: {error}");
                tokio::task::yield_now().await;
            }
        }
    }
}

fn router(shops: Arc<Shops>) -> Router {
    let graphql = "/{shop}/admin/api/{version}/graphql.json";
    Router::new()
        .route(graphql, post(graphql::post))
        .route("/{shop}/admin/oauth/authorize", get(oauth::authorize))
        .route(
            "/{shop}/admin/oauth/access_token",
            post(oauth::access_token),
        )
        .route("/{shop}/bulk/{file}", get(bulk::file))
        .merge(control::routes())
        .fallback(response::not_found)
        .with_state(shops)
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
    fn the_shop_may_stand_in_the_host() {
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
