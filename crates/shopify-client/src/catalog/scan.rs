use std::collections::HashSet;

use async_stream::try_stream;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::chain::CursorChain;
use super::page::{PageEntry, UnreadableObject};
use super::{CatalogObject, MAX_CONCURRENT};
use crate::model::{Collection, Connection, Discount, Location, Product};
use crate::{Error, ShopClient};

/// After so many things, a list is gone on with by the filter `id:>` instead of a cursor: Shopify's limits on deep
/// paging are told differently in different places, and 25,000 is the least of them.
const WINDOW: usize = 20_000;

impl ShopClient {
    /// All products of all statuses, each with all its variants, their inventory levels, and its metafields.
    ///
    /// Each comes at most once, in the order of the ids. One that is deleted while it is read is left out. The stream
    /// ends with the first error; then what came before is not all. But one that cannot be read is
    /// [`Error::Unreadable`], and after that the stream goes on, for those who can do without it. A list of more than
    /// 20,000 is compared with Shopify's count at its end: [`Error::Incomplete`].
    pub fn products(&self) -> BoxStream<'_, Result<Product, Error>> {
        self.scan()
    }

    /// All collections, each with all its products and its metafields; see [`ShopClient::products`] for the rest.
    pub fn collections(&self) -> BoxStream<'_, Result<Collection, Error>> {
        self.scan()
    }

    /// All discounts of all eight kinds, each with all its codes and items; see [`ShopClient::products`] for the rest.
    pub fn discounts(&self) -> BoxStream<'_, Result<Discount, Error>> {
        self.scan()
    }

    /// All locations, inactive ones and those of fulfilment services too; see [`ShopClient::products`] for the rest.
    pub fn locations(&self) -> BoxStream<'_, Result<Location, Error>> {
        self.scan()
    }

    fn scan<T: CatalogObject>(&self) -> BoxStream<'_, Result<T, Error>> {
        let things = try_stream! {
            let mut window = Window::new(T::PAGES.operation, WINDOW);
            let mut place = Some(PagePosition::default());
            let mut plan = T::PAGES;
            let mut tally = ScanTotals::default();
            while let Some(from) = place {
                let page = self.with_page_size(plan, |size| T::page(self, size, from.clone())).await?;
                let (fresh, next) = window.accept_page(page)?;
                tally.found += fresh.len() as u64;
                plan = T::next_plan(&fresh);
                let whole: Vec<_> = fresh.into_iter().map(|entry| self.complete_entry(entry)).collect();
                let mut whole = stream::iter(whole).buffered(MAX_CONCURRENT);
                while let Some(entry) = whole.next().await {
                    if let Some(entry) = entry? {
                        yield entry.map_err(Error::from);
                    }
                }
                place = match next {
                    None if tally.is_deep() => self.check_count::<T>(&mut tally, &mut window).await?,
                    next => next,
                };
            }
        };
        // The inner errors are about one thing each, and are no reason to stop.
        Box::pin(things.map(Result::flatten))
    }

    /// Compares a long list with its count, since Shopify may cut such lists off without a word. What was made while it was
    /// read comes at its end, so that is asked for once more; if still something is missing, the list was no whole one.
    async fn check_count<T: CatalogObject>(
        &self,
        tally: &mut ScanTotals,
        window: &mut Window,
    ) -> Result<Option<PagePosition>, Error> {
        let found = tally.found;
        let Some(expected) = T::count(self).await?.filter(|expected| *expected > found) else {
            return Ok(None);
        };
        if tally.rechecked_at.replace(found) == Some(found) {
            let operation = T::PAGES.operation;
            return Err(Error::Incomplete {
                operation,
                expected,
                found,
            });
        }
        Ok(Some(window.restart_by_id()))
    }

    /// Makes a thing of a page whole; `None` if it was deleted in the meantime.
    async fn complete_entry<T: CatalogObject>(
        &self,
        entry: PageEntry<T>,
    ) -> Result<Option<PageEntry<T>>, Error> {
        let item = match entry {
            Ok(item) => item,
            Err(unreadable) => return Ok(Some(Err(unreadable))),
        };
        let id = item.id().clone();
        match self.complete_object(item).await {
            Err(error @ Error::Decode { .. }) => Ok(Some(Err(UnreadableObject { id, error }))),
            whole => Ok(whole?.map(Ok)),
        }
    }
}

