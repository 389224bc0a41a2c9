//! Obtains tokens for an app: authorization-code grant, refresh, client credentials, token exchange. Verifies signed
//! queries and session tokens.
//!
//! [`token`](crate::token) uses these grants to renew tokens automatically.
//!
//! Source: Shopify, "Implement authorization code grant manually", "About offline access tokens", "Client credentials
//! grant", "Exchange a session token for an access token", "About session tokens".

mod callback;
mod grant;
mod session;

use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

pub use callback::{Callback, CallbackError, SignedQuery, verify_callback, verify_query};
pub use grant::{AppCredentials, OAuth, TokenGrant, scope_is_covered};
pub use session::{SessionToken, SessionTokenError, verify_session_token};

/// Whether any of the secrets signed the message. All are tried, in constant time, so that the duration does not reveal
/// which one matches.
fn is_signed_by_any<'a>(
    message: &str,
    signature: &[u8],
    secrets: impl IntoIterator<Item = &'a SecretString>,
) -> bool {
    let signed = |secret: &&SecretString| {
        // Anyone can sign with an empty secret.
        if secret.expose_secret().is_empty() {
            return false;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        hmac::verify(&key, message.as_bytes(), signature).is_ok()
    };
    secrets.into_iter().filter(signed).count() > 0
}
