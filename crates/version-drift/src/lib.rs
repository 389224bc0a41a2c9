//! Says which GraphQL operations of a client will stop working with another version of Shopify's Admin API.
//!
//! Operations are written for one version, the pinned one, and compiled against its schema. [`check`] holds them against
//! the schema of any other version (and against the pinned one, for deprecations), and lists what differs with file, line
//! and the days that are left.

mod check;
mod finding;
mod input;
mod support;
mod version;

pub use check::check;
pub use finding::{Finding, FindingKind, Severity};
pub use support::supported_until;
pub use version::{ApiVersion, Operation, ReadError};
