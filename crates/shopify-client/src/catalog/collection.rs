use super::lookup::{gids, in_places};
use super::{Drained, Entry, Item, Only, Place, Plan, Size};
use crate::model::{Collection, Connection, Metafield, ProductSummary};
use crate::operations::{
    CollectionMetafieldsPage, CollectionProductsPage, CollectionsById, CollectionsPage,
    collection_metafields_page, collection_products_page, collections_by_id, collections_page,
};
use crate::{Error, Gid, ShopClient};

const PRODUCTS: i64 = 250;
const METAFIELDS: i64 = 25;

/// About 160 points.
pub(super) static PAGES: Plan = Plan {
    operation: "CollectionsPage",
    first: 50,
    within: PRODUCTS,
};
/// About 23 points each, if each id is paid for.
static BATCHES: Plan = Plan {
    operation: "CollectionsById",
    first: 25,
    within: PRODUCTS,
};
static MEMBER_PAGES: Plan = Plan {
    operation: "CollectionProductsPage",
    first: 250,
    within: 1,
};
static METAFIELD_PAGES: Plan = Plan {
    operation: "CollectionMetafieldsPage",
    first: 100,
    within: 1,
};

impl Item for Collection {
    const PAGES: &'static Plan = &PAGES;
    const BATCHES: &'static Plan = &BATCHES;
    const BY_ID_RANGE: bool = true;

    fn id(&self) -> &Gid {
        &self.id
    }

    async fn page(
        shop: &ShopClient,
        size: Size,
        place: Place,
    ) -> Result<Connection<Entry<Self>>, Error> {
        let variables = collections_page::Variables {
            first: size.first(),
            query: place.query(None),
            after: place.after,
            products: size.within(PRODUCTS),
            metafields: size.within(METAFIELDS),
            namespace: shop.namespace(),
        };
        shop.ask_page::<CollectionsPage, _>(variables, size.patience())
            .await
    }

    async fn count(shop: &ShopClient) -> Result<Option<u64>, Error> {
        Ok(shop.collections_count().await?.if_exact())
    }

    async fn batch(
        shop: &ShopClient,
        size: Size,
        numbers: &[u64],
    ) -> Result<Vec<Option<Self>>, Error> {
        let variables = collections_by_id::Variables {
            ids: gids("Collection", numbers),
            products: size.within(PRODUCTS),
            metafields: size.within(METAFIELDS),
            namespace: shop.namespace(),
        };
        let nodes = shop
            .request::<CollectionsById, _>(variables, size.patience())
            .await?;
        in_places(BATCHES.operation, nodes, numbers.len())
    }

    async fn drain(&mut self, shop: &ShopClient) -> Result<Drained, Error> {
        let id = self.id.to_string();
        let metafields = |size, after| shop.collection_metafields(id.clone(), size, after);
        if !shop
            .drain(&METAFIELD_PAGES, &mut self.metafields, metafields)
            .await?
        {
            return Ok(Drained::Gone);
        }
        shop.keep_chosen(&mut self.metafields);
        let members = |size, after| shop.collection_products(id.clone(), size, after);
        let there = shop
            .drain(&MEMBER_PAGES, &mut self.products, members)
            .await?;
        Ok(if there { Drained::Whole } else { Drained::Gone })
    }
}

impl ShopClient {
    async fn collection_metafields(
        &self,
        id: String,
        size: Size,
        after: String,
    ) -> Result<Option<Connection<Metafield>>, Error> {
        let variables = collection_metafields_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
            namespace: self.namespace(),
        };
        let answer = self.request::<CollectionMetafieldsPage, _>(variables, size.patience());
        let Only(parent): Only<Option<Only<_>>> = answer.await?;
        Ok(parent.map(|Only(page)| page))
    }

    async fn collection_products(
        &self,
        id: String,
        size: Size,
        after: String,
    ) -> Result<Option<Connection<ProductSummary>>, Error> {
        let variables = collection_products_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
        };
        let answer = self.request::<CollectionProductsPage, _>(variables, size.patience());
        let Only(parent): Only<Option<Only<_>>> = answer.await?;
        Ok(parent.map(|Only(page)| page))
    }
}
