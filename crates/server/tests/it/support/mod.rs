//! A whole service for a test: `TestApp`.
//!
//! Everything is on loopback and of the test's own: a free port, a database, a bucket (or a shop's folder in it). By
//! default that is SQLite in a temporary folder and the embedded S3 server. With `SHOPSYNC_TEST_E2E=services` it is the
//! PostgreSQL of `SHOPSYNC_TEST_DATABASE_URL` (a schema for each test) and the bucket of `SHOPSYNC_TEST_S3_*`.

mod app;
mod backends;
mod oauth;
mod quiet;
mod relay;

pub(crate) use app::{SECRET, TestApp, TestAppBuilder, sign};
pub(crate) use oauth::signed_query;
pub(crate) use quiet::Quiet;
pub(crate) use relay::Relay;
