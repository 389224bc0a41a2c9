//! Serves the shops over HTTP: Admin GraphQL, OAuth, bulk files and the control.

mod bulk;
mod connection;
mod control;
mod fault_injection;
mod graphql;
mod oauth;
mod query;
mod response;
mod shops;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::tasks::Tasks;

pub(crate) use shops::Shops;

/// Accepts connections until the task ends.
pub(crate) async fn serve(listener: TcpListener, shops: Arc<Shops>, tasks: Tasks) {
    let router = router(shops);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => tasks.spawn(connection::connection(stream, router.clone())),
            // Out of file handles, or a connection that is already closed: later ones may succeed.
            Err(error) => {
                log::warn!("A connection could not be accepted: {error}; waiting for the next one");
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
