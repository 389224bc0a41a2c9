use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{Item, ItemId, ItemKey, ItemKind, PortError, ShopDomain};

/// The number of items of a kind that a shop reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub count: u64,
    /// `false` if the number is only a lower bound (Shopify stops counting at 25,000).
    pub exact: bool,
}

/// The result of fetching an item by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchResult {
    /// The item exists; it is complete.
    Found(Box<Item>),
    /// The shop reports that there is no such item.
    Deleted(ItemKey),
}

/// An element of a scan.
#[derive(Debug)]
pub enum ScanItem {
    /// A complete item.
    Found(Box<Item>),
    /// An item that exists but whose data cannot be decoded.
    Unreadable(ItemKey, PortError),
}

/// The result of [`CatalogSource::audit_subscriptions`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionAudit {
    /// Topics whose subscription was missing and has been created.
    pub created: Vec<String>,
    /// Topics whose address was wrong and has been corrected.
    pub updated: Vec<String>,
    /// The number of subscriptions that were correct.
    pub kept: usize,
    /// Topics that the shop refused, with the reason.
    pub failed: Vec<(String, String)>,
}

/// Reads a shop's catalogue from the shop.
#[async_trait]
pub trait CatalogSource: Send + Sync {
    /// Streams every item of a kind, in any order, each at most once.
    ///
    /// The stream ends after the last item or with the first error. Items before an error are complete, but the set is
    /// not. `kind` is one of [`ItemKind::SCANNED`].
    fn scan<'a>(
        &'a self,
        shop: &'a ShopDomain,
        kind: ItemKind,
    ) -> BoxStream<'a, Result<ScanItem, PortError>>;

    /// The number of items of a kind; `None` if the shop does not report it.
    async fn count(&self, shop: &ShopDomain, kind: ItemKind) -> Result<Option<Count>, PortError>;

    /// Fetches items by key: one result for each key, in any order. No key may be an inventory item.
    async fn fetch(
        &self,
        shop: &ShopDomain,
        keys: &[ItemKey],
    ) -> Result<Vec<FetchResult>, PortError>;

    /// The products that these inventory items belong to. An unknown inventory item belongs to none.
    async fn owners(
        &self,
        shop: &ShopDomain,
        inventory_items: &[ItemId],
    ) -> Result<Vec<ItemKey>, PortError>;

    /// Compares the shop's webhook subscriptions with those this service needs, and creates or corrects them.
    async fn audit_subscriptions(&self, shop: &ShopDomain) -> Result<SubscriptionAudit, PortError>;

    /// Ends the operations that interrupted scans have left running at the shop, and returns their number; 0 if scans
    /// start none.
    ///
    /// Their results are never used: they may be older than the dirty items that a new scan settles. Only the holder of
    /// the shop's lease may call this, because it also ends the operations of a scan in progress.
    async fn end_interrupted_scans(&self, shop: &ShopDomain) -> Result<u64, PortError>;

    /// Sends one small authorised request, to check whether polling this shop works.
    async fn probe(&self, shop: &ShopDomain) -> Result<(), PortError>;
}
