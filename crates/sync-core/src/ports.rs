//! Defines the ports: the traits through which the domain uses Shopify, the Space, the state database and the clock. All
//! are object-safe and shared as `Arc<dyn …>`.

mod catalog;
mod clock;
mod inbox;
mod mirror;
mod mirror_reader;
mod poll;
mod publication;
mod publisher;
mod registry;
mod runs;

pub use catalog::{CatalogSource, Count, FetchResult, ScanItem, SubscriptionAudit};
pub use clock::Clock;
pub use inbox::Inbox;
pub use mirror::{Change, ItemChange, Mirror, StoredItem, UpsertResult, WriteMode};
pub use mirror_reader::{ItemStream, MirrorReader};
pub use poll::PollSchedule;
pub use publication::{Publication, PublicationState, Publications};
pub use publisher::{PublishResult, Publisher, StoredSnapshot};
pub use registry::ShopRegistry;
pub use runs::RunLog;
