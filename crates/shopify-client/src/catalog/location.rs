//! Lists and looks up locations.

use super::lookup::{gids, nodes_in_order};
use super::{CatalogObject, Completion, PageEntry, PagePosition, PageSize, PageSizePlan};
use crate::model::{Connection, Location, SortLists};
use crate::operations::{LocationsById, LocationsPage, locations_by_id, locations_page};
use crate::{Error, Gid, ShopClient};

pub(super) static PAGES: PageSizePlan = PageSizePlan {
    operation: "LocationsPage",
    first: 250,
    within: 1,
};
static BATCHES: PageSizePlan = PageSizePlan {
    operation: "LocationsById",
    first: 250,
    within: 1,
};

impl SortLists for Location {
    fn sort_lists(&mut self) {}
}

impl CatalogObject for Location {
    const PAGES: &'static PageSizePlan = &PAGES;
    const BATCHES: &'static PageSizePlan = &BATCHES;
    const BY_ID_RANGE: bool = false;

    fn id(&self) -> &Gid {
        &self.id
    }

    async fn page(
        shop: &ShopClient,
        size: PageSize,
        position: PagePosition,
    ) -> Result<Connection<PageEntry<Self>>, Error> {
        let variables = locations_page::Variables {
            first: size.first(),
            after: position.after,
        };
        shop.request_page::<LocationsPage, _>(variables, size.retry_budget())
            .await
    }

    async fn count(_shop: &ShopClient) -> Result<Option<u64>, Error> {
        // A shop has too few locations for the count to matter.
        Ok(None)
    }

    async fn batch(
        shop: &ShopClient,
        size: PageSize,
        numbers: &[u64],
    ) -> Result<Vec<Option<Self>>, Error> {
        let variables = locations_by_id::Variables {
            ids: gids("Location", numbers),
        };
        let nodes = shop
            .request::<LocationsById, _>(variables, size.retry_budget())
            .await?;
        nodes_in_order(BATCHES.operation, nodes, numbers.len())
    }

    async fn complete_lists(&mut self, _shop: &ShopClient) -> Result<Completion, Error> {
        Ok(Completion::Complete)
    }
}
