//! Finds the shop that a request is for.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::graphql::AdminApi;
use crate::shop::Shop;

/// All shops of a simulator.
#[derive(Debug)]
pub(crate) struct Shops {
    pub(super) by_name: IndexMap<String, Arc<Shop>>,
    pub(super) admin: Arc<AdminApi>,
}

impl Shops {
    pub(crate) fn new(by_name: IndexMap<String, Arc<Shop>>, admin: Arc<AdminApi>) -> Self {
        Self { by_name, admin }
    }

    /// The shop named `example` or `example.myshopify.com`.
    pub(crate) fn find(&self, shop: &str) -> Option<&Arc<Shop>> {
        let lower = shop.to_ascii_lowercase();
        let name = lower.strip_suffix(".myshopify.com").unwrap_or(&lower);
        self.by_name.get(name)
    }
}
