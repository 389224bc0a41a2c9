use std::collections::BTreeSet;

use serde::Deserialize;

use super::lookup::{gids, in_places};
use super::{Drained, Only, Plan, Size};
use crate::model::{Connection, InventoryItem, InventoryLevel, Reference};
use crate::operations::{
    InventoryItemOwners, InventoryItemVariantsPage, InventoryLevelsPage, inventory_item_owners,
    inventory_item_variants_page, inventory_levels_page,
};
use crate::{Error, ShopClient};

static LEVEL_PAGES: Plan = Plan {
    operation: "InventoryLevelsPage",
    first: 100,
    within: 1,
};

/// An inventory item serves one variant, or a few: the first page is nearly always all.
const VARIANTS: i64 = 10;
static OWNERS: Plan = Plan {
    operation: "InventoryItemOwners",
    first: 50,
    within: VARIANTS,
};
static VARIANT_PAGES: Plan = Plan {
    operation: "InventoryItemVariantsPage",
    first: 250,
    within: 1,
};

/// What an inventory item is counted for.
#[derive(Deserialize)]
struct Counted {
    id: crate::Gid,
    variants: Option<Connection<Owned>>,
}

#[derive(Deserialize)]
struct Owned {
    product: Reference,
}

impl ShopClient {
    /// The numbers of the products whose stock these inventory items count, each once, in ascending order. An item that
    /// is no more belongs to none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn products_of_inventory_items(&self, ids: &[u64]) -> Result<Vec<u64>, Error> {
        let mut products = BTreeSet::new();
        let mut rest = ids;
        while !rest.is_empty() {
            let found = self.sized(&OWNERS, |size| {
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
                // If it vanishes meanwhile, what was known of it is still worth a look.
                let more = |size, after| self.inventory_item_variants(id.clone(), size, after);
                self.drain(&VARIANT_PAGES, variants, more).await?;
                products.extend(variants.iter().map(|owned| owned.product.id.number()));
            }
        }
        Ok(products.into_iter().collect())
    }

    async fn owners(&self, size: Size, numbers: &[u64]) -> Result<Vec<Option<Counted>>, Error> {
        let variables = inventory_item_owners::Variables {
            ids: gids("InventoryItem", numbers),
            variants: size.within(VARIANTS),
        };
        let nodes = self
            .request::<InventoryItemOwners, _>(variables, size.patience())
            .await?;
        in_places(OWNERS.operation, nodes, numbers.len())
    }

    async fn inventory_item_variants(
        &self,
        id: String,
        size: Size,
        after: String,
    ) -> Result<Option<Connection<Owned>>, Error> {
        let variables = inventory_item_variants_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
        };
        let answer = self.request::<InventoryItemVariantsPage, _>(variables, size.patience());
        let Only(parent): Only<Option<Only<Option<_>>>> = answer.await?;
        Ok(parent.and_then(|Only(page)| page))
    }

    /// Makes the levels of an inventory item whole. When it is gone, so is its variant, and the product has changed.
    pub(super) async fn drain_inventory_item(
        &self,
        item: &mut InventoryItem,
    ) -> Result<Drained, Error> {
        let id = item.id.to_string();
        let levels = |size, after| self.inventory_levels(id.clone(), size, after);
        let there = self
            .drain(&LEVEL_PAGES, &mut item.inventory_levels, levels)
            .await?;
        Ok(if there {
            Drained::Whole
        } else {
            Drained::Changed(LEVEL_PAGES.operation)
        })
    }

    async fn inventory_levels(
        &self,
        id: String,
        size: Size,
        after: String,
    ) -> Result<Option<Connection<InventoryLevel>>, Error> {
        let variables = inventory_levels_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
        };
        let answer = self.request::<InventoryLevelsPage, _>(variables, size.patience());
        let Only(parent): Only<Option<Only<_>>> = answer.await?;
        Ok(parent.map(|Only(page)| page))
    }
}
