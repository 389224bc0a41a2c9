use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    ContentHash, Item, ItemId, ItemKey, ItemKind, Lease, PortError, RunId, Section, ShopDomain,
    Timestamp,
};

/// What writing an item to the mirror changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there, or was a tombstone.
    Added,
    /// Its bytes differ.
    Updated,
    /// Its bytes are the same.
    None,
}

/// One written item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpsertResult {
    /// Which one.
    pub key: ItemKey,
    /// What changed.
    pub change: Change,
    /// Whether its label did: those who refer to it repeat something outdated. An added item's label counts as
    /// changed.
    pub denorm_changed: bool,
}

/// How [`Mirror::upsert`] treats what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// Writes, outside a full scan.
    Refresh,
    /// Writes and notes that this full scan has seen the items.
    Scan(RunId),
    /// Compares and writes nothing; the lease is not looked at.
    DryRun,
}

/// How far the mirror has moved, and which of its states was last published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revision {
    /// Grows with every change of the mirror, in the transaction that makes it. 0: never written.
    pub current: u64,
    /// The revision last published.
    pub published: Option<u64>,
}

/// An item's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// Which one.
    pub id: ItemId,
    /// Canonical JSON.
    pub body: String,
}

/// Our copy of the catalogue, item by item.
#[async_trait]
pub trait Mirror: Send + Sync {
    /// Writes items under a lease and tells what that changed, in the order given.
    ///
    /// One transaction: either all are written, and the revision grows if any changed, or none.
    async fn upsert(
        &self,
        lease: &Lease,
        items: &[Item],
        write: WriteMode,
    ) -> Result<Vec<UpsertResult>, PortError>;

    /// Marks items as gone, and returns those that were there. Keys of nothing are passed over.
    async fn tombstone(
        &self,
        lease: &Lease,
        keys: &[ItemKey],
        at: Timestamp,
    ) -> Result<Vec<ItemKey>, PortError>;

    /// The live items of a kind that the full scan `run` has not seen, in the order of their ids.
    async fn unseen(
        &self,
        shop: &ShopDomain,
        kind: ItemKind,
        run: RunId,
    ) -> Result<Vec<ItemKey>, PortError>;

    /// The live items that refer to any of `keys`, each once.
    async fn referrers(
        &self,
        shop: &ShopDomain,
        keys: &[ItemKey],
    ) -> Result<Vec<ItemKey>, PortError>;

    /// The live items of a section in the order of their ids: at most `limit` of them, after `after`.
    async fn page(
        &self,
        shop: &ShopDomain,
        section: Section,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<StoredItem>, PortError>;

    /// How many live items there are, by kind. Kinds without any are absent.
    async fn counts(&self, shop: &ShopDomain) -> Result<BTreeMap<ItemKind, u64>, PortError>;

    /// How far the mirror has moved.
    async fn revision(&self, shop: &ShopDomain) -> Result<Revision, PortError>;

    /// Notes that `revision` is what the Space holds, with the hash of the document.
    async fn mark_published(
        &self,
        lease: &Lease,
        revision: u64,
        hash: ContentHash,
        at: Timestamp,
    ) -> Result<(), PortError>;
}
