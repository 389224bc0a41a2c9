//! Where access tokens come from, and how they are followed by others in time.
//!
//! [`StaticToken`] never changes. [`ManagedTokens`] keeps all of an app's shops in tokens: it reads them from a
//! [`TokenStore`], renews each before it expires, by one request at a time however many ask for it, and stores what it
//! gets. Several processes may share a store.
//!
//! An offline token lasts an hour and comes with a refresh token that lasts 90 days and can be used once: its use makes
//! a new pair. Everything depends on not losing that pair. Source: Shopify, "About offline access tokens".
//!
//! # How a token ends
//!
//! | what happens | what comes of it |
//! |---|---|
//! | 5 to 10 minutes before its end | it is renewed; callers wait up to 10 seconds, then go on with the old one |
//! | many callers, one shop | one request; all get its outcome |
//! | several processes | the journal entry of one keeps the others away, for a minute; they wait as long for what it gets, if the old token has ended, and then see a retryable error |
//! | the answer is lost, late or unreadable | asked for again with the same refresh token: Shopify allows it until the new pair is used (since 28 August 2026), so the new pair is not used before it is saved |
//! | the process dies between answer and save | the same, by the next one: the store still has the old refresh token, and the journal entry tells that somebody was at it |
//! | 5xx, 429, no network | a pause, growing from a second to half a minute, or as long as Shopify asks for (a quarter of an hour at most); the old token is good until its own end, and only then callers see a retryable error |
//! | any other 400 | the same: a page of a proxy says nothing about the refresh token |
//! | `expires_in` is missing or 0 | an hour, if there is a refresh token; otherwise the token never expires (see [`StoredToken::from_grant`]) |
//! | a renewal brings no new refresh token | the old one stays in use |
//! | the refresh token is retired, expired or revoked (400 or 401: `invalid_subject_token`, `invalid_grant`, "requires an active refresh_token") | if the store has changed meanwhile, what is there; else the old token until its end, then [`Error::Reauthorize`](crate::Error::Reauthorize), without asking Shopify again until the store changes |
//! | the app's secret is wrong (`invalid_client`) | a lasting error, which is no reason to ask the merchant |
//! | Shopify rejects the access token (401) | a new one at once; if there is none to be had, `Reauthorize` |
//! | a token by client credentials | asked for anew, as it has no refresh token |
//! | a token that never expires | used until it is rejected, or exchanged for an expiring one by [`ManagedToken::migrate`]; a journal entry tells that this was begun, so that it is ended whatever happens |
//! | saving fails | tried again for some seconds; then the answer counts as lost |
//! | the store panics | a retryable error for those who wait; the next one tries again |

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
pub use managed::{ManagedToken, ManagedTokens, ManagedTokensBuilder};
pub use store::{Attempt, MemoryStore, Purpose, StoredToken, TokenRecord, TokenStore};

/// Where a shop's access token comes from.
///
/// Tokens expire after an hour, so the token is asked for before every request: answer from memory.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// The token to send now.
    ///
    /// # Errors
    /// [`TokenError`] if there is none to be had.
    async fn access_token(&self) -> Result<SecretString, TokenError>;

    /// Another token than `rejected`, which Shopify has just answered with 401. Called once per request.
    ///
    /// When several callers come with the same rejected token, all but the first should get what the first obtained:
    /// a refresh token must not be used in parallel.
    ///
    /// # Errors
    /// [`TokenError`] if there is none to be had.
    async fn renew(&self, rejected: &SecretString) -> Result<SecretString, TokenError>;
}

/// A token that never changes: that of a custom app, or one for a single run.
#[derive(Debug, Clone)]
pub struct StaticToken(SecretString);

impl StaticToken {
    /// A source of this token alone.
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
            "the token is fixed and cannot be renewed",
        ))
    }
}
