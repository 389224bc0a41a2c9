//! Defines the token store: its rows, the recorded attempt of a renewal, and an in-memory store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use crate::oauth::TokenGrant;
use crate::{ShopDomain, TokenError};

/// The lifetime of a token that has a refresh token but no `expires_in`, as Shopify documents it. Source: Shopify,
/// "About offline access tokens".
const DOCUMENTED_LIFETIME: Duration = Duration::from_hours(1);

/// A shop's access token and its refresh token. Encrypt it at rest. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The value of `X-Shopify-Access-Token`.
    pub access_token: SecretString,
    /// When the access token expires; `None`: it is valid until the app is uninstalled.
    pub expires_at: Option<DateTime<Utc>>,
    /// Obtains the next pair. `None` for a token that never expires, and for one by client credentials, which is
    /// requested again instead.
    pub refresh_token: Option<SecretString>,
    /// When the refresh token expires, if known.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// The granted scopes, as Shopify spells them.
    pub scopes: Vec<String>,
}

/// How a token is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// With its refresh token.
    Refreshable,
    /// It is requested again, with the app's own credentials.
    ClientCredentials,
    /// Never: it does not expire.
    Permanent,
}

impl StoredToken {
    /// Builds a stored token from a grant. Lifetimes count from `requested_at`, before the request was sent, so that
    /// they end early rather than late.
    ///
    /// A grant without `expires_in`, or with 0, lasts an hour if it has a refresh token, as Shopify documents for such
    /// tokens; without a refresh token it never expires.
    pub fn from_grant(grant: TokenGrant, requested_at: DateTime<Utc>) -> Self {
        let documented = grant.refresh_token.as_ref().map(|_| DOCUMENTED_LIFETIME);
        let lasts = grant.expires_in.filter(|lasts| !lasts.is_zero());
        Self {
            access_token: grant.access_token,
            expires_at: lasts
                .or(documented)
                .and_then(|lasts| expiry(requested_at, lasts)),
            refresh_token: grant.refresh_token,
            refresh_expires_at: grant
                .refresh_token_expires_in
                .and_then(|lasts| expiry(requested_at, lasts)),
            scopes: grant.scopes,
        }
    }

    /// Builds a stored token from a grant by client credentials, which always expires: after an hour if the grant does
    /// not say so, which is earlier than the documented day.
    pub(super) fn from_client_credentials(grant: TokenGrant, requested_at: DateTime<Utc>) -> Self {
        let mut token = Self::from_grant(grant, requested_at);
        token.refresh_token = None;
        token.expires_at = token
            .expires_at
            .or_else(|| expiry(requested_at, DOCUMENTED_LIFETIME));
        token
    }

    pub(super) fn kind(&self) -> TokenKind {
        match (&self.refresh_token, self.expires_at) {
            (Some(_), _) => TokenKind::Refreshable,
            (None, Some(_)) => TokenKind::ClientCredentials,
            (None, None) => TokenKind::Permanent,
        }
    }

    pub(super) fn is_unexpired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Returns the end of a lifetime; `None` (never) if it is beyond the range of dates.
fn expiry(at: DateTime<Utc>, lasts: Duration) -> Option<DateTime<Utc>> {
    at.checked_add_signed(TimeDelta::from_std(lasts).ok()?)
}

/// A shop's row in a [`TokenStore`].
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// The token.
    pub token: StoredToken,
    /// Increases with every replacement, also with a new installation after the row was removed: a version never
    /// identifies two tokens.
    pub version: u64,
    /// The renewal that was begun with this version and not completed.
    pub attempt: Option<Attempt>,
}

/// A recorded attempt: a process is requesting this token's successor, and may have received it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The process: a random number for each [`ManagedTokens`](super::ManagedTokens).
    pub by: u64,
    /// When it began, in whole milliseconds, as it is compared with the value that the store returns.
    pub begun_at: DateTime<Utc>,
    /// The purpose.
    pub purpose: Purpose,
}

/// Why a new token is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Renewal, with the refresh token or with the app's credentials.
    Renewal,
    /// Exchange of a token that never expires for an expiring one. It cannot be undone.
    Migration,
}

/// Stores tokens across restarts and for several processes: a table with a row for each shop.
///
/// Errors are [`TokenError`]s with reasons of the store's own; `retryable` if a later call may succeed.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Returns the shop's row; `None` if the app is not installed.
    async fn load(&self, shop: &ShopDomain) -> Result<Option<TokenRecord>, TokenError>;

    /// Records an attempt in the row, if its version is still `version` and its attempt still `replaces`. The write is
    /// durable when it returns. Returns `false` if the row has changed; then nothing was written.
    async fn begin(
        &self,
        shop: &ShopDomain,
        version: u64,
        replaces: Option<Attempt>,
        attempt: Attempt,
    ) -> Result<bool, TokenError>;

    /// Atomically replaces the token, increments the version and removes the attempt, if the row's version is still
    /// `version` and its attempt still `attempt`. Returns `false` if the row has changed; then nothing was written.
    async fn save(
        &self,
        shop: &ShopDomain,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError>;
}

/// A store in memory, for single runs and tests.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    records: HashMap<ShopDomain, TokenRecord>,
    /// Of all rows, including removed ones.
    highest_version: u64,
}

impl MemoryStore {
    /// Inserts or replaces a shop's token, as after an installation.
    pub fn install(&self, shop: &ShopDomain, token: StoredToken) {
        let mut rows = self.lock();
        rows.highest_version += 1;
        let record = TokenRecord {
            token,
            version: rows.highest_version,
            attempt: None,
        };
        rows.records.insert(shop.clone(), record);
    }

    /// Removes a shop's token, as after an uninstallation.
    pub fn remove(&self, shop: &ShopDomain) {
        self.lock().records.remove(shop);
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        // No code panics while it holds the lock, so the rows are consistent even if the lock is poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn load(&self, shop: &ShopDomain) -> Result<Option<TokenRecord>, TokenError> {
        Ok(self.lock().records.get(shop).cloned())
    }

    async fn begin(
        &self,
        shop: &ShopDomain,
        version: u64,
        replaces: Option<Attempt>,
        attempt: Attempt,
    ) -> Result<bool, TokenError> {
        let mut rows = self.lock();
        let row = rows.records.get_mut(shop);
        let row = row.filter(|record| record.version == version && record.attempt == replaces);
        Ok(row.map(|record| record.attempt = Some(attempt)).is_some())
    }

    async fn save(
        &self,
        shop: &ShopDomain,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError> {
        let mut rows = self.lock();
        let row = rows.records.get_mut(shop);
        let row = row.filter(|record| record.version == version && record.attempt == Some(attempt));
        let Some(row) = row else {
            return Ok(false);
        };
        *row = TokenRecord {
            token: token.clone(),
            version: version + 1,
            attempt: None,
        };
        rows.highest_version = rows.highest_version.max(version + 1);
        Ok(true)
    }
}
