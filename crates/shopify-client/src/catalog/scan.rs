//! Streams all objects of a kind, page by page.

use std::collections::HashSet;

use async_stream::try_stream;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::chain::CursorChain;
use super::page::{PageEntry, UnreadableObject};
use super::{CatalogObject, MAX_CONCURRENT};
use crate::model::{Collection, Connection, Discount, Location, Product};
use crate::{Error, ShopClient};

/// After this many objects, the scan continues with the filter `id:>` instead of a cursor. Shopify's documents differ
/// about the limit of cursor paging; 25,000 objects is the lowest limit they state.
const WINDOW: usize = 20_000;

impl ShopClient {
    /// All products of all statuses, each with all its variants, their inventory levels, and its metafields.
    ///
    /// Each product comes at most once, in the order of the ids. A product that is deleted during the scan is left out.
    ///
    /// The stream ends with the first error, and the products before it are not all. The one exception is
    /// [`Error::Unreadable`], which stands for one product that cannot be deserialised: the stream continues after it.
    /// At the end of a list of more than 20,000 objects, the number is compared with Shopify's count
    /// ([`Error::Incomplete`]).
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

    /// All locations, including inactive ones and those of fulfilment services; see [`ShopClient::products`] for the
    /// rest.
    pub fn locations(&self) -> BoxStream<'_, Result<Location, Error>> {
        self.scan()
    }

    fn scan<T: CatalogObject>(&self) -> BoxStream<'_, Result<T, Error>> {
        let objects = try_stream! {
            let mut window = Window::new(T::PAGES.operation, WINDOW);
            let mut position = Some(PagePosition::default());
            let mut plan = T::PAGES;
            let mut totals = ScanTotals::default();
            while let Some(from) = position {
                let page = self.with_page_size(plan, |size| T::page(self, size, from.clone())).await?;
                let (new_entries, next) = window.accept_page(page)?;
                totals.found += new_entries.len() as u64;
                plan = T::next_plan(&new_entries);
                let completing: Vec<_> = new_entries.into_iter().map(|entry| self.complete_entry(entry)).collect();
                let mut completed = stream::iter(completing).buffered(MAX_CONCURRENT);
                while let Some(entry) = completed.next().await {
                    if let Some(entry) = entry? {
                        yield entry.map_err(Error::from);
                    }
                }
                position = match next {
                    None if totals.is_deep() => self.check_count::<T>(&mut totals, &mut window).await?,
                    next => next,
                };
            }
        };
        // An inner error concerns one object and does not end the stream.
        Box::pin(objects.map(Result::flatten))
    }

    /// Compares the length of a long list with Shopify's count, since Shopify may truncate such lists without an error.
    /// Objects created during the scan come at the end of the list, so the end is requested once more. If the list is
    /// still too short, it is incomplete.
    async fn check_count<T: CatalogObject>(
        &self,
        totals: &mut ScanTotals,
        window: &mut Window,
    ) -> Result<Option<PagePosition>, Error> {
        let found = totals.found;
        let Some(expected) = T::count(self).await?.filter(|expected| *expected > found) else {
            return Ok(None);
        };
        if totals.rechecked_at.replace(found) == Some(found) {
            let operation = T::PAGES.operation;
            return Err(Error::Incomplete {
                operation,
                expected,
                found,
            });
        }
        Ok(Some(window.restart_by_id()))
    }

    /// Completes an object of a page; `None` if it was deleted meanwhile.
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
            completed => Ok(completed?.map(Ok)),
        }
    }
}

/// The start of a page in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PagePosition {
    pub(super) after: Option<String>,
    /// Selects only objects with larger id numbers.
    pub(super) after_id: Option<u64>,
}

impl PagePosition {
    /// The `query` argument, combined with the list's own filter.
    pub(super) fn query(&self, other: Option<&str>) -> Option<String> {
        let after_id = self.after_id.map(|number| format!("id:>{number}"));
        match (after_id, other) {
            (Some(after_id), Some(other)) => Some(format!("{after_id} AND {other}")),
            (after_id, other) => after_id.or_else(|| other.map(str::to_owned)),
        }
    }
}

/// Counts the objects of all windows of a list.
#[derive(Debug, Default)]
struct ScanTotals {
    found: u64,
    /// The value of `found` when the end of the list was requested once more.
    rechecked_at: Option<u64>,
}

impl ScanTotals {
    fn is_deep(&self) -> bool {
        self.found > WINDOW as u64
    }
}

