//! The client against servers on loopback.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed; helpers outside of test functions are not exempt by themselves"
)]

mod bulk_catalog;
mod bulk_download;
mod bulk_join;
mod bulk_run;
mod bulk_shop;
mod bulk_strategy;
