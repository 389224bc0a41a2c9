//! Supplies access tokens and renews them.
//!
//! [`StaticToken`] never changes. [`ManagedTokens`] manages the tokens of all of an app's shops: it reads them from a
//! [`TokenStore`], renews each before it expires, with one request at a time for any number of callers, and stores the new
//! token. Several processes may share a store.
//!
//! An offline token lasts an hour and comes with a refresh token that lasts 90 days and can be used once: its use returns
//! a new pair. A lost pair would lose access to the shop. Source: Shopify, "About offline access tokens".
//!
//! # Lifecycle of a token
//!
//! | event | effect |
//! |---|---|
//! | 5 to 10 minutes before expiry | the token is renewed; callers wait up to 10 seconds, then continue with the old one |
//! | many callers, one shop | one request; all callers get its result |
//! | several processes | the recorded attempt of one process excludes the others for one minute; if the old token has expired, they wait that long for the new one and then get a retryable error |
//! | the response is lost, late or unreadable | the request is repeated with the same refresh token: Shopify allows it until the new pair is used (since 28 August 2026), so the new pair is not used before it is saved |
//! | the process dies between response and save | the next process repeats the request: the store still has the old refresh token, and the attempt shows that a renewal had begun |
//! | 5xx, 429, no network | a pause, growing from one second to half a minute, or Shopify's `Retry-After` (15 minutes at most); the old token is used until it expires, and only then callers get a retryable error |
//! | any other 400 | the same: the error page of a proxy says nothing about the refresh token |
//! | `expires_in` is missing or 0 | the token lasts an hour if there is a refresh token; otherwise it never expires (see [`StoredToken::from_grant`]) |
//! | a renewal returns no new refresh token | the old refresh token stays in use |
//! | the refresh token is retired, expired or revoked (400 or 401: `invalid_subject_token`, `invalid_grant`, "requires an active refresh_token") | if the store has changed meanwhile, its new token is used; else the old token until it expires, then [`Error::Reauthorize`](crate::Error::Reauthorize), without another request until the store changes |
//! | the app's secret is wrong (`invalid_client`) | a permanent error, for which the merchant is not needed |
//! | Shopify rejects the access token (401) | an immediate renewal; if it fails, `Reauthorize` |
//! | a token by client credentials | a new one is requested, as it has no refresh token |
//! | a token that never expires | it is used until it is rejected, or exchanged for an expiring one by [`ManagedToken::migrate`]; an attempt records the start of the exchange, so that it is completed even after a crash |
//! | saving fails | saving is retried for some seconds; then the response counts as lost |
//! | the store panics | waiting callers get a retryable error; the next caller tries again |

mod clock;
mod grants;
mod managed;
mod renewal;
mod shared;
mod state;
mod store;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::TokenError;
pub use clock::{Clock, SystemClock};
pub use grants::{AppGrants, Grants};
pub use managed::{ManagedToken, ManagedTokens, ManagedTokensBuilder, RenewalTask};
pub use store::{Attempt, MemoryStore, Purpose, StoredToken, TokenRecord, TokenStore};

/// Supplies a shop's access token.
///
/// Tokens expire after an hour, so the client calls this before every request. Return the token from memory.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// Returns the current token.
    ///
    /// # Errors
    /// [`TokenError`] if there is no token.
    async fn access_token(&self) -> Result<SecretString, TokenError>;

    /// Returns a token other than `rejected`, to which Shopify has just responded with 401. Called once per request.
    ///
    /// When several callers pass the same rejected token, the first should renew it and the others should get the same
    /// new token: a refresh token must not be used concurrently.
    ///
    /// # Errors
    /// [`TokenError`] if there is no other token.
    async fn renew(&self, rejected: &SecretString) -> Result<SecretString, TokenError>;
}

/// A token that never changes: that of a custom app, or of a single run.
#[derive(Debug, Clone)]
pub struct StaticToken(SecretString);

impl StaticToken {
    /// Creates a source that always returns this token.
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self(token.into())
    }
}

#[async_trait]
impl TokenSource for StaticToken {
    async fn access_token(&self) -> Result<SecretString, TokenError> {
        Ok(self.0.clone())
    }

    async fn renew(&self, _rejected: &SecretString) -> Result<SecretString, TokenError> {
        Err(TokenError::permanent(
            "the token is static and cannot be renewed",
        ))
    }
}
