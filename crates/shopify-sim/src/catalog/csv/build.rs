//! Builds products from the rows of a product export.

use std::collections::HashSet;
use std::sync::Arc;

use super::CsvProduct;
use crate::catalog::model::{
    FIRST_DAY, InventoryItem, InventoryLevel, OptionValue, Product, ProductOption, ProductStatus,
    Variant,
};
use crate::fnv::{OFFSET_BASIS, fnv1a};

/// An id for `name` that does not depend on the rest of the file.
fn number(name: &str, taken: &mut HashSet<u64>) -> u64 {
    // Below 2^44, so that ids look like Shopify's.
    let hash = fnv1a(OFFSET_BASIS, name.bytes()) >> 20;
    let mut id = 1_000_000_000_000 + hash;
    while !taken.insert(id) {
        id += 1;
    }
    id
}

pub(in crate::catalog) fn products(listed: &[CsvProduct], location_ids: &[u64]) -> Vec<Product> {
    let mut taken = HashSet::new();
    listed
        .iter()
        .map(|product| build(product, location_ids, &mut taken))
        .collect()
}

fn build(listed: &CsvProduct, location_ids: &[u64], taken: &mut HashSet<u64>) -> Product {
    let handle = listed.handle.as_str();
    let mut options: Vec<ProductOption> = listed
        .option_names
        .iter()
        .map(|name| ProductOption {
            id: number(&format!("option {handle} {name}"), taken),
            name: name.as_str().into(),
            values: Vec::new(),
        })
        .collect();
    let mut variants = Vec::with_capacity(listed.variants.len());
    for variant in &listed.variants {
        let mut choices = [0; 3];
        for (index, value) in variant.choices.iter().enumerate() {
            choices[index] = choose(handle, &mut options[index], value, taken);
        }
        let key = format!("{handle} {}", variant.choices.join(" / "));
        variants.push(Variant {
            id: number(&format!("variant {key}"), taken),
            choices,
            sku: text(&variant.sku),
            barcode: text(&variant.barcode),
            price: variant.price,
            compare_at: variant.compare_at,
            oversell: variant.oversell,
            taxable: variant.taxable,
            created_at: FIRST_DAY,
            updated_at: FIRST_DAY,
            item: InventoryItem {
                id: number(&format!("item {key}"), taken),
                tracked: variant.tracked,
                requires_shipping: variant.requires_shipping,
                updated_at: FIRST_DAY,
                levels: location_ids
                    .first()
                    .map(|location| level(*location, variant.quantity))
                    .into_iter()
                    .collect(),
            },
            metafields: Vec::new(),
        });
    }
    let status = listed.status.unwrap_or(ProductStatus::Active);
    Product {
        id: number(&format!("product {handle}"), taken),
        title: listed.title.as_str().into(),
        handle: handle.into(),
        html: listed.html.as_str().into(),
        kind: listed.kind.as_str().into(),
        vendor: listed.vendor.as_str().into(),
        tags: listed
            .tags
            .iter()
            .map(|tag| Arc::from(tag.as_str()))
            .collect(),
        status,
        category: None,
        gift_card: listed.gift_card,
        created_at: FIRST_DAY,
        updated_at: FIRST_DAY,
        published_at: (status != ProductStatus::Draft).then_some(FIRST_DAY),
        options,
        variants,
        metafields: Vec::new(),
    }
}

/// The index of `value` in the option's values; a new value is appended.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a product has at most 2048 variants, so at most as many values"
)]
fn choose(handle: &str, option: &mut ProductOption, value: &str, taken: &mut HashSet<u64>) -> u16 {
    let index = option
        .values
        .iter()
        .position(|known| &*known.name == value)
        .unwrap_or_else(|| {
            let id = number(&format!("value {handle} {} {value}", option.name), taken);
            option.values.push(OptionValue {
                id,
                name: value.into(),
            });
            option.values.len() - 1
        });
    index as u16
}

fn level(location: u64, available: i32) -> InventoryLevel {
    InventoryLevel {
        location,
        active: true,
        available,
        committed: 0,
        incoming: 0,
        updated_at: FIRST_DAY,
    }
}

fn text(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}
