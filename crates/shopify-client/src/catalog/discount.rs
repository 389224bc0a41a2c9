use serde::Deserialize;

use super::lookup::{gids, in_places};
use super::{Drained, Entry, Item, Only, Place, Plan, Size};
use crate::model::{Connection, Discount, DiscountItems, DiscountKind, RedeemCode, Reference};
use crate::operations::{
    DiscountBuysPage, DiscountCodesPage, DiscountGetsPage, DiscountsById, DiscountsPage,
    discount_buys_page, discount_codes_page, discount_gets_page, discounts_by_id, discounts_page,
};
use crate::request::RetryBudget;
use crate::{Error, Gid, ShopClient};

const CODES: i64 = 10;
const ITEMS: i64 = 25;

/// About 370 points.
pub(super) static PAGES: Plan = Plan {
    operation: "DiscountsPage",
    first: 50,
    within: ITEMS,
};
/// About 52 points each, if each id is paid for.
static BATCHES: Plan = Plan {
    operation: "DiscountsById",
    first: 15,
    within: ITEMS,
};
static CODE_PAGES: Plan = Plan {
    operation: "DiscountCodesPage",
    first: 250,
    within: 1,
};
static GETS_PAGES: Plan = Plan {
    operation: "DiscountGetsPage",
    first: 250,
    within: 1,
};
static BUYS_PAGES: Plan = Plan {
    operation: "DiscountBuysPage",
    first: 250,
    within: 1,
};

const NODE: &str = "DiscountNode";
const CODE_NODE: &str = "DiscountCodeNode";
const AUTOMATIC_NODE: &str = "DiscountAutomaticNode";

/// A discount under any of its three names.
#[derive(Deserialize)]
pub(crate) struct Node {
    id: Gid,
    #[serde(alias = "codeDiscount", alias = "automaticDiscount")]
    discount: DiscountKind,
}

impl From<Node> for Discount {
    fn from(node: Node) -> Self {
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

impl Item for Discount {
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
        let variables = discounts_page::Variables {
            first: size.first(),
            query: place.query(None),
            after: place.after,
            codes: size.within(CODES),
            items: size.within(ITEMS),
        };
        let page = shop.ask_page::<DiscountsPage, Node>(variables, size.patience());
        Ok(page.await?.map(|entry| entry.map(Into::into)))
    }

    /// A number does not tell whether the discount has codes. Its documented name covers both; whoever does not answer
    /// to that is asked by the names that webhooks use.
    async fn count(shop: &ShopClient) -> Result<Option<u64>, Error> {
        Ok(shop.discounts_count().await?.if_exact())
    }

    async fn batch(
        shop: &ShopClient,
        size: Size,
        numbers: &[u64],
    ) -> Result<Vec<Option<Self>>, Error> {
        let mut found: Vec<Option<Self>> = numbers.iter().map(|_| None).collect();
        for name in [NODE, CODE_NODE, AUTOMATIC_NODE] {
            let missing = found
                .iter()
                .enumerate()
                .filter(|(_, known)| known.is_none());
            let missing: Vec<usize> = missing.map(|(place, _)| place).collect();
            if missing.is_empty() {
                break;
            }
            let asked: Vec<u64> = missing.iter().map(|place| numbers[*place]).collect();
            for (place, node) in missing
                .into_iter()
                .zip(shop.named(size, name, &asked).await?)
            {
                found[place] = node.map(Into::into);
            }
        }
        Ok(found)
    }

    async fn drain(&mut self, shop: &ShopClient) -> Result<Drained, Error> {
        let id = self.id.clone();
        if let Some(codes) = self.codes_mut() {
            let more = |size, after| shop.discount_codes(id.clone(), size, after);
            if !shop.drain(&CODE_PAGES, codes, more).await? {
                return Ok(Drained::Changed(CODE_PAGES.operation));
            }
        }
        if let Some(items) = self.got_items()
            && !shop.drain_items(&GETS_PAGES, &id, items).await?
        {
            return Ok(Drained::Changed(GETS_PAGES.operation));
        }
        if let Some(items) = self.bought_items()
            && !shop.drain_items(&BUYS_PAGES, &id, items).await?
        {
            return Ok(Drained::Changed(BUYS_PAGES.operation));
        }
        Ok(Drained::Whole)
    }
}

/// One of the lists of a discount's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Products,
    Variants,
    Collections,
}

