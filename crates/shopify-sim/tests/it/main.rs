//! Tests the simulator over real HTTP on loopback.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod control;
mod exports;
mod faults;
mod graphql;
mod ground_truth;
mod installation;
mod oauth;
mod receiver;
mod scale;
mod webhooks;
mod world;
