//! Products with variants, inventory and metafields.

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
    /// The title that customers see.
    pub title: String,
    /// The unique part of its URL.
    pub handle: String,
    /// The description as plain text.
    pub description: String,
    /// The description as HTML.
    pub description_html: String,
    /// The merchant's own product type.
    pub product_type: String,
    /// The category in Shopify's taxonomy.
    pub category: Option<Category>,
    /// The manufacturer or brand.
    pub vendor: String,
    /// The merchant's tags, sorted.
    pub tags: Vec<String>,
    /// `ACTIVE`, `ARCHIVED`, `DRAFT` or `UNLISTED`.
    pub status: String,
    /// Whether it is a gift card.
    pub is_gift_card: bool,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339. Sales change it too.
    pub updated_at: String,
    /// RFC 3339; `None` if it is not published to the online store.
    pub published_at: Option<String>,
    /// `None` if it is not published to the online store.
    pub online_store_url: Option<String>,
    /// The available quantity of all variants at all locations.
    pub total_inventory: i64,
    /// Whether inventory is tracked for any variant.
    pub tracks_inventory: bool,
    /// Whether there is only the default variant.
    pub has_only_default_variant: bool,
    /// The options, by position.
    pub options: Vec<ProductOption>,
    /// The lowest and the highest price of the variants.
    pub price_range_v2: PriceRange,
    /// The metafields of the chosen namespaces, by namespace and key.
    pub metafields: Connection<Metafield>,
    /// All variants (up to 2,048), by position.
    pub variants: Connection<Variant>,
}

/// A category in Shopify's taxonomy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// `gid://shopify/TaxonomyCategory/aa-1-1`
    pub id: String,
    /// The path from the root, such as `Apparel & Accessories > Clothing`.
    pub full_name: String,
}

/// An option of a product, such as its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductOption {
    /// `gid://shopify/ProductOption/…`
    pub id: String,
    /// Such as `Size`.
    pub name: String,
    /// From 1.
    pub position: i64,
    /// The values, in the merchant's order.
    pub option_values: Vec<OptionValue>,
}

/// A value of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValue {
    /// `gid://shopify/ProductOptionValue/…`
    pub id: String,
    /// Such as `XL`.
    pub name: String,
}

/// The lowest and the highest price of the variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceRange {
    /// The lowest price.
    pub min_variant_price: Money,
    /// The highest price.
    pub max_variant_price: Money,
}

/// A custom field that the merchant or an app has attached.
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
    /// Always a string; types with structure hold JSON.
    pub value: String,
    /// RFC 3339.
    pub updated_at: String,
}

/// A variant of a product, the unit that customers buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// `gid://shopify/ProductVariant/…`
    pub id: Gid,
    /// The number of `id`.
    #[serde(deserialize_with = "scalar::text")]
    pub legacy_resource_id: String,
    /// The option values, such as `XL / Red`.
    pub title: String,
    /// The merchant's stock-keeping unit.
    pub sku: Option<String>,
    /// An EAN, UPC or other code.
    pub barcode: Option<String>,
    /// From 1.
    pub position: i64,
    /// A decimal in the shop's currency.
    #[serde(deserialize_with = "scalar::text")]
    pub price: String,
    /// The former price, shown crossed out: a decimal in the shop's currency.
    pub compare_at_price: Option<String>,
    /// Whether it can be bought now.
    pub available_for_sale: bool,
    /// `DENY` or `CONTINUE`: whether it can be bought when it is out of stock.
    pub inventory_policy: String,
    /// The available quantity at all locations; `None` if inventory is not tracked.
    pub inventory_quantity: Option<i64>,
    /// Whether it is taxable.
    pub taxable: bool,
    /// Its value of each option.
    pub selected_options: Vec<SelectedOption>,
    /// RFC 3339.
    pub updated_at: String,
    /// The inventory item that tracks its stock.
    pub inventory_item: InventoryItem,
}

/// The value that a variant has of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedOption {
    /// Such as `Size`.
    pub name: String,
    /// Such as `XL`.
    pub value: String,
}

/// An inventory item, which tracks stock. Variants may share one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryItem {
    /// `gid://shopify/InventoryItem/…`
    pub id: Gid,
    /// The number of `id`.
    #[serde(deserialize_with = "scalar::text")]
    pub legacy_resource_id: String,
    /// The merchant's stock-keeping unit.
    pub sku: Option<String>,
    /// Whether its inventory is tracked.
    pub tracked: bool,
    /// Whether it is shipped.
    pub requires_shipping: bool,
    /// RFC 3339.
    pub updated_at: String,
    /// The stock at each location, by location.
    pub inventory_levels: Connection<InventoryLevel>,
}

/// The stock of an inventory item at a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryLevel {
    /// `gid://shopify/InventoryLevel/…?inventory_item_id=…`
    pub id: String,
    /// Whether the location stocks the item.
    pub is_active: bool,
    /// RFC 3339.
    pub updated_at: String,
    /// The location.
    pub location: LevelLocation,
    /// `available`, `committed`, `incoming` and `on_hand`, by name.
    pub quantities: Vec<Quantity>,
}

/// The location of an inventory level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelLocation {
    /// `gid://shopify/Location/…`
    pub id: Gid,
    /// The merchant's name for it.
    pub name: String,
    /// Whether it is active.
    pub is_active: bool,
}

/// A quantity in one state.
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
        // First by id: a variant whose position changed between two pages comes twice.
        variants.sort_by_key(|variant| variant.id.number());
        variants.dedup_by_key(|variant| variant.id.number());
        variants.sort_by_key(|variant| variant.position);
        for variant in variants {
            variant.inventory_item.sort_lists();
        }
    }
}
