use async_trait::async_trait;

use super::{MirrorReader, Publication};
use crate::{ContentHash, Lease, PortError, ShopDomain};

/// The result of [`Publisher::publish`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishResult {
    /// What the Space contains now.
    pub publication: Publication,
    /// Whether anything was uploaded.
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

/// Publishes shops in the Space, in one layout.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// The layout's name, under which its publications are recorded.
    fn layout(&self) -> &'static str;

    /// Reads what it needs from the mirror and uploads what differs from the Space. Safe to repeat.
    ///
    /// `lease` is the lease under which it may upload, `last` what was published last. Memory use does not grow with the
    /// document. If the mirror cannot be read, nothing is uploaded and the error is returned.
    async fn publish(
        &self,
        lease: &Lease,
        mirror: MirrorReader<'_>,
        last: Option<&Publication>,
    ) -> Result<PublishResult, PortError>;

    /// Reads and hashes the shop's snapshot; `None` if there is none.
    async fn inspect(&self, shop: &ShopDomain) -> Result<Option<StoredSnapshot>, PortError>;

    /// Deletes every object of the shop. Returns the number of deleted objects.
    async fn erase(&self, shop: &ShopDomain) -> Result<u64, PortError>;
}
