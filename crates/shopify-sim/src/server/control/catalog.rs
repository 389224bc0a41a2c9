//! Handles the routes for the shop as a whole.

use serde::Deserialize;
use serde_json::json;

use super::request::{ControlError, ControlResult, JsonBody, ShopPath, no_content, ok};
use crate::server::response;

pub(super) async fn summary(path: ShopPath) -> ControlResult {
    let control = &path.control;
    ok(&json!({
        "domain": control.domain(),
        "products": control.product_ids().len(),
        "discounts": control.discount_ids(),
        "collections": control.collection_ids(),
        "locations": control.location_ids(),
        "installed_scopes": control.installed_scopes(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub(super) name: String,
}

pub(super) async fn rename(
    path: ShopPath,
    JsonBody(Name { name }): JsonBody<Name>,
) -> ControlResult {
    path.control.rename_shop(&name)?;
    no_content()
}

pub(super) async fn truth(path: ShopPath) -> ControlResult {
    // Writing a large catalogue takes long, so it does not block other requests.
    let text = tokio::task::spawn_blocking(move || path.control.truth_text());
    let body = text
        .await
        .map_err(|error| ControlError::Invalid(error.to_string()))?;
    Ok(response::typed(
        200,
        "application/json; charset=utf-8",
        body,
    ))
}
