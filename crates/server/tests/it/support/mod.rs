//! A whole service for a test: `TestApp`.
//!
//! Everything is on loopback and of the test's own: a free port, a database, a bucket . By
//! default that is SQLite in a temporary folder and the embedded S3 server. With `SHOPSYNC_TEST_E2E=services` it is the
//! PostgreSQL of `SHOPSYNC_TEST_DATABASE_URL` (a schema for each test) and the server of `SHOPSYNC_TEST_S3_*` (a bucket for
//! each test). `World` puts a simulated shop beside it.

mod app;
mod backends;
mod comparison;
mod logs;
mod oauth;
mod process;
mod quiet;
mod relay;
mod world;

pub(crate) use app::{SECRET, TestApp, TestAppBuilder, sign};
pub(crate) use comparison::{comparable_document, comparable_shop};
pub(crate) use logs::Logs;
pub(crate) use oauth::signed_query;
pub(crate) use process::Process;
pub(crate) use quiet::Quiet;
pub(crate) use relay::Relay;
pub(crate) use world::{World, WorldBuilder};
