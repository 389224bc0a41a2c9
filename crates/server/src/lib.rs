//! Implements the service `shopsync`: the HTTP server, the command line, the settings, and the adapters that connect the
//! ports of `sync-core` to Shopify, a Space and a database. It is a library so that its tests can start it in process.

#![warn(missing_docs)]

pub mod adapters;
pub mod app;
pub mod cli;
#[cfg(feature = "demo")]
mod demo;
#[cfg(not(feature = "demo"))]
#[path = "no_demo.rs"]
mod demo;
pub mod http;
mod http_client;
pub mod installation;
pub mod keys;
pub mod logging;
mod login_url;
mod operations;
pub mod periodic_jobs;
pub mod run_events;
pub mod run_watch;
pub mod service;
pub mod settings;
mod terminal;
mod token_resealing;
