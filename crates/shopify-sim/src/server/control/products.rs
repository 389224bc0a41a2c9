//! Handles the routes for products.

use axum::extract::RawQuery;
use serde::Deserialize;
use serde_json::json;

use super::request::{ControlError, ControlResult, JsonBody, ShopPath, created, no_content, ok};
use crate::catalog::change::ProductChange;
use crate::server::query::query_parameter;

pub(super) async fn list(path: ShopPath, RawQuery(query): RawQuery) -> ControlResult {
    let limit = match query_parameter(query.as_deref(), "limit") {
        None => 20,
        Some(text) => text
            .parse()
            .map_err(|_| ControlError::Invalid(format!("limit: {text} is not a number")))?,
    };
    ok(&json!({ "products": path.control.products(limit) }))
}

pub(super) async fn create(
    path: ShopPath,
    JsonBody(product): JsonBody<ProductChange>,
) -> ControlResult {
    created(path.control.create_product(&product)?)
}

pub(super) async fn update(
    path: ShopPath<u64>,
    JsonBody(change): JsonBody<ProductChange>,
) -> ControlResult {
    path.control.update_product(path.parameters, &change)?;
    no_content()
}

pub(super) async fn delete(path: ShopPath<u64>) -> ControlResult {
    path.control.delete_product(path.parameters)?;
    no_content()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    price: String,
    variant: Option<u64>,
}

pub(super) async fn price(path: ShopPath<u64>, JsonBody(price): JsonBody<Price>) -> ControlResult {
    path.control
        .set_price(path.parameters, price.variant, &price.price)?;
    no_content()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metafield {
    namespace: String,
    key: String,
    value: String,
}

pub(super) async fn metafield(
    path: ShopPath<u64>,
    JsonBody(field): JsonBody<Metafield>,
) -> ControlResult {
    path.control
        .set_metafield(path.parameters, &field.namespace, &field.key, &field.value)?;
    no_content()
}
