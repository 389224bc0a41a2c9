//! The simulator over real HTTP on loopback.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod agreement;
mod control;
mod exports;
mod faults;
mod graphql;
mod installation;
mod oauth;
mod receiver;
mod scale;
mod webhooks;
mod world;
