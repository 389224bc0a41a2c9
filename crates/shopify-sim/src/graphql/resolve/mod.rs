//! Dispatches each selected field to the resolver of its object.

pub(super) mod bulk_operation;
mod collection;
mod connection;
mod discount;
mod filters;
mod inventory;
mod lists;
mod product;
mod root;
mod shop;
mod sort;
mod values;
mod webhook;

use super::object::{FieldResult, Object, ObjectRef, ResolvedValue, SelectedField};

/// Resolves one field of `value`.
pub(super) fn resolve<'a>(
    value: &ResolvedValue<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    match value {
        ResolvedValue::Node(object) => self::object(object, selected),
        ResolvedValue::Connection(connection) => connection::connection(connection, selected),
        ResolvedValue::Edge(edge) => connection::edge(edge, selected),
        ResolvedValue::Object(_, fields) => {
            let found = fields.iter().find(|(name, _)| *name == selected.name());
            let found = found.map(|(_, value)| value.clone());
            found.ok_or_else(|| selected.not_simulated())
        }
        _ => Err(selected.not_simulated()),
    }
}

fn object<'a>(object: &Object<'a>, selected: SelectedField<'_>) -> FieldResult<'a> {
    let context = object.context;
    match object.node {
        ObjectRef::Query => root::query(context, selected),
        ObjectRef::Shop => shop::shop(context, selected),
        ObjectRef::AppInstallation => shop::installation(context, selected),
        ObjectRef::Product(product, at_root) => {
            product::product(context, product, at_root, selected)
        }
        ObjectRef::Variant(product, variant) => {
            product::variant(context, product, variant, selected)
        }
        ObjectRef::SelectedOption(name, value) => product::choice(name, value, selected),
        ObjectRef::InventoryItem(product, variant) => {
            inventory::item(context, product, variant, selected)
        }
        ObjectRef::InventoryLevel(product, variant, level) => {
            inventory::level(context, product, variant, level, selected)
        }
        ObjectRef::InventoryQuantity(level, name) => inventory::quantity(level, name, selected),
        ObjectRef::Location(location) => inventory::location(context, location, selected),
        ObjectRef::Collection(collection) => collection::collection(context, collection, selected),
        ObjectRef::CollectionSource(collection) => collection::source(collection, selected),
        ObjectRef::Metafield(field, owner) => product::metafield(field, owner, selected),
        ObjectRef::DiscountNode(discount, form) => {
            discount::node(context, discount, form, selected)
        }
        ObjectRef::Discount(discount) => discount::discount(context, discount, selected),
        ObjectRef::DiscountItems(discount, side) => {
            discount::items(context, discount, side, selected)
        }
        ObjectRef::RedeemCode(code) => discount::redeem_code(code, selected),
        ObjectRef::WebhookSubscription(subscription) => {
            webhook::subscription(subscription, selected)
        }
        ObjectRef::BulkOperation(operation) => {
            bulk_operation::operation(context, operation, selected)
        }
    }
}
