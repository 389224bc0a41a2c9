//! Changes of stock and of the places that hold it.

use serde::Deserialize;

use super::catalog::Name;
use super::{Answer, At, Body, created, done};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stock {
    inventory_item_id: u64,
    location_id: u64,
    available: i32,
}

pub(super) async fn set(at: At, Body(stock): Body<Stock>) -> Answer {
    at.control
        .set_available(stock.inventory_item_id, stock.location_id, stock.available)?;
    done()
}

pub(super) async fn disconnect(at: At<(u64, u64)>) -> Answer {
    let (item, location) = at.rest;
    at.control.disconnect_inventory_level(item, location)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    tracked: Option<bool>,
    sku: Option<String>,
}

pub(super) async fn update_item(at: At<u64>, Body(item): Body<Item>) -> Answer {
    at.control
        .update_inventory_item(at.rest, item.tracked, item.sku.as_deref())?;
    done()
}

pub(super) async fn create_location(at: At, Body(Name { name }): Body<Name>) -> Answer {
    created(at.control.create_location(&name)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocationChange {
    name: Option<String>,
    active: Option<bool>,
}

pub(super) async fn update_location(at: At<u64>, Body(change): Body<LocationChange>) -> Answer {
    at.control
        .update_location(at.rest, change.name.as_deref(), change.active)?;
    done()
}

pub(super) async fn delete_location(at: At<u64>) -> Answer {
    at.control.delete_location(at.rest)?;
    done()
}
