use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    Item, ItemId, ItemKey, ItemKind, Lease, PortError, RunId, Section, ShopDomain, Timestamp,
};

/// How writing an item changed the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The item was missing or a tombstone.
    Added,
    /// The item's bytes differed.
    Updated,
    /// The item's bytes were the same.
    None,
}

/// The result of writing one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpsertResult {
    /// The item.
    pub key: ItemKey,
    /// How the mirror changed.
    pub change: Change,
    /// Whether its denormalised fields changed, so that the items that refer to it repeat an outdated field. `true` for an
    /// added item.
    pub denorm_changed: bool,
}

/// How [`Mirror::upsert`] treats the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// Writes the items, outside a full scan.
    Refresh,
    /// Writes the items and records that this full scan has seen them.
    Scan(RunId),
}

/// A changed item: its last change since some revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemChange {
    /// The item.
    pub key: ItemKey,
    /// Its place in the document; of a tombstone, the last one.
    pub section: Section,
    /// The revision that changed it last.
    pub revision: u64,
    /// Canonical JSON; `None` for a tombstone.
    pub body: Option<String>,
}

/// An item's id and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// The id.
    pub id: ItemId,
    /// Canonical JSON.
    pub body: String,
}

/// Stores the copy of each shop's catalogue, item by item.
#[async_trait]
pub trait Mirror: Send + Sync {
    /// Writes items under a lease. Returns one result for each item, in the same order.
    ///
    /// One transaction: either all items are written, or none. If any changed, the shop's revision grows by one, and the
    /// changed items get it.
    async fn upsert(
        &self,
        lease: &Lease,
        items: &[Item],
        mode: WriteMode,
    ) -> Result<Vec<UpsertResult>, PortError>;

    /// Returns what [`Mirror::upsert`] would return, and writes nothing.
    async fn compare(
        &self,
        shop: &ShopDomain,
        items: &[Item],
    ) -> Result<Vec<UpsertResult>, PortError>;

    /// Tombstones items and returns the keys of those that were live. Other keys are ignored.
    async fn tombstone(
        &self,
        lease: &Lease,
        keys: &[ItemKey],
        at: Timestamp,
    ) -> Result<Vec<ItemKey>, PortError>;

    /// The live items of a kind that the full scan `run` has not seen, by ascending id.
    async fn unseen(
        &self,
        shop: &ShopDomain,
        kind: ItemKind,
        run: RunId,
    ) -> Result<Vec<ItemKey>, PortError>;

    /// The live items that refer to any of `keys`, without duplicates.
    async fn referrers(
        &self,
        shop: &ShopDomain,
        keys: &[ItemKey],
    ) -> Result<Vec<ItemKey>, PortError>;

    /// A page of a section's live items by ascending id: at most `limit` items with ids greater than `after`.
    async fn page(
        &self,
        shop: &ShopDomain,
        section: Section,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<StoredItem>, PortError>;

    /// The number of live items by kind. Kinds without items are absent.
    async fn counts(&self, shop: &ShopDomain) -> Result<BTreeMap<ItemKind, u64>, PortError>;

    /// A page of the items, tombstones included, that were changed by a revision greater than `revision`: at most `limit`
    /// items by ascending (revision, kind, id), after the item `after` of its revision.
    async fn changed_since(
        &self,
        shop: &ShopDomain,
        revision: u64,
        after: Option<(u64, ItemKey)>,
        limit: u32,
    ) -> Result<Vec<ItemChange>, PortError>;
}
