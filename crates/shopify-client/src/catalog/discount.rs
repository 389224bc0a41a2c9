//! Lists, looks up and completes discounts of all kinds.

use serde::Deserialize;

use super::lookup::{gids, nodes_in_order};
use super::{
    CatalogObject, Completion, PageEntry, PagePosition, PageSize, PageSizePlan, SingleField,
};
use crate::model::{Connection, Discount, DiscountItems, DiscountKind, RedeemCode, Reference};
use crate::operations::{
    DiscountBuysPage, DiscountCodesPage, DiscountGetsPage, DiscountsById, DiscountsPage,
    discount_buys_page, discount_codes_page, discount_gets_page, discounts_by_id, discounts_page,
};
use crate::request::RetryBudget;
use crate::{Error, Gid, ShopClient};

const CODES: i64 = 10;
const ITEMS: i64 = 25;

/// About 370 points a page.
pub(super) static PAGES: PageSizePlan = PageSizePlan {
    operation: "DiscountsPage",
    first: 50,
    within: ITEMS,
};
/// About 52 points a discount, if Shopify charges for each id.
static BATCHES: PageSizePlan = PageSizePlan {
    operation: "DiscountsById",
    first: 15,
    within: ITEMS,
};
static CODE_PAGES: PageSizePlan = PageSizePlan {
    operation: "DiscountCodesPage",
    first: 250,
    within: 1,
};
static GETS_PAGES: PageSizePlan = PageSizePlan {
    operation: "DiscountGetsPage",
    first: 250,
    within: 1,
};
static BUYS_PAGES: PageSizePlan = PageSizePlan {
    operation: "DiscountBuysPage",
    first: 250,
    within: 1,
};

const NODE: &str = "DiscountNode";
const CODE_NODE: &str = "DiscountCodeNode";
const AUTOMATIC_NODE: &str = "DiscountAutomaticNode";

/// A discount as `DiscountNode`, `DiscountCodeNode` or `DiscountAutomaticNode`.
#[derive(Deserialize)]
pub(crate) struct DiscountNode {
    id: Gid,
    #[serde(alias = "codeDiscount", alias = "automaticDiscount")]
    discount: DiscountKind,
}

impl From<DiscountNode> for Discount {
    fn from(node: DiscountNode) -> Self {
        let mut discount = Self {
            id: node.id,
            discount: node.discount,
        };
        let kind = if discount.is_automatic() {
            AUTOMATIC_NODE
        } else {
            CODE_NODE
        };
        discount.id = Gid::new(kind, discount.id.number());
        discount
    }
}

impl CatalogObject for Discount {
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
        let variables = discounts_page::Variables {
            first: size.first(),
            query: position.query(None),
            after: position.after,
            codes: size.within(CODES),
            items: size.within(ITEMS),
        };
        let page = shop.request_page::<DiscountsPage, DiscountNode>(variables, size.retry_budget());
        Ok(page.await?.map(|entry| entry.map(Into::into)))
    }

    async fn count(shop: &ShopClient) -> Result<Option<u64>, Error> {
        Ok(shop.discounts_count().await?.if_exact())
    }

    /// A number does not show whether the discount has codes. It is looked up as `DiscountNode`, the documented type
    /// for both kinds, and, if that finds nothing, as the types that webhooks use.
    async fn batch(
        shop: &ShopClient,
        size: PageSize,
        numbers: &[u64],
    ) -> Result<Vec<Option<Self>>, Error> {
        let mut found: Vec<Option<Self>> = numbers.iter().map(|_| None).collect();
        for name in [NODE, CODE_NODE, AUTOMATIC_NODE] {
            let missing = found
                .iter()
                .enumerate()
                .filter(|(_, known)| known.is_none());
            let missing: Vec<usize> = missing.map(|(position, _)| position).collect();
            if missing.is_empty() {
                break;
            }
            let missing_numbers: Vec<u64> =
                missing.iter().map(|position| numbers[*position]).collect();
            for (position, node) in missing
                .into_iter()
                .zip(shop.discounts_by_kind(size, name, &missing_numbers).await?)
            {
                found[position] = node.map(Into::into);
            }
        }
        Ok(found)
    }

    async fn complete_lists(&mut self, shop: &ShopClient) -> Result<Completion, Error> {
        let id = self.id.clone();
        if let Some(codes) = self.codes_mut() {
            let more = |size, after| shop.discount_codes(id.clone(), size, after);
            if !shop
                .append_remaining_pages(&CODE_PAGES, codes, more)
                .await?
            {
                return Ok(Completion::Changed(CODE_PAGES.operation));
            }
        }
        if let Some(items) = self.customer_gets_items_mut()
            && !shop.complete_items(&GETS_PAGES, &id, items).await?
        {
            return Ok(Completion::Changed(GETS_PAGES.operation));
        }
        if let Some(items) = self.customer_buys_items_mut()
            && !shop.complete_items(&BUYS_PAGES, &id, items).await?
        {
            return Ok(Completion::Changed(BUYS_PAGES.operation));
        }
        Ok(Completion::Complete)
    }
}

/// One of the lists of items that a discount applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ItemList {
    Products,
    Variants,
    Collections,
}

