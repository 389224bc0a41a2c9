//! What the `query:` of each connection may name, and where to find it.

use super::super::object::Ask;
use super::super::refusal::Refusal;
use super::super::search::{Found, Searched};
use crate::bulk::Operation;
use crate::catalog::discount::{Discount, RedeemCode};
use crate::catalog::model::{Collection, Level, Location, Product, Seconds, Variant};
use crate::webhook::subscription::Subscription;

pub(super) const PRODUCT: &[&str] = &[
    "id",
    "status",
    "title",
    "handle",
    "vendor",
    "product_type",
    "tag",
    "sku",
    "barcode",
    "gift_card",
    "created_at",
    "updated_at",
    "published_at",
];
pub(super) const VARIANT: &[&str] = &[
    "id",
    "product_id",
    "product_ids",
    "product_status",
    "product_type",
    "vendor",
    "tag",
    "title",
    "sku",
    "barcode",
    "taxable",
    "updated_at",
];
pub(super) const ITEM: &[&str] = &["id", "sku", "created_at", "updated_at"];
pub(super) const LEVEL: &[&str] = &["inventory_item_id", "updated_at"];
pub(super) const COLLECTION: &[&str] = &["id", "title", "handle", "collection_type", "updated_at"];
pub(super) const LOCATION: &[&str] = &["id", "location_id", "name", "active", "created_at"];
pub(super) const DISCOUNT: &[&str] = &[
    "id",
    "title",
    "status",
    "method",
    "code",
    "discount_class",
    "starts_at",
    "ends_at",
    "created_at",
    "updated_at",
];
pub(super) const CODE: &[&str] = &["id", "times_used"];
pub(super) const SUBSCRIPTION: &[&str] = &["id", "topic", "created_at", "updated_at"];

pub(crate) const BULK_OPERATION: &[&str] = &["id", "status", "operation_type", "created_at"];

/// Saved searches are the merchant's, and the simulated merchant has none.
pub(super) fn no_saved_search(ask: Ask<'_>) -> Result<(), Refusal> {
    match ask.text("savedSearchId") {
        Some(_) => Err(Refusal::not_modelled("saved searches")),
        None => Ok(()),
    }
}

fn flag(value: bool) -> Found<'static> {
    Found::Word(if value { "true" } else { "false" })
}

impl Searched for &Product {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        let variants = || self.variants.iter();
        Some(match field {
            "id" => Found::Number(self.id),
            "status" => Found::Word(self.status.as_str()),
            "title" => Found::Text(&self.title),
            "handle" => Found::Word(&self.handle),
            "vendor" => Found::Word(&self.vendor),
            "product_type" => Found::Word(&self.kind),
            "tag" => Found::Words(self.tags.iter().map(|tag| &**tag).collect()),
            "sku" => Found::Words(variants().filter_map(|each| each.sku.as_deref()).collect()),
            "barcode" => {
                let barcodes = variants().filter_map(|each| each.barcode.as_deref());
                Found::Words(barcodes.collect())
            }
            "gift_card" => flag(self.gift_card),
            "created_at" => Found::Moment(self.created_at),
            "updated_at" => Found::Moment(self.updated_at),
            "published_at" => Found::Moment(self.published_at?),
            _ => return None,
        })
    }
}

/// A variant with the product that it is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct VariantOf<'a> {
    pub(super) product: &'a Product,
    pub(super) variant: &'a Variant,
}

impl Searched for VariantOf<'_> {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        Some(match field {
            "id" => Found::Number(self.variant.id),
            "product_id" | "product_ids" => Found::Number(self.product.id),
            "product_status" => Found::Word(self.product.status.as_str()),
            "sku" => Found::Word(self.variant.sku.as_deref()?),
            "barcode" => Found::Word(self.variant.barcode.as_deref()?),
            "taxable" => flag(self.variant.taxable),
            "updated_at" => Found::Moment(self.variant.updated_at),
            // What remains is said of the product.
            _ => return self.product.field(field),
        })
    }
}

/// A variant looked at as what is stocked.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemOf<'a>(pub(super) &'a Variant);

impl Searched for ItemOf<'_> {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        Some(match field {
            "id" => Found::Number(self.0.item.id),
            "sku" => Found::Word(self.0.sku.as_deref()?),
            "created_at" => Found::Moment(self.0.created_at),
            "updated_at" => Found::Moment(self.0.item.updated_at),
            _ => return None,
        })
    }
}

/// A level with the number of the item that it is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelOf<'a> {
    pub(super) item: u64,
    pub(super) level: &'a Level,
}

impl Searched for LevelOf<'_> {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        Some(match field {
            "inventory_item_id" => Found::Number(self.item),
            "updated_at" => Found::Moment(self.level.updated_at),
            _ => return None,
        })
    }
}

impl Searched for &Collection {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        Some(match field {
            "id" => Found::Number(self.id),
            "title" => Found::Text(&self.title),
            "handle" => Found::Word(&self.handle),
            "collection_type" => Found::Word(if self.tag.is_some() {
                "smart"
            } else {
                "custom"
            }),
            "updated_at" => Found::Moment(self.updated_at),
            _ => return None,
        })
    }
}

impl Searched for &Location {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        Some(match field {
            "id" | "location_id" => Found::Number(self.id),
            "name" => Found::Text(&self.name),
            "active" => flag(self.active),
            "created_at" => Found::Moment(self.created_at),
            _ => return None,
        })
    }
}

/// A discount at a moment, which decides its status.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiscountAt<'a> {
    pub(super) discount: &'a Discount,
    pub(super) now: i64,
}

impl Searched for DiscountAt<'_> {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        let discount = self.discount;
        Some(match field {
            "id" => Found::Number(discount.id),
            "title" => Found::Text(&discount.title),
            "status" => Found::Word(discount.status(self.now)),
            "method" if discount.kind.has_codes() => Found::Word("code"),
            "method" => Found::Word("automatic"),
            "code" => Found::Words(discount.codes.iter().map(|code| &*code.code).collect()),
            "discount_class" => Found::Word(discount.class()),
            "starts_at" => Found::Moment(discount.starts_at),
            "ends_at" => Found::Moment(discount.ends_at?),
            "created_at" => Found::Moment(discount.created_at),
            "updated_at" => Found::Moment(discount.updated_at),
            _ => return None,
        })
    }
}

impl Searched for &RedeemCode {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        match field {
            "id" => Some(Found::Number(self.id)),
            "times_used" => u64::try_from(self.used).ok().map(Found::Number),
            _ => None,
        }
    }
}

impl Searched for &Subscription {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        Some(match field {
            "id" => Found::Number(self.id),
            "topic" => Found::Word(&self.topic),
            "created_at" => Found::Moment(self.created_at),
            "updated_at" => Found::Moment(self.updated_at),
            _ => return None,
        })
    }
}

/// A bulk operation as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OperationAt<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) now: Seconds,
}

impl Searched for OperationAt<'_> {
    fn field(&self, field: &str) -> Option<Found<'_>> {
        Some(match field {
            "id" => Found::Number(self.operation.id),
            "status" => Found::Word(self.operation.status_at(self.now)),
            "operation_type" => Found::Word("query"),
            "created_at" => Found::Moment(self.operation.created_at),
            _ => return None,
        })
    }
}
