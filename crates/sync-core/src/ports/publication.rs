use async_trait::async_trait;

use crate::{ContentHash, Lease, PortError, ShopDomain, Timestamp};

/// What was published last of a shop, in one layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The layout's name ([`crate::ports::Publisher::layout`]).
    pub layout: String,
    /// The mirror's revision.
    pub revision: u64,
    /// The generation that consumers see.
    pub generation: u64,
    /// The object's key.
    pub key: String,
    /// The hash of the object's bytes.
    pub hash: ContentHash,
    /// The object's size in bytes.
    pub bytes: u64,
    /// The object's version in the Space (its ETag), if known.
    pub version: Option<String>,
}

/// The mirror's revision and a layout's last publication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicationState {
    /// The mirror's revision. It grows with every change of the mirror, in the same transaction. 0: never written.
    pub revision: u64,
    /// The last publication.
    pub last: Option<Publication>,
}

impl PublicationState {
    /// Whether the mirror has changed since the last publication.
    pub fn is_behind(&self) -> bool {
        self.last
            .as_ref()
            .is_none_or(|last| last.revision < self.revision)
    }
}

/// Records what was published last.
#[async_trait]
pub trait Publications: Send + Sync {
    /// The revision and the last publication; the default for an unknown shop.
    async fn publication_state(
        &self,
        shop: &ShopDomain,
        layout: &str,
    ) -> Result<PublicationState, PortError>;

    /// Replaces the layout's last publication, which was confirmed at `at`.
    async fn record_publication(
        &self,
        lease: &Lease,
        publication: &Publication,
        at: Timestamp,
    ) -> Result<(), PortError>;
}