/// Where a page of a list begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PagePosition {
    pub(super) after: Option<String>,
    /// Only objects with larger id numbers.
    pub(super) beyond: Option<u64>,
}

impl PagePosition {
    /// The filter, with another one of the list's own.
    pub(super) fn query(&self, other: Option<&str>) -> Option<String> {
        let beyond = self.beyond.map(|number| format!("id:>{number}"));
        match (beyond, other) {
            (Some(beyond), Some(other)) => Some(format!("{beyond} AND {other}")),
            (beyond, other) => beyond.or_else(|| other.map(str::to_owned)),
        }
    }
}

/// What all windows of a list have given together.
#[derive(Debug, Default)]
struct ScanTotals {
    found: u64,
    /// How many it were when more was asked for than the list had seemed to have.
    rechecked_at: Option<u64>,
}

impl ScanTotals {
    fn is_deep(&self) -> bool {
        self.found > WINDOW as u64
    }
}

/// What a list has given since its beginning, or since it was last gone on with by id.
struct Window {
    chain: CursorChain,
    size: usize,
    numbers: HashSet<u64>,
    highest: Option<u64>,
    /// Whether the numbers came in order: without that, those beyond the highest are not all that is missing.
    ordered: bool,
    beyond: Option<u64>,
    operation: &'static str,
}

impl Window {
    fn new(operation: &'static str, size: usize) -> Self {
        Self {
            chain: CursorChain::new(operation),
            size,
            numbers: HashSet::new(),
            highest: None,
            ordered: true,
            beyond: None,
            operation,
        }
    }

    /// Takes a page: returns what is new in it, and where the next one begins.
    fn accept_page<T: CatalogObject>(
        &mut self,
        page: Connection<PageEntry<T>>,
    ) -> Result<(Vec<PageEntry<T>>, Option<PagePosition>), Error> {
        let (nodes, info) = page.into_parts();
        let empty = nodes.is_empty();
        let mut fresh = Vec::with_capacity(nodes.len());
        for node in nodes {
            let number = match &node {
                Ok(item) => item.number(),
                Err(unreadable) => unreadable.id.number(),
            };
            // The filter was not heeded, so nothing is known about what else was left out.
            if self.beyond.is_some_and(|beyond| number <= beyond) {
                return Err(self.chain.broken());
            }
            if self.numbers.insert(number) {
                self.ordered &= self.highest.is_none_or(|highest| number > highest);
                self.highest = self.highest.max(Some(number));
                fresh.push(node);
            }
        }
        let Some(after) = self.chain.next(&info)? else {
            return Ok((fresh, None));
        };
        // A whole page of what has been seen: the chain runs in a circle, under new cursors.
        if fresh.is_empty() && !empty {
            return Err(self.chain.broken());
        }
        if T::BY_ID_RANGE && self.ordered && self.numbers.len() >= self.size {
            return Ok((fresh, Some(self.restart_by_id())));
        }
        let place = PagePosition {
            after: Some(after),
            beyond: self.beyond,
        };
        Ok((fresh, Some(place)))
    }

