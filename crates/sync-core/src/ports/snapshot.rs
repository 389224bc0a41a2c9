use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{ContentHash, PortError, Section, ShopDomain};

/// The items of a snapshot: section by section in document order, each section by ascending id. Canonical JSON.
pub type ItemStream<'a> = BoxStream<'a, Result<(Section, String), PortError>>;

/// What [`SnapshotStore::publish`] may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishMode {
    /// Upload what differs.
    Upload,
    /// Only compare.
    DryRun,
}

/// What publishing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishResult {
    /// The object's key.
    pub key: String,
    /// The document's hash.
    pub hash: ContentHash,
    /// The document's size in bytes.
    pub bytes: u64,
    /// Whether the Space held something else before: it was uploaded, or would be in a dry run.
    pub changed: bool,
}

/// A snapshot as the Space holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The object's key.
    pub key: String,
    /// The hash of its bytes, computed from them.
    pub hash: ContentHash,
    /// Its size.
    pub bytes: u64,
}

/// The Space.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// Writes the document from `items` and uploads it if the Space holds other bytes.
    ///
    /// Memory use does not grow with the document. If `items` ends with an error, nothing is uploaded and that
    /// error is returned.
    async fn publish(
        &self,
        shop: &ShopDomain,
        generation: u64,
        items: ItemStream<'_>,
        mode: PublishMode,
    ) -> Result<PublishResult, PortError>;

    /// The shop's snapshot, its bytes read and hashed; `None` if there is none.
    async fn inspect(&self, shop: &ShopDomain) -> Result<Option<StoredSnapshot>, PortError>;

    /// Deletes every object of the shop. Returns how many.
    async fn erase(&self, shop: &ShopDomain) -> Result<u64, PortError>;
}
