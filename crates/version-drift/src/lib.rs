//! Reports which GraphQL operations of a client will stop working with another version of Shopify's Admin API.
//!
//! Operations are written for one version, the pinned one, and compiled against its schema. [`check`] compares them
//! with the schema of any other version, or of the pinned one for deprecations. It lists each difference with file,
//! line and the days left.

mod check;
mod finding;
mod input;
mod support;
mod type_change;
mod version;

pub use check::check;
pub use finding::{Finding, FindingKind, Severity};
pub use support::supported_until;
pub use version::{ApiVersion, Operation, ReadError};
