//! Runs a complete service for a test: `TestApp`; with a simulated shop: `World`.
//!
//! Each test has its own port on the loopback interface, its own database and its own bucket. By default these are SQLite in
//! a temporary folder and the embedded S3 server. With `SHOPSYNC_TEST_E2E=services` they are a schema in the PostgreSQL of
//! `SHOPSYNC_TEST_DATABASE_URL` and a bucket on the server of `SHOPSYNC_TEST_S3_*`.

mod app;
pub(crate) mod backends;
mod comparison;
mod idle_watch;
mod logs;
mod oauth;
mod process;
mod relay;
mod world;

pub(crate) use app::{SECRET, TestApp, TestAppBuilder, sign};
pub(crate) use comparison::{comparable_document, comparable_shop};
pub(crate) use logs::Logs;
pub(crate) use oauth::signed_query;
pub(crate) use process::Process;
pub(crate) use relay::Relay;
pub(crate) use world::{World, WorldBuilder};
