//! Lists, looks up and completes products.

use futures::TryStreamExt;
use futures::stream;

use super::lookup::{gids, nodes_in_order};
use super::{
    CatalogObject, Completion, MAX_CONCURRENT, PageEntry, PagePosition, PageSize, PageSizePlan,
    SingleField,
};
use crate::model::{Connection, Metafield, Product, Variant};
use crate::operations::{
    ProductMetafieldsPage, ProductVariantsPage, ProductsById, ProductsPage,
    product_metafields_page, product_variants_page, products_by_id, products_page,
};
use crate::{Error, Gid, ShopClient};

/// Names all statuses, since Shopify documents `active` as the default of this filter.
pub(super) const ANY_STATUS: &str = "status:active,archived,draft,unlisted";

const VARIANTS: i64 = 50;
const LEVELS: i64 = 10;
const METAFIELDS: i64 = 25;

/// About 690 points a page.
static PAGES: PageSizePlan = PageSizePlan {
    operation: "ProductsPage",
    first: 20,
    within: VARIANTS,
};

const FEW_VARIANTS: i64 = 10;
const FEW_LEVELS: i64 = 5;

/// About 660 points a page, for products with few variants, which most are. The cost of a list grows with the logarithm
/// of its length, so a product costs a quarter of what it costs in `PAGES`.
pub(super) static WIDE_PAGES: PageSizePlan = PageSizePlan {
    operation: "ProductsPage",
    first: 140,
    within: METAFIELDS,
};
/// About 140 points a product, if Shopify charges for each id.
static BATCHES: PageSizePlan = PageSizePlan {
    operation: "ProductsById",
    first: 6,
    within: VARIANTS,
};
static METAFIELD_PAGES: PageSizePlan = PageSizePlan {
    operation: "ProductMetafieldsPage",
    first: 100,
    within: 1,
};
/// Enough for the levels of most variants, since each variant with more levels needs a request of its own.
const LEVELS_WITH_VARIANTS: i64 = 20;
static VARIANT_PAGES: PageSizePlan = PageSizePlan {
    operation: "ProductVariantsPage",
    first: 100,
    within: LEVELS_WITH_VARIANTS,
};

impl CatalogObject for Product {
    const PAGES: &'static PageSizePlan = &PAGES;
    const BATCHES: &'static PageSizePlan = &BATCHES;
    const BY_ID_RANGE: bool = true;

    fn id(&self) -> &Gid {
        &self.id
    }

    /// Wide pages while at most 5 % of the products exceed them: each of those needs requests of its own.
    fn next_plan(page: &[PageEntry<Self>]) -> &'static PageSizePlan {
        let products = page.iter().flatten();
        let cut = products.filter(|product| !product.fits_wide_page()).count();
        if !page.is_empty() && cut * 20 <= page.len() {
            &WIDE_PAGES
        } else {
            &PAGES
        }
    }

    async fn page(
        shop: &ShopClient,
        size: PageSize,
        position: PagePosition,
    ) -> Result<Connection<PageEntry<Self>>, Error> {
        let (variants, levels) = if size.is_of(&WIDE_PAGES) {
            (FEW_VARIANTS, FEW_LEVELS)
        } else {
            (VARIANTS, LEVELS)
        };
        let variables = products_page::Variables {
            first: size.first(),
            query: position.query(Some(ANY_STATUS)),
            after: position.after,
            variants: size.within(variants),
            levels: size.within(levels),
            metafields: size.within(METAFIELDS),
            namespace: shop.metafield_namespace(),
        };
        shop.request_page::<ProductsPage, _>(variables, size.retry_budget())
            .await
    }

    async fn count(shop: &ShopClient) -> Result<Option<u64>, Error> {
        Ok(shop.products_count().await?.if_exact())
    }

    async fn batch(
        shop: &ShopClient,
        size: PageSize,
        numbers: &[u64],
    ) -> Result<Vec<Option<Self>>, Error> {
        let variables = products_by_id::Variables {
            ids: gids("Product", numbers),
            variants: size.within(VARIANTS),
            levels: size.within(LEVELS),
            metafields: size.within(METAFIELDS),
            namespace: shop.metafield_namespace(),
        };
        let nodes = shop
            .request::<ProductsById, _>(variables, size.retry_budget())
            .await?;
        nodes_in_order(BATCHES.operation, nodes, numbers.len())
    }

    async fn complete_lists(&mut self, shop: &ShopClient) -> Result<Completion, Error> {
        let id = self.id.to_string();
        let metafields = |size, after| shop.product_metafields(id.clone(), size, after);
        if !shop
            .append_remaining_pages(&METAFIELD_PAGES, &mut self.metafields, metafields)
            .await?
        {
            return Ok(Completion::Deleted);
        }
        shop.retain_chosen_namespaces(&mut self.metafields);
        let variants = |size, after| shop.product_variants(id.clone(), size, after);
        if !shop
            .append_remaining_pages(&VARIANT_PAGES, &mut self.variants, variants)
            .await?
        {
            return Ok(Completion::Deleted);
        }
        shop.complete_levels(&mut self.variants).await
    }
}

impl Product {
    /// Whether a wide page holds all variants and levels of the product.
    fn fits_wide_page(&self) -> bool {
        let fits = |count: usize, most: i64| i64::try_from(count).is_ok_and(|count| count <= most);
        let levels = |variant: &Variant| {
            let levels = &variant.inventory_item.inventory_levels;
            levels.is_complete() && fits(levels.len(), FEW_LEVELS)
        };
        self.variants.is_complete()
            && fits(self.variants.len(), FEW_VARIANTS)
            && self.variants.iter().all(levels)
    }
}

impl ShopClient {
    async fn product_metafields(
        &self,
        id: String,
        size: PageSize,
        after: String,
    ) -> Result<Option<Connection<Metafield>>, Error> {
        let variables = product_metafields_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
            namespace: self.metafield_namespace(),
        };
        let response = self.request::<ProductMetafieldsPage, _>(variables, size.retry_budget());
        let SingleField(parent): SingleField<Option<SingleField<_>>> = response.await?;
        Ok(parent.map(|SingleField(page)| page))
    }

    async fn product_variants(
        &self,
        id: String,
        size: PageSize,
        after: String,
    ) -> Result<Option<Connection<Variant>>, Error> {
        let variables = product_variants_page::Variables {
            id,
            first: size.first(),
            after: Some(after),
            levels: size.within(LEVELS_WITH_VARIANTS),
        };
        let response = self.request::<ProductVariantsPage, _>(variables, size.retry_budget());
        let SingleField(parent): SingleField<Option<SingleField<_>>> = response.await?;
        Ok(parent.map(|SingleField(page)| page))
    }

    /// Completes the inventory levels of all variants.
    async fn complete_levels(
        &self,
        variants: &mut Connection<Variant>,
    ) -> Result<Completion, Error> {
        let partial = variants
            .nodes_mut()
            .iter_mut()
            .map(|variant| &mut variant.inventory_item)
            .filter(|item| !item.inventory_levels.is_complete());
        let drained: Vec<_> = partial
            .map(|item| Ok(self.complete_inventory_item(item)))
            .collect();
        let all = stream::iter(drained)
            .try_buffer_unordered(MAX_CONCURRENT)
            .try_fold(Completion::Complete, |all, one| async move {
                Ok(if one == Completion::Complete {
                    all
                } else {
                    one
                })
            });
        all.await
    }
}
