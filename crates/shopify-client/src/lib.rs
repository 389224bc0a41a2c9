#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bulk;
mod catalog;
mod client;
mod domain;
mod endpoint;
mod error;
mod gid;
pub mod governor;
mod http_client;
pub mod model;
pub mod oauth;
mod operations;
mod page_size;
mod request;
mod retry;
mod shop;
mod timeouts;
pub mod token;
pub mod transport;
mod usage;
mod version;
pub mod webhook;

pub use client::{Client, ClientBuilder};
pub use domain::{InvalidShopDomain, ShopDomain};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use error::{Error, GraphQlError, TokenError, UserError};
pub use gid::{Gid, InvalidGid};
pub use retry::RetryPolicy;
pub use shop::ShopClient;
pub use timeouts::Timeouts;
pub use token::{ManagedTokens, StaticToken, TokenSource};
pub use usage::Usage;
pub use version::API_VERSION;
