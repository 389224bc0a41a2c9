#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod catalog;
mod clock;
pub mod contract;
mod gate;
mod sample;
mod snapshots;

pub use catalog::FakeCatalog;
pub use clock::ManualClock;
pub use gate::Gate;
pub use sample::{at, delivery, installation, item, key, product, publication, shop};
pub use snapshots::MemorySnapshots;
