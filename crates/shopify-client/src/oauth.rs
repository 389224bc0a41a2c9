//! How an app gets its tokens: authorization-code grant, refresh, client credentials, token exchange.
//!
//! [`token`](crate::token) puts these together to tokens that renew themselves.
//!
//! Source: Shopify, "Implement authorization code grant manually", "About offline access tokens", "Client credentials
//! grant", "Exchange a session token for an access token", "About session tokens".

mod callback;
mod grant;
mod session;

pub use callback::{Callback, CallbackError, SignedQuery, verify_callback, verify_query};
pub use grant::{AccessMode, AppCredentials, OAuth, TokenGrant};
pub use session::{SessionToken, SessionTokenError, verify_session_token};
