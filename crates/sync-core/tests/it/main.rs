//! The worker on fakes, with a clock moved by hand.
#![expect(clippy::unwrap_used, reason = "tests")]

mod faults;
mod harness;
mod intake;
mod poll;
mod reconcile;
mod refresh;
