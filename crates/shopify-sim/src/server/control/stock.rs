//! Handles the routes for inventory and locations.

use serde::Deserialize;

use super::catalog::Name;
use super::request::{ControlResult, JsonBody, ShopPath, created, no_content};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stock {
    inventory_item_id: u64,
    location_id: u64,
    available: i32,
}

pub(super) async fn set(path: ShopPath, JsonBody(stock): JsonBody<Stock>) -> ControlResult {
    path.control
        .set_available(stock.inventory_item_id, stock.location_id, stock.available)?;
    no_content()
}

pub(super) async fn disconnect(path: ShopPath<(u64, u64)>) -> ControlResult {
    let (item, location) = path.parameters;
    path.control.disconnect_inventory_level(item, location)?;
    no_content()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    tracked: Option<bool>,
    sku: Option<String>,
}

pub(super) async fn update_item(
    path: ShopPath<u64>,
    JsonBody(item): JsonBody<Item>,
) -> ControlResult {
    path.control
        .update_inventory_item(path.parameters, item.tracked, item.sku.as_deref())?;
    no_content()
}

pub(super) async fn create_location(
    path: ShopPath,
    JsonBody(Name { name }): JsonBody<Name>,
) -> ControlResult {
    created(path.control.create_location(&name)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocationChange {
    name: Option<String>,
    active: Option<bool>,
}

pub(super) async fn update_location(
    path: ShopPath<u64>,
    JsonBody(change): JsonBody<LocationChange>,
) -> ControlResult {
    path.control
        .update_location(path.parameters, change.name.as_deref(), change.active)?;
    no_content()
}

pub(super) async fn delete_location(path: ShopPath<u64>) -> ControlResult {
    path.control.delete_location(path.parameters)?;
    no_content()
}
