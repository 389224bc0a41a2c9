//! Defines the ports: the traits through which the domain uses Shopify, the Space, the state database and the clock. All
//! are object-safe and shared as `Arc<dyn …>`.

mod catalog;
mod clock;
mod inbox;
mod mirror;
mod poll;
mod registry;
mod runs;
mod snapshot;

pub use catalog::{CatalogSource, Count, FetchResult, ScanItem, SubscriptionAudit};
pub use clock::Clock;
pub use inbox::Inbox;
pub use mirror::{Change, Mirror, Revision, StoredItem, UpsertResult, WriteMode};
pub use poll::PollSchedule;
pub use registry::ShopRegistry;
pub use runs::RunLog;
pub use snapshot::{ItemStream, PublishMode, PublishResult, SnapshotStore, StoredSnapshot};
