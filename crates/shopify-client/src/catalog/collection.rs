//! Lists, looks up and completes collections.

use super::lookup::{gids, nodes_in_order};
use super::{
    CatalogObject, Completion, PageEntry, PagePosition, PageSize, PageSizePlan, SingleField,
};
use crate::model::{Collection, Connection, Metafield, ProductSummary};
use crate::operations::{
    CollectionMetafieldsPage, CollectionProductsPage, CollectionsById, CollectionsPage,
    collection_metafields_page, collection_products_page, collections_by_id, collections_page,
};
use crate::{Error, Gid, ShopClient};

const PRODUCTS: i64 = 250;
const METAFIELDS: i64 = 25;

/// About 160 points a page.
pub(super) static PAGES: PageSizePlan = PageSizePlan {
    operation: "CollectionsPage",
    first: 50,
    within: PRODUCTS,
};
/// About 23 points a collection, if Shopify charges for each id.
static BATCHES: PageSizePlan = PageSizePlan {
    operation: "CollectionsById",
    first: 25,
    within: PRODUCTS,
};
static MEMBER_PAGES: PageSizePlan = PageSizePlan {
    operation: "CollectionProductsPage",
    first: 250,
    within: 1,
};
static METAFIELD_PAGES: PageSizePlan = PageSizePlan {
    operation: "CollectionMetafieldsPage",
    first: 100,
    within: 1,
};

impl CatalogObject for Collection {
    const PAGES: &'static PageSizePlan = &PAGES;
    const BATCHES: &'static PageSizePlan = &BATCHES;
    const BY_ID_RANGE: bool = true;

    fn id(&self) -> &Gid {
        &self.id
    }

    async fn page(
        shop: &ShopClient,
        size: PageSize,
        position: PagePosition,
    ) -> Result<Connection<PageEntry<Self>>, Error> {
        let variables = collections_page::Variables {
            first: size.first(),
            query: position.query(None),
            after: position.after,
            products: size.within(PRODUCTS),
            metafields: size.within(METAFIELDS),
            namespace: shop.metafield_namespace(),
        };
        shop.request_page::<CollectionsPage, _>(variables, size.retry_budget())
            .await
    }

    async fn count(shop: &ShopClient) -> Result<Option<u64>, Error> {
        Ok(shop.collections_count().await?.if_exact())
    }

    async fn batch(
        shop: &ShopClient,
        size: PageSize,
        numbers: &[u64],
    ) -> Result<Vec<Option<Self>>, Error> {
        let variables = collections_by_id::Variables {
            ids: gids("Collection", numbers),
            products: size.within(PRODUCTS),
            metafields: size.within(METAFIELDS),
            namespace: shop.metafield_namespace(),
        };
        let nodes = shop
            .request::<CollectionsById, _>(variables, size.retry_budget())
            .await?;
        nodes_in_order(BATCHES.operation, nodes, numbers.len())
    }

    async fn complete_lists(&mut self, shop: &ShopClient) -> Result<Completion, Error> {
        let id = self.id.to_string();
        let metafields = |size, after| shop.collection_metafields(id.clone(), size, after);
        if !shop
            .append_remaining_pages(&METAFIELD_PAGES, &mut self.metafields, metafields)
            .await?
        {
            return Ok(Completion::Deleted);
        }
        shop.retain_chosen_namespaces(&mut self.metafields);
        let members = |size, after| shop.collection_products(id.clone(), size, after);
        let exists = shop
            .append_remaining_pages(&MEMBER_PAGES, &mut self.products, members)
            .await?;
        Ok(if exists {
            Completion::Complete
        } else {
            Completion::Deleted
        })
    }
}

impl ShopClient {
    async fn collection_metafields(
        &self,
        id: String,
        size: PageSize,
        after: String,
    ) -> Result<Option<Connection<Metafield>>, Error> {
        let variables = collection_metafields_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
            namespace: self.metafield_namespace(),
        };
        let response = self.request::<CollectionMetafieldsPage, _>(variables, size.retry_budget());
        let SingleField(parent): SingleField<Option<SingleField<_>>> = response.await?;
        Ok(parent.map(|SingleField(page)| page))
    }

    async fn collection_products(
        &self,
        id: String,
        size: PageSize,
        after: String,
    ) -> Result<Option<Connection<ProductSummary>>, Error> {
        let variables = collection_products_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
        };
        let response = self.request::<CollectionProductsPage, _>(variables, size.retry_budget());
        let SingleField(parent): SingleField<Option<SingleField<_>>> = response.await?;
        Ok(parent.map(|SingleField(page)| page))
    }
}