/// The part of a list since its start or since the last restart by id.
struct Window {
    chain: CursorChain,
    size: usize,
    numbers: HashSet<u64>,
    highest: Option<u64>,
    /// Whether the numbers came in ascending order. Otherwise the objects after the highest are not all that is
    /// missing.
    ordered: bool,
    after_id: Option<u64>,
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
            after_id: None,
            operation,
        }
    }

    /// Accepts a page. Returns its new entries and the position of the next page.
    fn accept_page<T: CatalogObject>(
        &mut self,
        page: Connection<PageEntry<T>>,
    ) -> Result<(Vec<PageEntry<T>>, Option<PagePosition>), Error> {
        let (nodes, info) = page.into_parts();
        let empty = nodes.is_empty();
        let mut new_entries = Vec::with_capacity(nodes.len());
        for node in nodes {
            let number = match &node {
                Ok(item) => item.number(),
                Err(unreadable) => unreadable.id.number(),
            };
            // Shopify ignored the filter, so the list may have other gaps.
            if self.after_id.is_some_and(|after_id| number <= after_id) {
                return Err(self.chain.broken());
            }
            if self.numbers.insert(number) {
                self.ordered &= self.highest.is_none_or(|highest| number > highest);
                self.highest = self.highest.max(Some(number));
                new_entries.push(node);
            }
        }
        let Some(after) = self.chain.next(&info)? else {
            return Ok((new_entries, None));
        };
        // The page has no new object: the cursors differ, but they lead in a circle.
        if new_entries.is_empty() && !empty {
            return Err(self.chain.broken());
        }
        if T::BY_ID_RANGE && self.ordered && self.numbers.len() >= self.size {
            return Ok((new_entries, Some(self.restart_by_id())));
        }
        let position = PagePosition {
            after: Some(after),
            after_id: self.after_id,
        };
        Ok((new_entries, Some(position)))
    }

    /// Restarts the list after the highest number so far.
    fn restart_by_id(&mut self) -> PagePosition {
        let after_id = self.highest.or(self.after_id);
        *self = Self::new(self.operation, self.size);
        self.after_id = after_id;
        PagePosition {
            after: None,
            after_id,
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
    fn a_long_list_continues_by_id() {
        let mut window = Window::new("ListPage", 4);
        let (_, position) = window.accept_page(collections(&[1, 2], Some("b"))).unwrap();
        let by_cursor = PagePosition {
            after: Some("b".to_owned()),
            after_id: None,
        };
        assert_eq!(position, Some(by_cursor));
        let (_, position) = window.accept_page(collections(&[3, 7], Some("d"))).unwrap();
        let by_id = PagePosition {
            after: None,
            after_id: Some(7),
        };
        assert_eq!(position, Some(by_id.clone()));
        assert_eq!(by_id.query(None).unwrap(), "id:>7");
        assert_eq!(by_id.query(Some("a:b")).unwrap(), "id:>7 AND a:b");
        // The same cursor may occur again, since it belongs to another list.
        let (new_entries, position) = window.accept_page(collections(&[8, 9], Some("b"))).unwrap();
        assert_eq!(numbers(&new_entries), [8, 9]);
        assert_eq!(position.unwrap().after_id, Some(7));
        assert!(
            window.accept_page(collections(&[7], None)).is_err(),
            "a filter that Shopify ignored"
        );
    }

    #[test]
    fn a_list_out_of_order_or_without_the_filter_continues_by_cursor() {
        let mut window = Window::new("ListPage", 2);
        window.accept_page(collections(&[5, 2], Some("a"))).unwrap();
        let (_, position) = window.accept_page(collections(&[3, 1], Some("b"))).unwrap();
        assert_eq!(position.unwrap().after_id, None);
        let mut window = Window::new("ListPage", 2);
        let (_, position) = window.accept_page(page(&[1, 2, 3], Some("a"))).unwrap();
        assert_eq!(position.unwrap().after_id, None);
    }

    #[test]
    fn duplicates_are_dropped_and_a_circle_is_detected() {
        let mut window = Window::new("ListPage", 100);
        window.accept_page(page(&[1, 2], Some("a"))).unwrap();
        let (new_entries, _) = window.accept_page(page(&[2, 3], Some("b"))).unwrap();
        assert_eq!(numbers(&new_entries), [3]);
        // An empty page is not a circle: Shopify applies the filter after it has cut the page.
        window.accept_page(page(&[], Some("c"))).unwrap();
        assert!(window.accept_page(page(&[1, 2], Some("d"))).is_err());
    }
}
