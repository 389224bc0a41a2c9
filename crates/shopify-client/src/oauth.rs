//! How an app gets its tokens: authorization-code grant, refresh, client credentials.
//!
//! Source: Shopify, "Implement authorization code grant manually", "About offline access tokens", "Client credentials
//! grant".

mod callback;
mod grant;

pub use callback::{Callback, CallbackError, SignedQuery, verify_callback, verify_query};
pub use grant::{AppCredentials, OAuth, TokenGrant};
