//! Tests the public API: on memory and folder stores, against the embedded server, and against Ceph.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod bucket;
mod conformance;
mod faults;
mod proxy;
mod snapshot;
mod spaces;
mod store;