    /// Begins the list that follows the highest number so far.
    fn restart_by_id(&mut self) -> PagePosition {
        let beyond = self.highest.or(self.beyond);
        *self = Self::new(self.operation, self.size);
        self.beyond = beyond;
        PagePosition {
            after: None,
            beyond,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(numbers: &[u64], next: Option<&str>) -> Connection<PageEntry<Location>> {
        let node = |number: &u64| {
            json!({
                "id": format!("gid://shopify/Location/{number}"),
                "legacyResourceId": number.to_string(),
                "name": "", "isActive": true, "updatedAt": "",
            })
        };
        let nodes: Vec<_> = numbers.iter().map(node).collect();
        let info = json!({ "hasNextPage": next.is_some(), "endCursor": next });
        let page = serde_json::from_value(json!({ "nodes": nodes, "pageInfo": info }));
        Connection::map(page.unwrap(), Ok)
    }

    fn collections(numbers: &[u64], next: Option<&str>) -> Connection<PageEntry<Collection>> {
        let node = |number: &u64| {
            let none = json!({ "nodes": [], "pageInfo": { "hasNextPage": false } });
            json!({
                "id": format!("gid://shopify/Collection/{number}"),
                "legacyResourceId": number.to_string(),
                "title": "", "handle": "", "description": "", "descriptionHtml": "",
                "sortOrder": "MANUAL", "templateSuffix": null, "updatedAt": "",
                "products": none, "metafields": none,
            })
        };
        let nodes: Vec<_> = numbers.iter().map(node).collect();
        let info = json!({ "hasNextPage": next.is_some(), "endCursor": next });
        let page = serde_json::from_value(json!({ "nodes": nodes, "pageInfo": info }));
        Connection::map(page.unwrap(), Ok)
    }

    fn numbers<T: CatalogObject>(entries: &[PageEntry<T>]) -> Vec<u64> {
        entries
            .iter()
            .flatten()
            .map(CatalogObject::number)
            .collect()
    }

    #[test]
    fn a_long_list_is_gone_on_with_by_id() {
        let mut window = Window::new("Things", 4);
        let (_, place) = window.accept_page(collections(&[1, 2], Some("b"))).unwrap();
        let by_cursor = PagePosition {
            after: Some("b".to_owned()),
            beyond: None,
        };
        assert_eq!(place, Some(by_cursor));
        let (_, place) = window.accept_page(collections(&[3, 7], Some("d"))).unwrap();
        let by_id = PagePosition {
            after: None,
            beyond: Some(7),
        };
        assert_eq!(place, Some(by_id.clone()));
        assert_eq!(by_id.query(None).unwrap(), "id:>7");
        assert_eq!(by_id.query(Some("a:b")).unwrap(), "id:>7 AND a:b");
        // A cursor may come again there: it is another list.
        let (fresh, place) = window.accept_page(collections(&[8, 9], Some("b"))).unwrap();
        assert_eq!(numbers(&fresh), [8, 9]);
        assert_eq!(place.unwrap().beyond, Some(7));
        assert!(
            window.accept_page(collections(&[7], None)).is_err(),
            "a filter that is not heeded"
        );
    }

    #[test]
    fn a_list_out_of_order_or_without_the_filter_is_followed_by_cursors() {
        let mut window = Window::new("Things", 2);
        window.accept_page(collections(&[5, 2], Some("a"))).unwrap();
        let (_, place) = window.accept_page(collections(&[3, 1], Some("b"))).unwrap();
        assert_eq!(place.unwrap().beyond, None);
        let mut window = Window::new("Things", 2);
        let (_, place) = window.accept_page(page(&[1, 2, 3], Some("a"))).unwrap();
        assert_eq!(place.unwrap().beyond, None);
    }

    #[test]
    fn what_comes_twice_is_given_once_and_a_circle_is_found() {
        let mut window = Window::new("Things", 100);
        window.accept_page(page(&[1, 2], Some("a"))).unwrap();
        let (fresh, _) = window.accept_page(page(&[2, 3], Some("b"))).unwrap();
        assert_eq!(numbers(&fresh), [3]);
        // A page of nothing is no circle: Shopify filters after it has cut the page.
        window.accept_page(page(&[], Some("c"))).unwrap();
        assert!(window.accept_page(page(&[1, 2], Some("d"))).is_err());
    }
}
