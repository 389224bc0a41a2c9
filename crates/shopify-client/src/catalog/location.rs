use super::lookup::{gids, in_places};
use super::{Drained, Entry, Item, Place, Plan, Size};
use crate::model::{Connection, Location, Ordered};
use crate::operations::{LocationsById, LocationsPage, locations_by_id, locations_page};
use crate::{Error, Gid, ShopClient};

pub(super) static PAGES: Plan = Plan {
    operation: "LocationsPage",
    first: 250,
    within: 1,
};
static BATCHES: Plan = Plan {
    operation: "LocationsById",
    first: 250,
    within: 1,
};

impl Ordered for Location {
    fn put_in_order(&mut self) {}
}

impl Item for Location {
    const PAGES: &'static Plan = &PAGES;
    const BATCHES: &'static Plan = &BATCHES;
    const BY_ID_RANGE: bool = false;

    fn id(&self) -> &Gid {
        &self.id
    }

    async fn page(
        shop: &ShopClient,
        size: Size,
        place: Place,
    ) -> Result<Connection<Entry<Self>>, Error> {
        let variables = locations_page::Variables {
            first: size.first(),
            after: place.after,
        };
        shop.ask_page::<LocationsPage, _>(variables, size.patience())
            .await
    }

    async fn count(_shop: &ShopClient) -> Result<Option<u64>, Error> {
        // There are never so many that it matters.
        Ok(None)
    }

    async fn batch(
        shop: &ShopClient,
        size: Size,
        numbers: &[u64],
    ) -> Result<Vec<Option<Self>>, Error> {
        let variables = locations_by_id::Variables {
            ids: gids("Location", numbers),
        };
        let nodes = shop
            .request::<LocationsById, _>(variables, size.patience())
            .await?;
        in_places(BATCHES.operation, nodes, numbers.len())
    }

    async fn drain(&mut self, _shop: &ShopClient) -> Result<Drained, Error> {
        Ok(Drained::Whole)
    }
}
