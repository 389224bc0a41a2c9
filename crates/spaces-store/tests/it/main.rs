//! The crate from outside.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod snapshot;
mod store;
