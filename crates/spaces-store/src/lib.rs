#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod canonical;
pub mod config;
pub mod counting;
pub mod digest;
#[cfg(feature = "embedded-s3")]
pub mod embedded;
pub mod error;
pub mod key;
pub mod open;
pub mod probe;
pub mod snapshot;
mod spaces;
pub mod store;

pub use canonical::{CanonicalError, to_canonical_vec};
pub use config::{
    Addressing, ConfigError, Proxy, RetryConfig, SigningClock, SpacesConfig, Timeouts,
};
pub use counting::{CountingStore, RequestCounts};
pub use digest::{ContentHash, Hasher};
#[cfg(feature = "embedded-s3")]
pub use embedded::EmbeddedS3;
pub use error::{Error, Result};
pub use key::{KeyError, ObjectKey, ShopPrefix, SnapshotKey};
pub use object_store::ObjectStore;
pub use open::{StoreUrl, open};
pub use probe::{Capabilities, probe};
pub use snapshot::{
    Section, Shape, SingleLayout, SnapshotError, SnapshotWriter, Spool, SpoolConfig,
};
#[cfg(feature = "aws")]
pub use spaces::AwsBackend;
#[cfg(feature = "rusoto")]
pub use spaces::SpacesBackend;
pub use store::{
    Comparison, ObjectMeta, PutOutcome, Store, StoredObject, UploadConfig, Verification,
};
