//! How an app gets its tokens: authorization-code grant, refresh, client credentials, token exchange.
//!
//! [`token`](crate::token) puts these together to tokens that renew themselves.
//!
//! Source: Shopify, "Implement authorization code grant manually", "About offline access tokens", "Client credentials
//! grant", "Exchange a session token for an access token", "About session tokens".

mod callback;
mod grant;
mod session;

use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

pub use callback::{Callback, CallbackError, SignedQuery, verify_callback, verify_query};
pub use grant::{AccessMode, AppCredentials, OAuth, TokenGrant};
pub use session::{SessionToken, SessionTokenError, verify_session_token};

/// Whether one of the secrets has signed the message. Every one is tried, in constant time, so that the time taken does
/// not tell which one fits.
fn is_signed_by_any<'a>(
    message: &str,
    signature: &[u8],
    secrets: impl IntoIterator<Item = &'a SecretString>,
) -> bool {
    let fits = |secret: &&SecretString| {
        // Anybody can sign with an empty one.
        if secret.expose_secret().is_empty() {
            return false;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        hmac::verify(&key, message.as_bytes(), signature).is_ok()
    };
    secrets.into_iter().filter(fits).count() > 0
}
