#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod cipher;
mod database;
mod error;
mod inbox;
mod mirror;
mod poll;
mod publications;
mod registry;
mod rows;
mod runs;
mod schema;
mod tokens;

pub use cipher::{CipherError, TokenCipher};
pub use database::{Config, Database};
pub use error::Error;
pub use schema::SchemaState;
pub use tokens::Resealed;
