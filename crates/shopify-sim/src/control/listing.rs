//! Lists the objects of a shop, for choosing what to change.

use serde::Serialize;

use super::ShopControl;
use crate::catalog::model::{Product, Variant};

/// A summary of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProductSummary {
    /// The numeric id.
    pub id: u64,
    /// The title.
    pub title: String,
    /// `ACTIVE`, `ARCHIVED`, `DRAFT` or `UNLISTED`.
    pub status: &'static str,
    /// The lowest price, such as `12.50`.
    pub price: String,
    /// The variants, in the merchant's order.
    pub variants: Vec<VariantSummary>,
}

/// A summary of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VariantSummary {
    /// The numeric id.
    pub id: u64,
    /// The title.
    pub title: String,
    /// The SKU.
    pub sku: Option<String>,
    /// The price, such as `12.50`.
    pub price: String,
    /// The numeric id of its inventory item.
    pub inventory_item_id: u64,
    /// The numeric ids of the locations that stock it.
    pub location_ids: Vec<u64>,
}

/// How many variants of a product are listed.
const VARIANTS: usize = 10;

impl ProductSummary {
    fn of(product: &Product) -> Self {
        let variants = product.variants.iter().take(VARIANTS);
        Self {
            id: product.id,
            title: product.title.to_string(),
            status: product.status.as_str(),
            price: product.price_range().0.money(),
            variants: variants
                .map(|variant| VariantSummary::of(product, variant))
                .collect(),
        }
    }
}

impl VariantSummary {
    fn of(product: &Product, variant: &Variant) -> Self {
        let levels = variant.item.levels.iter();
        Self {
            id: variant.id,
            title: product.variant_title(variant),
            sku: variant.sku.as_deref().map(str::to_owned),
            price: variant.price.money(),
            inventory_item_id: variant.item.id,
            location_ids: levels.map(|level| level.location).collect(),
        }
    }
}

impl ShopControl {
    /// The first `limit` products by id, each with its first ten variants.
    pub fn products(&self, limit: usize) -> Vec<ProductSummary> {
        self.shop.with_catalog(|catalog| {
            let products = catalog.products.values().take(limit);
            products.map(ProductSummary::of).collect()
        })
    }

    /// The numeric ids of all products, ascending.
    pub fn product_ids(&self) -> Vec<u64> {
        self.shop
            .with_catalog(|catalog| catalog.products.keys().copied().collect())
    }

    /// The numeric ids of all collections, ascending.
    pub fn collection_ids(&self) -> Vec<u64> {
        self.shop
            .with_catalog(|catalog| catalog.collections.keys().copied().collect())
    }

    /// The numeric ids of all discounts, ascending.
    pub fn discount_ids(&self) -> Vec<u64> {
        self.shop
            .with_catalog(|catalog| catalog.discounts.keys().copied().collect())
    }

    /// The numeric ids of all locations, ascending.
    pub fn location_ids(&self) -> Vec<u64> {
        self.shop
            .with_catalog(|catalog| catalog.locations.keys().copied().collect())
    }
}
