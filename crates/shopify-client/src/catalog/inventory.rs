//! Completes inventory levels and finds the products of inventory items.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::lookup::{gids, nodes_in_order};
use super::{Completion, PageSize, PageSizePlan, SingleField};
use crate::model::{Connection, InventoryItem, InventoryLevel, Reference};
use crate::operations::{
    InventoryItemOwners, InventoryItemVariantsPage, InventoryLevelsPage, inventory_item_owners,
    inventory_item_variants_page, inventory_levels_page,
};
use crate::{Error, ShopClient};

static LEVEL_PAGES: PageSizePlan = PageSizePlan {
    operation: "InventoryLevelsPage",
    first: 100,
    within: 1,
};

/// An inventory item belongs to one variant or a few, so the first page is nearly always complete.
const VARIANTS: i64 = 10;
static OWNERS: PageSizePlan = PageSizePlan {
    operation: "InventoryItemOwners",
    first: 50,
    within: VARIANTS,
};
static VARIANT_PAGES: PageSizePlan = PageSizePlan {
    operation: "InventoryItemVariantsPage",
    first: 250,
    within: 1,
};

/// An inventory item with the variants that share it.
#[derive(Deserialize)]
struct ItemWithVariants {
    id: crate::Gid,
    variants: Option<Connection<VariantProduct>>,
}

#[derive(Deserialize)]
struct VariantProduct {
    product: Reference,
}

impl ShopClient {
    /// The id numbers of the products whose variants use these inventory items, each once, in ascending order. Deleted
    /// items are ignored.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn products_of_inventory_items(&self, ids: &[u64]) -> Result<Vec<u64>, Error> {
        let mut products = BTreeSet::new();
        let mut rest = ids;
        while !rest.is_empty() {
            let found = self.with_page_size(&OWNERS, |size| {
                let fits = usize::try_from(size.first()).unwrap_or(1).min(rest.len());
                self.owners(size, &rest[..fits])
            });
            let found = found.await?;
            rest = &rest[found.len()..];
            for mut item in found.into_iter().flatten() {
                let id = item.id.to_string();
                let Some(variants) = &mut item.variants else {
                    continue;
                };
                // If the item is deleted meanwhile, the products found so far are still returned.
                let more = |size, after| self.inventory_item_variants(id.clone(), size, after);
                self.append_remaining_pages(&VARIANT_PAGES, variants, more)
                    .await?;
                products.extend(variants.iter().map(|variant| variant.product.id.number()));
            }
        }
        Ok(products.into_iter().collect())
    }

    async fn owners(
        &self,
        size: PageSize,
        numbers: &[u64],
    ) -> Result<Vec<Option<ItemWithVariants>>, Error> {
        let variables = inventory_item_owners::Variables {
            ids: gids("InventoryItem", numbers),
            variants: size.within(VARIANTS),
        };
        let nodes = self
            .request::<InventoryItemOwners, _>(variables, size.retry_budget())
            .await?;
        nodes_in_order(OWNERS.operation, nodes, numbers.len())
    }

    async fn inventory_item_variants(
        &self,
        id: String,
        size: PageSize,
        after: String,
    ) -> Result<Option<Connection<VariantProduct>>, Error> {
        let variables = inventory_item_variants_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
        };
        let response = self.request::<InventoryItemVariantsPage, _>(variables, size.retry_budget());
        let SingleField(parent): SingleField<Option<SingleField<Option<_>>>> = response.await?;
        Ok(parent.and_then(|SingleField(page)| page))
    }

    /// Completes the levels of an inventory item. If the item was deleted, its variant was too, so the product changed.
    pub(super) async fn complete_inventory_item(
        &self,
        item: &mut InventoryItem,
    ) -> Result<Completion, Error> {
        let id = item.id.to_string();
        let levels = |size, after| self.inventory_levels(id.clone(), size, after);
        let exists = self
            .append_remaining_pages(&LEVEL_PAGES, &mut item.inventory_levels, levels)
            .await?;
        Ok(if exists {
            Completion::Complete
        } else {
            Completion::Changed(LEVEL_PAGES.operation)
        })
    }

    async fn inventory_levels(
        &self,
        id: String,
        size: PageSize,
        after: String,
    ) -> Result<Option<Connection<InventoryLevel>>, Error> {
        let variables = inventory_levels_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
        };
        let response = self.request::<InventoryLevelsPage, _>(variables, size.retry_budget());
        let SingleField(parent): SingleField<Option<SingleField<_>>> = response.await?;
        Ok(parent.map(|SingleField(page)| page))
    }
}
