#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod catalog;
mod clock;
mod graphql;
mod webhook;

pub use catalog::change::{ChangeError, CollectionChange, DiscountChange, ProductChange};
pub use catalog::csv::CsvError;
pub use catalog::discount::DiscountKind;
pub use catalog::spec::CatalogSpec;
pub use clock::{ManualClock, SimClock, SystemClock};
