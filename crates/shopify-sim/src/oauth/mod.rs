//! How the app gets its tokens, from the shop's side.
//!
//! Source: Shopify, "Implement authorization code grant manually", "About offline access tokens", "Client credentials
//! grant".

mod grants;
mod refusal;
mod signature;

pub(crate) use grants::{Access, Authorization, Granted, Grants};
pub(crate) use refusal::Refusal;
pub(crate) use signature::{encoded_host, hmac_base64, signed_query};
