#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod domain;
mod endpoint;
mod error;
mod gid;
pub mod webhook;

pub use domain::{InvalidShopDomain, ShopDomain};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use error::{Error, GraphQlError, TokenError, UserError};
pub use gid::{Gid, InvalidGid};