/// The start of a page in one of the lists of items.
#[derive(Debug, Clone)]
struct ItemsPagePosition {
    list: ItemList,
    first: i64,
    after: String,
}

impl ItemsPagePosition {
    /// `first` and `after` for a list. The other lists are requested with one item, since `first` must be at least 1.
    fn of(&self, list: ItemList) -> (i64, Option<String>) {
        if self.list == list {
            (self.first, Some(self.after.clone()))
        } else {
            (1, None)
        }
    }
}

fn connection_mut(items: &mut DiscountItems, list: ItemList) -> Option<&mut Connection<Reference>> {
    match (items, list) {
        (DiscountItems::DiscountProducts(items), ItemList::Products) => Some(&mut items.products),
        (DiscountItems::DiscountProducts(items), ItemList::Variants) => {
            Some(&mut items.product_variants)
        }
        (DiscountItems::DiscountCollections(items), ItemList::Collections) => {
            Some(&mut items.collections)
        }
        _ => None,
    }
}

/// `discountNode.discount` with one part. `part` is missing if the discount has changed to a kind without it.
#[derive(Deserialize)]
struct DiscountPart<T> {
    #[serde(alias = "codes", alias = "customerGets", alias = "customerBuys")]
    part: Option<T>,
}

type DiscountPartResponse<T> = SingleField<Option<SingleField<DiscountPart<T>>>>;

impl ShopClient {
    async fn discounts_by_kind(
        &self,
        size: PageSize,
        name: &str,
        numbers: &[u64],
    ) -> Result<Vec<Option<DiscountNode>>, Error> {
        let variables = discounts_by_id::Variables {
            ids: gids(name, numbers),
            codes: size.within(CODES),
            items: size.within(ITEMS),
        };
        let nodes = self
            .request::<DiscountsById, _>(variables, size.retry_budget())
            .await?;
        nodes_in_order(BATCHES.operation, nodes, numbers.len())
    }

    async fn discount_codes(
        &self,
        id: Gid,
        size: PageSize,
        after: String,
    ) -> Result<Option<Connection<RedeemCode>>, Error> {
        for id in candidate_ids(&id) {
            let variables = discount_codes_page::Variables {
                id,
                first: size.first(),
                after: Some(after.clone()),
            };
            let response = self.request::<DiscountCodesPage, _>(variables, size.retry_budget());
            let SingleField(node): DiscountPartResponse<Connection<RedeemCode>> = response.await?;
            if let Some(SingleField(discount)) = node {
                return Ok(discount.part);
            }
        }
        Ok(None)
    }

    /// Completes the lists of items. Returns `false` if the discount was deleted or applies to other items now.
    async fn complete_items(
        &self,
        plan: &'static PageSizePlan,
        id: &Gid,
        items: &mut DiscountItems,
    ) -> Result<bool, Error> {
        for list in [
            ItemList::Products,
            ItemList::Variants,
            ItemList::Collections,
        ] {
            let Some(connection) = connection_mut(items, list) else {
                continue;
            };
            let more = |size: PageSize, after| {
                let first = size.first();
                let position = ItemsPagePosition { list, first, after };
                self.discount_items(plan, id.clone(), size.retry_budget(), position)
            };
            if !self.append_remaining_pages(plan, connection, more).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn discount_items(
        &self,
        plan: &'static PageSizePlan,
        id: Gid,
        retry_budget: RetryBudget,
        position: ItemsPagePosition,
    ) -> Result<Option<Connection<Reference>>, Error> {
        for id in candidate_ids(&id) {
            let SingleField(node) = self.items_page(plan, id, retry_budget, &position).await?;
            if let Some(SingleField(discount)) = node {
                let items = discount.part.map(|SingleField(items)| items);
                return Ok(items.and_then(|mut items| {
                    connection_mut(&mut items, position.list).map(Connection::take)
                }));
            }
        }
        Ok(None)
    }

    async fn items_page(
        &self,
        plan: &'static PageSizePlan,
        id: String,
        retry_budget: RetryBudget,
        position: &ItemsPagePosition,
    ) -> Result<DiscountPartResponse<SingleField<DiscountItems>>, Error> {
        let (products, products_after) = position.of(ItemList::Products);
        let (variants, variants_after) = position.of(ItemList::Variants);
        let (collections, collections_after) = position.of(ItemList::Collections);
        if plan.operation == GETS_PAGES.operation {
            let variables = discount_gets_page::Variables {
                id,
                products,
                products_after,
                variants,
                variants_after,
                collections,
                collections_after,
            };
            self.request::<DiscountGetsPage, _>(variables, retry_budget)
                .await
        } else {
            let variables = discount_buys_page::Variables {
                id,
                products,
                products_after,
                variants,
                variants_after,
                collections,
                collections_after,
            };
            self.request::<DiscountBuysPage, _>(variables, retry_budget)
                .await
        }
    }
}

/// The global ids under which a discount may be found: the documented type first, then the type of its kind.
fn candidate_ids(id: &Gid) -> [String; 2] {
    [Gid::new(NODE, id.number()).into(), id.to_string()]
}
