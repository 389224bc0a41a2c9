//! The client over HTTP, against scripted answers and a small shop that pages.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod all;
mod catalogue;
mod chains;
mod fake;
mod log_lines;
mod oauth;
mod paging;
mod properties;
mod raw;
mod reading;
mod request;
mod script;
mod subscriptions;
mod timing;
mod tokens;
