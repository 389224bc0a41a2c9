//! SQLite and PostgreSQL keep the contract of the state ports.

mod postgres;
mod sqlite;
