//! Routes the control over HTTP, under `/_sim/`.

mod catalog;
mod events;
mod marketing;
mod products;
mod request;
mod stock;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use serde_json::json;

use super::response;
use super::shops::Shops;

pub(super) fn routes() -> Router<Arc<Shops>> {
    Router::new()
        .route("/_sim", get(shops))
        .merge(catalog_routes())
        .merge(event_routes())
}

fn catalog_routes() -> Router<Arc<Shops>> {
    let product = put(products::update).delete(products::delete);
    let discount = put(marketing::update_discount).delete(marketing::delete_discount);
    let collection = put(marketing::update_collection).delete(marketing::delete_collection);
    let location = put(stock::update_location).delete(stock::delete_location);
    let level = delete(stock::disconnect);
    Router::new()
        .route("/_sim/{shop}", get(catalog::summary).put(catalog::rename))
        .route("/_sim/{shop}/truth", get(catalog::truth))
        .route(
            "/_sim/{shop}/products",
            get(products::list).post(products::create),
        )
        .route("/_sim/{shop}/products/{id}", product)
        .route("/_sim/{shop}/products/{id}/price", put(products::price))
        .route(
            "/_sim/{shop}/products/{id}/metafield",
            put(products::metafield),
        )
        .route("/_sim/{shop}/inventory", put(stock::set))
        .route("/_sim/{shop}/inventory/{item}/{location}", level)
        .route("/_sim/{shop}/inventory_items/{id}", put(stock::update_item))
        .route("/_sim/{shop}/discounts", post(marketing::create_discount))
        .route("/_sim/{shop}/discounts/{id}", discount)
        .route(
            "/_sim/{shop}/collections",
            post(marketing::create_collection),
        )
        .route("/_sim/{shop}/collections/{id}", collection)
        .route("/_sim/{shop}/locations", post(stock::create_location))
        .route("/_sim/{shop}/locations/{id}", location)
}

fn event_routes() -> Router<Arc<Shops>> {
    let faults = get(events::faults)
        .post(events::add_fault)
        .delete(events::clear_faults);
    let tokens = post(events::issue_token).delete(events::revoke_tokens);
    Router::new()
        .route("/_sim/{shop}/calls", get(events::calls))
        .route("/_sim/{shop}/shuffle", post(events::shuffle))
        .route("/_sim/{shop}/faults", faults)
        .route("/_sim/{shop}/subscriptions", get(events::subscriptions))
        .route("/_sim/{shop}/deliveries", get(events::deliveries))
        .route("/_sim/{shop}/deliveries/drop", post(events::drop))
        .route("/_sim/{shop}/deliveries/duplicate", post(events::duplicate))
        .route("/_sim/{shop}/deliveries/hold", post(events::hold))
        .route("/_sim/{shop}/deliveries/release", post(events::release))
        .route(
            "/_sim/{shop}/deliveries/{id}/redeliver",
            post(events::redeliver),
        )
        .route("/_sim/{shop}/bulk", get(events::bulk).put(events::set_bulk))
        .route("/_sim/{shop}/bulk/finish", post(events::finish_bulk))
        .route("/_sim/{shop}/tokens", tokens)
        .route("/_sim/{shop}/install", get(events::install))
        .route("/_sim/{shop}/uninstall", post(events::uninstall))
        .route("/_sim/{shop}/comply", post(events::comply))
}

async fn shops(State(shops): State<Arc<Shops>>) -> Response {
    let domains: Vec<_> = shops.by_name.values().map(|shop| &shop.domain).collect();
    response::json(200, &json!({ "shops": domains }))
}
