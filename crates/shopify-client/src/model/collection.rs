//! Collections and their members.

use serde::{Deserialize, Serialize};

use super::{Connection, Metafield, SortLists, scalar};
use crate::Gid;

/// A collection with all its products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// `gid://shopify/Collection/…`
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
    /// How the shop sorts the products: `MANUAL`, `BEST_SELLING`, `ALPHA_ASC` and so on.
    pub sort_order: String,
    /// The suffix of the theme's template; `None` for the default template.
    pub template_suffix: Option<String>,
    /// RFC 3339. It does not change when a rule adds or removes a product.
    pub updated_at: String,
    /// All products, in the order of their ids.
    pub products: Connection<ProductSummary>,
    /// The metafields of the chosen namespaces.
    pub metafields: Connection<Metafield>,
}

/// A product as a member of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSummary {
    /// `gid://shopify/Product/…`
    pub id: Gid,
    /// The title that customers see.
    pub title: String,
    /// The unique part of its URL.
    pub handle: String,
}

impl SortLists for Collection {
    fn sort_lists(&mut self) {
        let products = self.products.nodes_mut();
        products.sort_by_key(|product| product.id.number());
        products.dedup_by_key(|product| product.id.number());
        Metafield::sort_lists(&mut self.metafields);
    }
}
