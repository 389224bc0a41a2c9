#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod app;
mod bucket;
mod bulk;
mod call_counts;
mod catalog;
mod clock;
mod control;
mod fault;
mod fnv;
mod graphql;
mod id_generator;
mod locks;
mod oauth;
mod server;
mod shop;
mod simulator;
mod tasks;
mod webhook;

pub use app::SimApp;
pub use bucket::BucketSize;
pub use bulk::{BulkBehaviour, BulkOutcome};
pub use call_counts::CallCounts;
pub use catalog::change::{ChangeError, CollectionChange, DiscountChange, ProductChange};
pub use catalog::csv::CsvError;
pub use catalog::discount::DiscountKind;
pub use catalog::spec::{CatalogSpec, ProductExport};
pub use clock::{ManualClock, SimClock, SystemClock};
pub use control::listing::{ProductSummary, VariantSummary};
pub use control::{ComplianceTopic, ShopControl};
pub use fault::{Fault, FaultKind, FaultTarget, RetryAfter};
pub use simulator::{Simulator, SimulatorBuilder, StartError};
pub use webhook::{Delivery, DeliveryState};
