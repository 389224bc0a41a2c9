use serde::{Deserialize, Serialize};

use super::{Connection, Metafield, SortLists, scalar};
use crate::Gid;

/// A collection with its full membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// `gid://shopify/Collection/…`
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
    /// How the shop sorts its products: `MANUAL`, `BEST_SELLING`, `ALPHA_ASC` and so on.
    pub sort_order: String,
    /// The theme's template, if it is not the usual one.
    pub template_suffix: Option<String>,
    /// RFC 3339. Not touched when a product enters or leaves by a rule.
    pub updated_at: String,
    /// Its products, in the order of their ids.
    pub products: Connection<ProductSummary>,
    /// Those of the chosen namespaces.
    pub metafields: Connection<Metafield>,
}

/// A product as a member of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSummary {
    /// `gid://shopify/Product/…`
    pub id: Gid,
    /// What customers see.
    pub title: String,
    /// Its part of the URL.
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
