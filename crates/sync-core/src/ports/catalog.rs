use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{Item, ItemId, ItemKey, ItemKind, PortError, ShopDomain};

/// How many items of a kind a shop says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub count: u64,
    /// `false` if the number is only a lower bound (Shopify stops counting at 25,000).
    pub exact: bool,
}

/// What became of an item that was asked for by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchResult {
    /// It exists, complete.
    Found(Box<Item>),
    /// The shop says that there is no such item.
    Deleted(ItemKey),
}

/// What a scan comes upon.
#[derive(Debug)]
pub enum ScanItem {
    /// An item, complete.
    Found(Box<Item>),
    /// An item that exists, but of which no sense can be made.
    Unreadable(ItemKey, PortError),
}

/// What a look at the shop's webhook subscriptions did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionAudit {
    /// Topics that were missing and are subscribed to now.
    pub created: Vec<String>,
    /// Topics whose address was wrong and is mended now.
    pub updated: Vec<String>,
    /// Topics that were right.
    pub kept: usize,
    /// Topics that the shop refused, with its reason.
    pub failed: Vec<(String, String)>,
}

/// A shop's catalogue, read from the shop.
#[async_trait]
pub trait CatalogSource: Send + Sync {
    /// Every item of a kind, in any order, each at most once: complete, or named as one that cannot be read.
    ///
    /// The stream ends after the last item or with the first error; items before an error are whole, but the
    /// set is not. `kind` is one of [`ItemKind::SCANNED`].
    fn scan<'a>(
        &'a self,
        shop: &'a ShopDomain,
        kind: ItemKind,
    ) -> BoxStream<'a, Result<ScanItem, PortError>>;

    /// How many items of a kind there are; `None` when the shop does not say.
    async fn count(&self, shop: &ShopDomain, kind: ItemKind) -> Result<Option<Count>, PortError>;

    /// The named items as they are now, one answer for each key, in any order. No key is an inventory item.
    async fn fetch(
        &self,
        shop: &ShopDomain,
        keys: &[ItemKey],
    ) -> Result<Vec<FetchResult>, PortError>;

    /// The products that the named inventory items belong to. An unknown one belongs to none.
    async fn owners(
        &self,
        shop: &ShopDomain,
        inventory_items: &[ItemId],
    ) -> Result<Vec<ItemKey>, PortError>;

    /// Makes sure that the shop's webhook subscriptions are those this service needs.
    async fn audit_subscriptions(&self, shop: &ShopDomain) -> Result<SubscriptionAudit, PortError>;

    /// Ends what scans that were cut off have left going on at the shop, and says how many that were; 0 if scans leave
    /// nothing behind. What they read is never taken over: it may be older than the marks that a new scan settles.
    ///
    /// Only the holder of the shop's lease may ask for it: what it ends may be another's scan under way.
    async fn end_interrupted_scans(&self, shop: &ShopDomain) -> Result<u64, PortError>;

    /// One small authorised read: whether polling this shop would work.
    async fn probe(&self, shop: &ShopDomain) -> Result<(), PortError>;
}
