//! Tests the whole service over HTTP, with a real database, a real S3 server and a simulated shop.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod bulk;
mod catalogue;
mod cli;
mod crash;
#[cfg(feature = "demo")]
mod demo;
mod install;
mod oauth;
mod poll;
mod refused;
mod space_down;
mod support;
mod tokens;
mod unchanged;
mod webhook_route;
mod webhook_signatures;
mod webhooks;
