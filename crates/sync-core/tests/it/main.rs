//! Tests the worker with fake ports and a manual clock.
#![expect(clippy::unwrap_used, reason = "tests")]

mod faults;
mod harness;
mod intake;
mod poll;
mod publishing;
mod reconcile;
mod refresh;
mod status;