/// Where in which list a page begins.
#[derive(Debug, Clone)]
struct ItemsPlace {
    list: List,
    first: i64,
    after: String,
}

impl ItemsPlace {
    /// `first` and `after` for a list: one thing of those that are not asked for, since there is no asking for none.
    fn of(&self, list: List) -> (i64, Option<String>) {
        if self.list == list {
            (self.first, Some(self.after.clone()))
        } else {
            (1, None)
        }
    }
}

fn list_of(items: &mut DiscountItems, list: List) -> Option<&mut Connection<Reference>> {
    match (items, list) {
        (DiscountItems::DiscountProducts(items), List::Products) => Some(&mut items.products),
        (DiscountItems::DiscountProducts(items), List::Variants) => {
            Some(&mut items.product_variants)
        }
        (DiscountItems::DiscountCollections(items), List::Collections) => {
            Some(&mut items.collections)
        }
        _ => None,
    }
}

/// `discountNode.discount` of a discount that is drained. It may have become another kind without such a part.
#[derive(Deserialize)]
struct Drain<T> {
    #[serde(alias = "codes", alias = "customerGets", alias = "customerBuys")]
    part: Option<T>,
}

type Drains<T> = Only<Option<Only<Drain<T>>>>;

impl ShopClient {
    async fn named(
        &self,
        size: Size,
        name: &str,
        numbers: &[u64],
    ) -> Result<Vec<Option<Node>>, Error> {
        let variables = discounts_by_id::Variables {
            ids: gids(name, numbers),
            codes: size.within(CODES),
            items: size.within(ITEMS),
        };
        let nodes = self
            .request::<DiscountsById, _>(variables, size.patience())
            .await?;
        in_places(BATCHES.operation, nodes, numbers.len())
    }

    async fn discount_codes(
        &self,
        id: Gid,
        size: Size,
        after: String,
    ) -> Result<Option<Connection<RedeemCode>>, Error> {
        for id in names(&id) {
            let variables = discount_codes_page::Variables {
                id,
                first: size.first(),
                after: Some(after.clone()),
            };
            let answer = self.request::<DiscountCodesPage, _>(variables, size.patience());
            let Only(node): Drains<Connection<RedeemCode>> = answer.await?;
            if let Some(Only(discount)) = node {
                return Ok(discount.part);
            }
        }
        Ok(None)
    }

    /// Makes the lists of items whole. `false`: the discount is gone or about something else.
    async fn drain_items(
        &self,
        plan: &'static Plan,
        id: &Gid,
        items: &mut DiscountItems,
    ) -> Result<bool, Error> {
        for list in [List::Products, List::Variants, List::Collections] {
            let Some(connection) = list_of(items, list) else {
                continue;
            };
            let more = |size: Size, after| {
                let first = size.first();
                let place = ItemsPlace { list, first, after };
                self.discount_items(plan, id.clone(), size.patience(), place)
            };
            if !self.drain(plan, connection, more).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn discount_items(
        &self,
        plan: &'static Plan,
        id: Gid,
        patience: RetryBudget,
        place: ItemsPlace,
    ) -> Result<Option<Connection<Reference>>, Error> {
        for id in names(&id) {
            let Only(node) = self.items_page(plan, id, patience, &place).await?;
            if let Some(Only(discount)) = node {
                let items = discount.part.map(|Only(items)| items);
                return Ok(items
                    .and_then(|mut items| list_of(&mut items, place.list).map(Connection::take)));
            }
        }
        Ok(None)
    }

    async fn items_page(
        &self,
        plan: &'static Plan,
        id: String,
        patience: RetryBudget,
        place: &ItemsPlace,
    ) -> Result<Drains<Only<DiscountItems>>, Error> {
        let (products, products_after) = place.of(List::Products);
        let (variants, variants_after) = place.of(List::Variants);
        let (collections, collections_after) = place.of(List::Collections);
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
            self.request::<DiscountGetsPage, _>(variables, patience)
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
            self.request::<DiscountBuysPage, _>(variables, patience)
                .await
        }
    }
}

/// The names to ask for one discount by: the documented one, then that of its kind.
fn names(id: &Gid) -> [String; 2] {
    [Gid::new(NODE, id.number()).into(), id.to_string()]
}
