//! Tests the client over HTTP and with the scripted transport, against scripted responses and a small paging shop.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod all;
mod bulk_catalog;
mod bulk_download;
mod bulk_join;
mod bulk_run;
mod bulk_shop;
mod bulk_simulator;
mod bulk_strategy;
mod catalogue;
mod chains;
mod examples;
mod fake;
mod governor;
mod log_lines;
mod oauth;
mod paging;
mod properties;
mod public_api;
mod raw;
mod reading;
mod request;
mod script;
mod session_token;
mod shop_bucket;
mod subscriptions;
mod timing;
mod token_lifecycle;
mod tokens;
mod transport;
mod unreadable;
mod webhook_explain;
mod webhook_keys;
mod webhook_payload;
