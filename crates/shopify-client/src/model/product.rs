use serde::{Deserialize, Serialize};

use super::{Connection, Money, SortLists, scalar};
use crate::Gid;

/// A product with all its variants, inventory levels and metafields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// `gid://shopify/Product/…`
    pub id: Gid,
    /// The number of `id`.
    #[serde(deserialize_with = "scalar::text")]
    pub legacy_resource_id: String,
    /// What customers see.
    pub title: String,
    /// Its part of the URL.
    pub handle: String,
    /// Plain text.
    pub description: String,
    /// With its markup.
    pub description_html: String,
    /// The merchant's own kind.
    pub product_type: String,
    /// Its place in Shopify's taxonomy.
    pub category: Option<Category>,
    /// Who makes it.
    pub vendor: String,
    /// The merchant's tags, sorted.
    pub tags: Vec<String>,
    /// `ACTIVE`, `ARCHIVED`, `DRAFT` or `UNLISTED`.
    pub status: String,
    /// Whether it is a gift card.
    pub is_gift_card: bool,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339. Touched by sales too.
    pub updated_at: String,
    /// RFC 3339; `None` if it is not in the online store.
    pub published_at: Option<String>,
    /// `None` if it is not in the online store.
    pub online_store_url: Option<String>,
    /// What is available of all variants in all places.
    pub total_inventory: i64,
    /// Whether stock is counted for any variant.
    pub tracks_inventory: bool,
    /// Whether there is nothing to choose.
    pub has_only_default_variant: bool,
    /// What there is to choose, by position.
    pub options: Vec<ProductOption>,
    /// The cheapest and the dearest variant.
    pub price_range_v2: PriceRange,
    /// Those of the chosen namespaces, by namespace and key.
    pub metafields: Connection<Metafield>,
    /// All of them (up to 2,048), by position.
    pub variants: Connection<Variant>,
}

/// A place in Shopify's taxonomy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// `gid://shopify/TaxonomyCategory/aa-1-1`
    pub id: String,
    /// From the root, such as `Apparel & Accessories > Clothing`.
    pub full_name: String,
}

/// Something to choose, such as a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductOption {
    /// `gid://shopify/ProductOption/…`
    pub id: String,
    /// Such as `Size`.
    pub name: String,
    /// From 1.
    pub position: i64,
    /// What can be chosen, in the merchant's order.
    pub option_values: Vec<OptionValue>,
}

/// One of the values of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValue {
    /// `gid://shopify/ProductOptionValue/…`
    pub id: String,
    /// Such as `XL`.
    pub name: String,
}

/// The cheapest and the dearest variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceRange {
    /// The cheapest.
    pub min_variant_price: Money,
    /// The dearest.
    pub max_variant_price: Money,
}

/// A value that the merchant or an app has attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metafield {
    /// `gid://shopify/Metafield/…`
    pub id: String,
    /// Such as `custom`.
    pub namespace: String,
    /// Unique within its namespace.
    pub key: String,
    /// Such as `single_line_text_field` or `list.product_reference`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always a text; JSON in it for the types that need it.
    pub value: String,
    /// RFC 3339.
    pub updated_at: String,
}

/// What is bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// `gid://shopify/ProductVariant/…`
    pub id: Gid,
    /// The number of `id`.
    #[serde(deserialize_with = "scalar::text")]
    pub legacy_resource_id: String,
    /// The chosen values, such as `XL / Red`.
    pub title: String,
    /// The merchant's number for it.
    pub sku: Option<String>,
    /// EAN, UPC and so on.
    pub barcode: Option<String>,
    /// From 1.
    pub position: i64,
    /// A decimal in the shop's currency.
    #[serde(deserialize_with = "scalar::text")]
    pub price: String,
    /// The price before, crossed out: a decimal in the shop's currency.
    pub compare_at_price: Option<String>,
    /// Whether it can be bought now.
    pub available_for_sale: bool,
    /// `DENY` or `CONTINUE`: whether it can be bought with no stock.
    pub inventory_policy: String,
    /// What is available in all places; `None` if it is not counted.
    pub inventory_quantity: Option<i64>,
    /// Whether tax is due.
    pub taxable: bool,
    /// What it is of each option.
    pub selected_options: Vec<SelectedOption>,
    /// RFC 3339.
    pub updated_at: String,
    /// What its stock is counted by.
    pub inventory_item: InventoryItem,
}

/// What a variant is of one option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedOption {
    /// Such as `Size`.
    pub name: String,
    /// Such as `XL`.
    pub value: String,
}

/// What stock is counted by. One may serve several variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryItem {
    /// `gid://shopify/InventoryItem/…`
    pub id: Gid,
    /// The number of `id`.
    #[serde(deserialize_with = "scalar::text")]
    pub legacy_resource_id: String,
    /// The merchant's number for it.
    pub sku: Option<String>,
    /// Whether its stock is counted.
    pub tracked: bool,
    /// Whether it is sent by post.
    pub requires_shipping: bool,
    /// RFC 3339.
    pub updated_at: String,
    /// The stock in each place, by location.
    pub inventory_levels: Connection<InventoryLevel>,
}

/// The stock of one thing in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryLevel {
    /// `gid://shopify/InventoryLevel/…?inventory_item_id=…`
    pub id: String,
    /// Whether the place stocks it.
    pub is_active: bool,
    /// RFC 3339.
    pub updated_at: String,
    /// The place.
    pub location: LevelLocation,
    /// `available`, `committed`, `incoming` and `on_hand`, by name.
    pub quantities: Vec<Quantity>,
}

/// The place of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelLocation {
    /// `gid://shopify/Location/…`
    pub id: Gid,
    /// What the merchant calls it.
    pub name: String,
    /// Whether it holds stock now.
    pub is_active: bool,
}

/// How many there are in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// `available` and so on.
    pub name: String,
    /// May be negative.
    pub quantity: i64,
}

impl Metafield {
    pub(super) fn sort_lists(metafields: &mut Connection<Self>) {
        let nodes = metafields.nodes_mut();
        nodes.sort_by(|a, b| (&a.namespace, &a.key, &a.id).cmp(&(&b.namespace, &b.key, &b.id)));
        nodes.dedup_by(|a, b| a.id == b.id);
    }
}

impl SortLists for InventoryItem {
    fn sort_lists(&mut self) {
        let levels = self.inventory_levels.nodes_mut();
        levels.sort_by_key(|level| level.location.id.number());
        levels.dedup_by_key(|level| level.location.id.number());
        for level in levels {
            level.quantities.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }
}

impl SortLists for Product {
    fn sort_lists(&mut self) {
        self.tags.sort_unstable();
        self.options.sort_by_key(|option| option.position);
        Metafield::sort_lists(&mut self.metafields);
        let variants = self.variants.nodes_mut();
        // First by id alone: one whose position changed between two pages comes twice.
        variants.sort_by_key(|variant| variant.id.number());
        variants.dedup_by_key(|variant| variant.id.number());
        variants.sort_by_key(|variant| variant.position);
        for variant in variants {
            variant.inventory_item.sort_lists();
        }
    }
}
