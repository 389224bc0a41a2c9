//! Handles the routes for discounts and collections.

use super::request::{ControlResult, JsonBody, ShopPath, created, no_content};
use crate::catalog::change::{CollectionChange, DiscountChange};

pub(super) async fn create_discount(
    path: ShopPath,
    JsonBody(discount): JsonBody<DiscountChange>,
) -> ControlResult {
    created(path.control.create_discount(&discount)?)
}

pub(super) async fn update_discount(
    path: ShopPath<u64>,
    JsonBody(change): JsonBody<DiscountChange>,
) -> ControlResult {
    path.control.update_discount(path.parameters, &change)?;
    no_content()
}

pub(super) async fn delete_discount(path: ShopPath<u64>) -> ControlResult {
    path.control.delete_discount(path.parameters)?;
    no_content()
}

pub(super) async fn create_collection(
    path: ShopPath,
    JsonBody(collection): JsonBody<CollectionChange>,
) -> ControlResult {
    created(path.control.create_collection(&collection)?)
}

pub(super) async fn update_collection(
    path: ShopPath<u64>,
    JsonBody(change): JsonBody<CollectionChange>,
) -> ControlResult {
    path.control.update_collection(path.parameters, &change)?;
    no_content()
}

pub(super) async fn delete_collection(path: ShopPath<u64>) -> ControlResult {
    path.control.delete_collection(path.parameters)?;
    no_content()
}
