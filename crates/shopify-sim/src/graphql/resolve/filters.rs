//! Defines the filters that the `query` argument of each connection supports.

use super::super::field_error::FieldError;
use super::super::object::SelectedField;
use super::super::search::{SearchValue, Searchable};
use crate::bulk::BulkOperation;
use crate::catalog::discount::{Discount, RedeemCode};
use crate::catalog::model::{Collection, InventoryLevel, Location, Product, Seconds, Variant};
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

/// Saved searches are not simulated.
pub(super) fn reject_saved_search(selected: SelectedField<'_>) -> Result<(), FieldError> {
    match selected.text("savedSearchId") {
        Some(_) => Err(FieldError::not_simulated("saved searches")),
        None => Ok(()),
    }
}

fn flag(value: bool) -> SearchValue<'static> {
    SearchValue::Keyword(if value { "true" } else { "false" })
}

impl Searchable for &Product {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        let variants = || self.variants.iter();
        Some(match field {
            "id" => SearchValue::Number(self.id),
            "status" => SearchValue::Keyword(self.status.as_str()),
            "title" => SearchValue::Text(&self.title),
            "handle" => SearchValue::Keyword(&self.handle),
            "vendor" => SearchValue::Keyword(&self.vendor),
            "product_type" => SearchValue::Keyword(&self.kind),
            "tag" => SearchValue::Keywords(self.tags.iter().map(|tag| &**tag).collect()),
            "sku" => {
                SearchValue::Keywords(variants().filter_map(|each| each.sku.as_deref()).collect())
            }
            "barcode" => {
                let barcodes = variants().filter_map(|each| each.barcode.as_deref());
                SearchValue::Keywords(barcodes.collect())
            }
            "gift_card" => flag(self.gift_card),
            "created_at" => SearchValue::Timestamp(self.created_at),
            "updated_at" => SearchValue::Timestamp(self.updated_at),
            "published_at" => SearchValue::Timestamp(self.published_at?),
            _ => return None,
        })
    }
}

/// A variant with its product.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchableVariant<'a> {
    pub(super) product: &'a Product,
    pub(super) variant: &'a Variant,
}

impl Searchable for SearchableVariant<'_> {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        Some(match field {
            "id" => SearchValue::Number(self.variant.id),
            "product_id" | "product_ids" => SearchValue::Number(self.product.id),
            "product_status" => SearchValue::Keyword(self.product.status.as_str()),
            "sku" => SearchValue::Keyword(self.variant.sku.as_deref()?),
            "barcode" => SearchValue::Keyword(self.variant.barcode.as_deref()?),
            "taxable" => flag(self.variant.taxable),
            "updated_at" => SearchValue::Timestamp(self.variant.updated_at),
            // All other filters are those of the product.
            _ => return self.product.field(field),
        })
    }
}

/// An inventory item, by its variant.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchableInventoryItem<'a>(pub(super) &'a Variant);

impl Searchable for SearchableInventoryItem<'_> {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        Some(match field {
            "id" => SearchValue::Number(self.0.item.id),
            "sku" => SearchValue::Keyword(self.0.sku.as_deref()?),
            "created_at" => SearchValue::Timestamp(self.0.created_at),
            "updated_at" => SearchValue::Timestamp(self.0.item.updated_at),
            _ => return None,
        })
    }
}

/// An inventory level with the id of its item.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchableInventoryLevel<'a> {
    pub(super) item: u64,
    pub(super) level: &'a InventoryLevel,
}

impl Searchable for SearchableInventoryLevel<'_> {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        Some(match field {
            "inventory_item_id" => SearchValue::Number(self.item),
            "updated_at" => SearchValue::Timestamp(self.level.updated_at),
            _ => return None,
        })
    }
}

impl Searchable for &Collection {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        Some(match field {
            "id" => SearchValue::Number(self.id),
            "title" => SearchValue::Text(&self.title),
            "handle" => SearchValue::Keyword(&self.handle),
            "collection_type" => SearchValue::Keyword(if self.tag.is_some() {
                "smart"
            } else {
                "custom"
            }),
            "updated_at" => SearchValue::Timestamp(self.updated_at),
            _ => return None,
        })
    }
}

impl Searchable for &Location {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        Some(match field {
            "id" | "location_id" => SearchValue::Number(self.id),
            "name" => SearchValue::Text(&self.name),
            "active" => flag(self.active),
            "created_at" => SearchValue::Timestamp(self.created_at),
            _ => return None,
        })
    }
}

/// A discount at a time, which decides its status.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchableDiscount<'a> {
    pub(super) discount: &'a Discount,
    pub(super) now: i64,
}

impl Searchable for SearchableDiscount<'_> {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        let discount = self.discount;
        Some(match field {
            "id" => SearchValue::Number(discount.id),
            "title" => SearchValue::Text(&discount.title),
            "status" => SearchValue::Keyword(discount.status(self.now)),
            "method" if discount.kind.has_codes() => SearchValue::Keyword("code"),
            "method" => SearchValue::Keyword("automatic"),
            "code" => {
                SearchValue::Keywords(discount.codes.iter().map(|code| &*code.code).collect())
            }
            "discount_class" => SearchValue::Keyword(discount.class()),
            "starts_at" => SearchValue::Timestamp(discount.starts_at),
            "ends_at" => SearchValue::Timestamp(discount.ends_at?),
            "created_at" => SearchValue::Timestamp(discount.created_at),
            "updated_at" => SearchValue::Timestamp(discount.updated_at),
            _ => return None,
        })
    }
}

impl Searchable for &RedeemCode {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        match field {
            "id" => Some(SearchValue::Number(self.id)),
            "times_used" => u64::try_from(self.used).ok().map(SearchValue::Number),
            _ => None,
        }
    }
}

impl Searchable for &Subscription {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        Some(match field {
            "id" => SearchValue::Number(self.id),
            "topic" => SearchValue::Keyword(&self.topic),
            "created_at" => SearchValue::Timestamp(self.created_at),
            "updated_at" => SearchValue::Timestamp(self.updated_at),
            _ => return None,
        })
    }
}

/// A bulk operation at a time, which decides its status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SearchableBulkOperation<'a> {
    pub(crate) operation: &'a BulkOperation,
    pub(crate) now: Seconds,
}

impl Searchable for SearchableBulkOperation<'_> {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        Some(match field {
            "id" => SearchValue::Number(self.operation.id),
            "status" => SearchValue::Keyword(self.operation.status_at(self.now)),
            "operation_type" => SearchValue::Keyword("query"),
            "created_at" => SearchValue::Timestamp(self.operation.created_at),
            _ => return None,
        })
    }
}
