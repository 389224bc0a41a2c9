use futures::TryStreamExt;
use futures::stream;

use super::lookup::{gids, in_places};
use super::{AT_ONCE, Drained, Entry, Item, Only, Place, Plan, Size};
use crate::model::{Connection, Metafield, Product, Variant};
use crate::operations::{
    ProductMetafieldsPage, ProductVariantsPage, ProductsById, ProductsPage,
    product_metafields_page, product_variants_page, products_by_id, products_page,
};
use crate::{Error, Gid, ShopClient};

/// Shopify documents `active` as the default of this filter, so all are named.
pub(super) const ANY_STATUS: &str = "status:active,archived,draft,unlisted";

const VARIANTS: i64 = 50;
const LEVELS: i64 = 10;
const METAFIELDS: i64 = 25;

/// About 690 points.
static PAGES: Plan = Plan {
    operation: "ProductsPage",
    first: 20,
    within: VARIANTS,
};

const FEW_VARIANTS: i64 = 10;
const FEW_LEVELS: i64 = 5;

/// About 660 points, for products of few variants, as most are. Since the cost of a list grows by the logarithm of its
/// length, a product costs a quarter of what it costs in `PAGES`.
pub(super) static WIDE_PAGES: Plan = Plan {
    operation: "ProductsPage",
    first: 140,
    within: METAFIELDS,
};
/// About 140 points each, if each id is paid for.
static BATCHES: Plan = Plan {
    operation: "ProductsById",
    first: 6,
    within: VARIANTS,
};
static METAFIELD_PAGES: Plan = Plan {
    operation: "ProductMetafieldsPage",
    first: 100,
    within: 1,
};
/// Most levels of most variants come with them: a page of variants is one request, each variant's levels another.
const LEVELS_WITH_VARIANTS: i64 = 20;
static VARIANT_PAGES: Plan = Plan {
    operation: "ProductVariantsPage",
    first: 100,
    within: LEVELS_WITH_VARIANTS,
};

impl Item for Product {
    const PAGES: &'static Plan = &PAGES;
    const BATCHES: &'static Plan = &BATCHES;
    const BY_ID_RANGE: bool = true;

    fn id(&self) -> &Gid {
        &self.id
    }

    /// Wide as long as hardly any product is cut off by that: each of those is a request of its own.
    fn plan_after(page: &[Entry<Self>]) -> &'static Plan {
        let products = page.iter().flatten();
        let cut = products.filter(|product| !product.is_small()).count();
        if !page.is_empty() && cut * 20 <= page.len() {
            &WIDE_PAGES
        } else {
            &PAGES
        }
    }

    async fn page(
        shop: &ShopClient,
        size: Size,
        place: Place,
    ) -> Result<Connection<Entry<Self>>, Error> {
        let (variants, levels) = if size.is_of(&WIDE_PAGES) {
            (FEW_VARIANTS, FEW_LEVELS)
        } else {
            (VARIANTS, LEVELS)
        };
        let variables = products_page::Variables {
            first: size.first(),
            query: place.query(Some(ANY_STATUS)),
            after: place.after,
            variants: size.within(variants),
            levels: size.within(levels),
            metafields: size.within(METAFIELDS),
            namespace: shop.namespace(),
        };
        shop.ask_page::<ProductsPage, _>(variables, size.patience())
            .await
    }

    async fn count(shop: &ShopClient) -> Result<Option<u64>, Error> {
        Ok(shop.products_count().await?.if_exact())
    }

    async fn batch(
        shop: &ShopClient,
        size: Size,
        numbers: &[u64],
    ) -> Result<Vec<Option<Self>>, Error> {
        let variables = products_by_id::Variables {
            ids: gids("Product", numbers),
            variants: size.within(VARIANTS),
            levels: size.within(LEVELS),
            metafields: size.within(METAFIELDS),
            namespace: shop.namespace(),
        };
        let nodes = shop
            .request::<ProductsById, _>(variables, size.patience())
            .await?;
        in_places(BATCHES.operation, nodes, numbers.len())
    }

    async fn drain(&mut self, shop: &ShopClient) -> Result<Drained, Error> {
        let id = self.id.to_string();
        let metafields = |size, after| shop.product_metafields(id.clone(), size, after);
        if !shop
            .drain(&METAFIELD_PAGES, &mut self.metafields, metafields)
            .await?
        {
            return Ok(Drained::Gone);
        }
        shop.keep_chosen(&mut self.metafields);
        let variants = |size, after| shop.product_variants(id.clone(), size, after);
        if !shop
            .drain(&VARIANT_PAGES, &mut self.variants, variants)
            .await?
        {
            return Ok(Drained::Gone);
        }
        shop.drain_levels(&mut self.variants).await
    }
}

impl Product {
    /// Whether a wide page has all of it.
    fn is_small(&self) -> bool {
        let fits = |count: usize, most: i64| i64::try_from(count).is_ok_and(|count| count <= most);
        let levels = |variant: &Variant| {
            let levels = &variant.inventory_item.inventory_levels;
            levels.is_whole() && fits(levels.len(), FEW_LEVELS)
        };
        self.variants.is_whole()
            && fits(self.variants.len(), FEW_VARIANTS)
            && self.variants.iter().all(levels)
    }
}

impl ShopClient {
    async fn product_metafields(
        &self,
        id: String,
        size: Size,
        after: String,
    ) -> Result<Option<Connection<Metafield>>, Error> {
        let variables = product_metafields_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
            namespace: self.namespace(),
        };
        let answer = self.request::<ProductMetafieldsPage, _>(variables, size.patience());
        let Only(parent): Only<Option<Only<_>>> = answer.await?;
        Ok(parent.map(|Only(page)| page))
    }

    async fn product_variants(
        &self,
        id: String,
        size: Size,
        after: String,
    ) -> Result<Option<Connection<Variant>>, Error> {
        let variables = product_variants_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
            levels: size.within(LEVELS_WITH_VARIANTS),
        };
        let answer = self.request::<ProductVariantsPage, _>(variables, size.patience());
        let Only(parent): Only<Option<Only<_>>> = answer.await?;
        Ok(parent.map(|Only(page)| page))
    }

    /// Makes the inventory levels of all variants whole.
    async fn drain_levels(&self, variants: &mut Connection<Variant>) -> Result<Drained, Error> {
        let partial = variants
            .nodes_mut()
            .iter_mut()
            .map(|variant| &mut variant.inventory_item)
            .filter(|item| !item.inventory_levels.is_whole());
        let drained: Vec<_> = partial
            .map(|item| Ok(self.drain_inventory_item(item)))
            .collect();
        let all = stream::iter(drained)
            .try_buffer_unordered(AT_ONCE)
            .try_fold(Drained::Whole, |all, one| async move {
                Ok(if one == Drained::Whole { all } else { one })
            });
        all.await
    }
}
