//! Issues and verifies the app's tokens, on the side of the shop.
//!
//! Source: Shopify, "Implement authorization code grant manually", "About offline access tokens", "Client credentials
//! grant".

mod grants;
mod signature;
mod token_error;

pub(crate) use grants::{AccessToken, Authorization, Grants, TokenResponse};
pub(crate) use signature::{encoded_host, hmac_base64, signed_query};
pub(crate) use token_error::TokenError;
