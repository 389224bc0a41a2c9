//! Generates a catalogue as Shopify writes it into a bulk result: about 415 bytes a line.

use std::fmt::Write;
use std::sync::Arc;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The number of products, of variants and metafields per product, and of levels per variant.
#[derive(Debug, Clone, Copy)]
pub struct CatalogueSize {
    pub products: u64,
    pub variants: u64,
    pub levels: u64,
    pub metafields: u64,
}

/// A result with the counts that Shopify states.
pub struct Catalogue {
    text: Arc<String>,
    pub lines: u64,
    pub roots: u64,
}

impl Catalogue {
    /// Generates a grouped result: each object is followed by its children.
    pub fn make(size: CatalogueSize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut text = String::new();
        let mut lines = 0;
        for product in 0..size.products {
            let id = 7_880_321_190_000 + product * 32;
            write_product(&mut text, &mut random, id);
            for place in 0..size.metafields {
                write_metafield(&mut text, &mut random, id, place);
            }
            for place in 0..size.variants {
                let variant = id * 5 + place;
                write_variant(&mut text, &mut random, id, variant, place + 1);
                for place in 0..size.levels {
                    write_level(&mut text, &mut random, variant, place);
                }
                lines += 1 + size.levels;
            }
            lines += 1 + size.metafields;
        }
        Self {
            text: Arc::new(text),
            lines,
            roots: size.products,
        }
    }

    /// The same lines in any order.
    pub fn shuffled(&self) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let mut lines: Vec<&str> = self.text.split_inclusive('\n').collect();
        lines.shuffle(&mut random);
        Self {
            text: Arc::new(lines.concat()),
            ..*self
        }
    }

    pub fn text(&self) -> Arc<String> {
        Arc::clone(&self.text)
    }

    pub fn bytes(&self) -> u64 {
        self.text.len() as u64
    }
}

const WORDS: [&str; 16] = [
    "soft",
    "cotton",
    "shirt",
    "with",
    "a",
    "Größe",
    "wide",
    "collar",
    "of",
    "the",
    "summer",
    "line",
    "\\\"best\\\"",
    "and",
    "blue",
    "pocket",
];

fn words(text: &mut String, random: &mut impl Rng, count: usize) {
    for place in 0..count {
        let space = if place == 0 { "" } else { " " };
        let word = WORDS[random.random_range(0..WORDS.len())];
        let _ = write!(text, "{space}{word}");
    }
}

fn write_product(text: &mut String, random: &mut impl Rng, id: u64) {
    let _ = write!(
        text,
        r#"{{"id":"gid://shopify/Product/{id}","legacyResourceId":"{id}","title":""#
    );
    words(text, random, 5);
    let _ = write!(text, r#"","handle":"product-{id}","description":""#);
    words(text, random, 8);
    text.push_str(r#"","descriptionHtml":"\u003cp\u003e"#);
    words(text, random, 9);
    let _ = write!(
        text,
        r#"\u003c\/p\u003e","productType":"Shirts","category":{{"id":"gid://shopify/TaxonomyCategory/aa-1-13-8","fullName":"Apparel \u0026 Accessories \u003e Clothing \u003e Shirts"}},"vendor":"Example & Sons","tags":["blue","summer","cotton"],"status":"ACTIVE","isGiftCard":false,"createdAt":"2026-01-02T03:04:05Z","updatedAt":"2026-11-01T02:03:04Z","publishedAt":"2026-01-03T03:04:05Z","onlineStoreUrl":"https://example.com/products/product-{id}","totalInventory":{},"tracksInventory":true,"hasOnlyDefaultVariant":false,"options":[{{"id":"gid://shopify/ProductOption/{id}","name":"Size","position":1,"optionValues":[{{"id":"gid://shopify/ProductOptionValue/{id}","name":"M"}},{{"id":"gid://shopify/ProductOptionValue/{}","name":"L"}}]}}],"priceRangeV2":{{"minVariantPrice":{{"amount":"19.9","currencyCode":"EUR"}},"maxVariantPrice":{{"amount":"24.9","currencyCode":"EUR"}}}}}}"#,
        random.random_range(0..500),
        id + 1,
    );
    text.push('\n');
}

fn write_metafield(text: &mut String, random: &mut impl Rng, product: u64, place: u64) {
    let id = product * 2 + place;
    let _ = write!(
        text,
        r#"{{"id":"gid://shopify/Metafield/{id}","namespace":"custom","key":"field_{place}","type":"multi_line_text_field","value":""#
    );
    words(text, random, 6);
    let _ = write!(
        text,
        r#"","updatedAt":"2026-11-01T02:03:04Z","__parentId":"gid://shopify/Product/{product}"}}"#
    );
    text.push('\n');
}

fn write_variant(text: &mut String, random: &mut impl Rng, product: u64, id: u64, position: u64) {
    let _ = write!(
        text,
        r#"{{"id":"gid://shopify/ProductVariant/{id}","legacyResourceId":"{id}","title":"M / {position}","sku":"SKU-{id}","barcode":"4006381333931","position":{position},"price":"{}.90","compareAtPrice":null,"availableForSale":true,"inventoryPolicy":"DENY","inventoryQuantity":{},"taxable":true,"selectedOptions":[{{"name":"Size","value":"M"}}],"updatedAt":"2026-11-01T02:03:04Z","inventoryItem":{{"id":"gid://shopify/InventoryItem/{id}","legacyResourceId":"{id}","sku":"SKU-{id}","tracked":true,"requiresShipping":true,"updatedAt":"2026-11-01T02:03:04Z"}},"__parentId":"gid://shopify/Product/{product}"}}"#,
        random.random_range(5..90),
        random.random_range(0..90),
    );
    text.push('\n');
}

fn write_level(text: &mut String, random: &mut impl Rng, variant: u64, place: u64) {
    let _ = write!(
        text,
        r#"{{"id":"gid://shopify/InventoryLevel/{}?inventory_item_id={variant}","isActive":true,"updatedAt":"2026-11-01T02:03:04Z","location":{{"id":"gid://shopify/Location/{}","name":"Warehouse {place}","isActive":true}},"quantities":[{{"name":"available","quantity":{}}},{{"name":"committed","quantity":2}},{{"name":"incoming","quantity":0}},{{"name":"on_hand","quantity":9}}],"__parentId":"gid://shopify/ProductVariant/{variant}"}}"#,
        1000 + place,
        1000 + place,
        random.random_range(-3..90),
    );
    text.push('\n');
}
