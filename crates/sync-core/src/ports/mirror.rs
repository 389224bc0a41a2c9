use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    ContentHash, Item, ItemId, ItemKey, ItemKind, Lease, PortError, RunId, Section, ShopDomain,
    Timestamp,
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
    /// Compares the items and writes nothing; the lease is not checked.
    DryRun,
}

/// The mirror's current revision and the one last published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revision {
    /// The current revision. It grows with every change of the mirror, in the same transaction. 0: never written.
    pub current: u64,
    /// The revision last published, if any.
    pub published: Option<u64>,
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
    /// One transaction: either all items are written, and the revision grows if any changed, or none.
    async fn upsert(
        &self,
        lease: &Lease,
        items: &[Item],
        mode: WriteMode,
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

    /// The mirror's revision; the default for an unknown shop.
    async fn revision(&self, shop: &ShopDomain) -> Result<Revision, PortError>;

    /// Records that the Space contains `revision`, whose document has this hash.
    async fn mark_published(
        &self,
        lease: &Lease,
        revision: u64,
        hash: ContentHash,
        at: Timestamp,
    ) -> Result<(), PortError>;
}
