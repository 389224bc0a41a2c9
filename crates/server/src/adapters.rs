//! Implements the ports of `sync-core` on `shopify-client`, `spaces-store` and the system clock.

mod app;
mod catalog;
mod clock;
mod convert;
mod shopify_error;
mod snapshots;
mod tokens;
pub mod topics;

pub use app::ShopifyApp;
pub use catalog::ShopifyCatalog;
pub(crate) use catalog::{SubscriptionDefect, subscription_defects};
pub use clock::SystemClock;
pub(crate) use convert::to_client_domain;
pub use shopify_error::shopify_error;
pub use snapshots::{SpacesSnapshots, snapshot_key, store_error};
pub use tokens::ShopTokens;
