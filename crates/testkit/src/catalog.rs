//! Provides a fake [`CatalogSource`] whose items and failures a test sets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use sync_core::ports::{CatalogSource, Count, FetchResult, ScanItem, SubscriptionAudit};
use sync_core::{Item, ItemId, ItemKey, ItemKind, PortError, ShopDomain};

use crate::Gate;

/// A shop whose items and failures a test sets. Every shop domain sees the same items.
#[derive(Debug, Clone, Default)]
pub struct FakeCatalog(Arc<Mutex<Catalog>>);

#[derive(Debug, Default)]
struct Catalog {
    items: BTreeMap<ItemKey, Item>,
    hidden: Vec<ItemKey>,
    unreadable: Vec<ItemKey>,
    counts: BTreeMap<ItemKind, Option<Count>>,
    failures: VecDeque<PortError>,
    scan_failure: Option<(ItemKind, usize, PortError)>,
    gate: Option<Gate>,
    interrupted_scans: Option<Result<u64, PortError>>,
    audit_failure: Option<PortError>,
    calls: CallCounts,
}

/// The number of calls of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct CallCounts {
    scans: u64,
    fetches: u64,
    audits: u64,
}

impl FakeCatalog {
    /// An empty catalogue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces an item.
    pub fn put(&self, item: Item) {
        self.catalog().items.insert(item.key, item);
    }

    /// Removes an item.
    pub fn remove(&self, key: ItemKey) {
        self.catalog().items.remove(&key);
    }

    /// Leaves an existing item out of scans.
    pub fn hide(&self, key: ItemKey) {
        self.catalog().hidden.push(key);
    }

    /// Makes every fetch of this item fail permanently, and makes scans return it as unreadable.
    pub fn make_unreadable(&self, key: ItemKey) {
        self.catalog().unreadable.push(key);
    }

    /// Makes the item readable again.
    pub fn make_readable(&self, key: ItemKey) {
        self.catalog().unreadable.retain(|known| *known != key);
    }

    /// Makes the catalogue report this count of a kind instead of the real one.
    pub fn set_count(&self, kind: ItemKind, count: Option<Count>) {
        self.catalog().counts.insert(kind, count);
    }

    /// Makes the next fetch or probe fail.
    pub fn fail_next(&self, error: PortError) {
        self.catalog().failures.push_back(error);
    }

    /// Makes the next scan of a kind end with this error after `items` items.
    pub fn fail_scan(&self, kind: ItemKind, items: usize, error: PortError) {
        self.catalog().scan_failure = Some((kind, items, error));
    }

    /// Makes the next audit of the subscriptions fail.
    pub fn fail_audit(&self, error: PortError) {
        self.catalog().audit_failure = Some(error);
    }

    /// Holds the next scan where it counts the items of its first kind.
    pub fn hold_next_scan(&self) -> Gate {
        let gate = Gate::default();
        self.catalog().gate = Some(gate.clone());
        gate
    }

    /// Makes the next call of `end_interrupted_scans` return this instead of 0.
    pub fn set_interrupted_scans(&self, result: Result<u64, PortError>) {
        self.catalog().interrupted_scans = Some(result);
    }

    /// Whether the result of [`FakeCatalog::set_interrupted_scans`] has not been returned yet.
    pub fn has_interrupted_scans(&self) -> bool {
        self.catalog().interrupted_scans.is_some()
    }

    /// The number of scans started.
    pub fn scans(&self) -> u64 {
        self.catalog().calls.scans
    }

    /// The number of fetches.
    pub fn fetches(&self) -> u64 {
        self.catalog().calls.fetches
    }

    /// The number of subscription audits.
    pub fn audits(&self) -> u64 {
        self.catalog().calls.audits
    }

    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CatalogSource for FakeCatalog {
    fn scan<'a>(
        &'a self,
        _: &'a ShopDomain,
        kind: ItemKind,
    ) -> BoxStream<'a, Result<ScanItem, PortError>> {
        let mut catalog = self.catalog();
        catalog.calls.scans += 1;
        let shown = |item: &&Item| item.key.kind == kind && !catalog.hidden.contains(&item.key);
        let scanned = |item: &Item| {
            if catalog.unreadable.contains(&item.key) {
                ScanItem::Unreadable(item.key, unreadable_error())
            } else {
                ScanItem::Found(Box::new(item.clone()))
            }
        };
        let items = catalog.items.values().filter(shown);
        let mut results: Vec<Result<ScanItem, PortError>> =
            items.map(|item| Ok(scanned(item))).collect();
        if let Some((_, after, error)) = catalog.scan_failure.take_if(|(of, ..)| *of == kind) {
            results.truncate(after);
            results.push(Err(error));
        }
        futures::stream::iter(results).boxed()
    }

    async fn count(&self, _: &ShopDomain, kind: ItemKind) -> Result<Option<Count>, PortError> {
        let gate = self.catalog().gate.take();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let catalog = self.catalog();
        if let Some(count) = catalog.counts.get(&kind) {
            return Ok(*count);
        }
        let count = catalog.items.keys().filter(|key| key.kind == kind).count() as u64;
        Ok(Some(Count { count, exact: true }))
    }

    async fn fetch(&self, _: &ShopDomain, keys: &[ItemKey]) -> Result<Vec<FetchResult>, PortError> {
        let mut catalog = self.catalog();
        catalog.calls.fetches += 1;
        if let Some(error) = catalog.failures.pop_front() {
            return Err(error);
        }
        if keys.iter().any(|key| catalog.unreadable.contains(key)) {
            return Err(unreadable_error());
        }
        let result = |key: &ItemKey| match catalog.items.get(key) {
            Some(item) => FetchResult::Found(Box::new(item.clone())),
            None => FetchResult::Deleted(*key),
        };
        Ok(keys.iter().map(result).collect())
    }

    async fn owners(
        &self,
        _: &ShopDomain,
        inventory_items: &[ItemId],
    ) -> Result<Vec<ItemKey>, PortError> {
        let catalog = self.catalog();
        let owns = |item: &&Item| {
            item.references.iter().any(|reference| {
                reference.kind == ItemKind::InventoryItem && inventory_items.contains(&reference.id)
            })
        };
        Ok(catalog
            .items
            .values()
            .filter(owns)
            .map(|item| item.key)
            .collect())
    }

    async fn audit_subscriptions(&self, _: &ShopDomain) -> Result<SubscriptionAudit, PortError> {
        let mut catalog = self.catalog();
        catalog.calls.audits += 1;
        let failure = catalog.audit_failure.take();
        failure.map_or(Ok(SubscriptionAudit::default()), Err)
    }

    async fn end_interrupted_scans(&self, _: &ShopDomain) -> Result<u64, PortError> {
        self.catalog().interrupted_scans.take().unwrap_or(Ok(0))
    }

    async fn probe(&self, _: &ShopDomain) -> Result<(), PortError> {
        self.catalog().failures.pop_front().map_or(Ok(()), Err)
    }
}

fn unreadable_error() -> PortError {
    PortError::fail("read the items", "the response cannot be decoded")
}
