use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{ContentHash, PortError, Section, ShopDomain};

/// The items of a snapshot: section by section in document order, each section by ascending id. Canonical JSON.
pub type ItemStream<'a> = BoxStream<'a, Result<(Section, String), PortError>>;

/// What [`SnapshotStore::publish`] may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishMode {
    /// Upload the document if it differs.
    Upload,
    /// Only compare it.
    DryRun,
}

/// The result of [`SnapshotStore::publish`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishResult {
    /// The object's key.
    pub key: String,
    /// The document's hash.
    pub hash: ContentHash,
    /// The document's size in bytes.
    pub bytes: u64,
    /// Whether the document differed from the Space's: it was uploaded, or would be without [`PublishMode::DryRun`].
    pub changed: bool,
}

/// A snapshot stored in the Space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The object's key.
    pub key: String,
    /// The hash computed from the object's bytes.
    pub hash: ContentHash,
    /// The object's size in bytes.
    pub bytes: u64,
}

/// Publishes snapshots in the Space.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// Builds the document from `items` and uploads it if the object in the Space differs.
    ///
    /// Memory use does not grow with the document. If `items` ends with an error, nothing is uploaded and the error is
    /// returned.
    async fn publish(
        &self,
        shop: &ShopDomain,
        generation: u64,
        items: ItemStream<'_>,
        mode: PublishMode,
    ) -> Result<PublishResult, PortError>;

    /// Reads and hashes the shop's snapshot; `None` if there is none.
    async fn inspect(&self, shop: &ShopDomain) -> Result<Option<StoredSnapshot>, PortError>;

    /// Deletes every object of the shop. Returns the number of deleted objects.
    async fn erase(&self, shop: &ShopDomain) -> Result<u64, PortError>;
}
