//! Tests that SQLite and PostgreSQL fulfil the contract of the state ports.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod migration;
mod postgres;
mod renewals;
mod schema;
mod sqlite;
mod timings;
