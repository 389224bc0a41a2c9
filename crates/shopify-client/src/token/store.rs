//! What is kept of a token, and where.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use crate::oauth::TokenGrant;
use crate::{ShopDomain, TokenError};

/// How long a token lasts that comes with a refresh token and does not say so: as long as Shopify documents.
/// Source: Shopify, "About offline access tokens".
const DOCUMENTED_LIFETIME: Duration = Duration::from_hours(1);

/// A shop's access token and what renews it. To be sealed at rest; `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// For `X-Shopify-Access-Token`.
    pub access_token: SecretString,
    /// When Shopify stops accepting it; `None`: not before the app is uninstalled.
    pub expires_at: Option<DateTime<Utc>>,
    /// For the next pair. `None` for a token that never expires, and for one by client credentials, which is asked for
    /// anew instead.
    pub refresh_token: Option<SecretString>,
    /// When Shopify stops accepting the refresh token, as far as it is known.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// What was granted, as Shopify spells it.
    pub scopes: Vec<String>,
}

/// What becomes of a token that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A refresh token gets the next pair.
    Refreshable,
    /// It is asked for anew, with the app's own credentials.
    ClientCredentials,
    /// It does not end by itself.
    Permanent,
}

impl StoredToken {
    /// What to keep of an answer. Lifetimes count from `requested_at`, before the request was sent, so that they end early
    /// rather than late.
    ///
    /// A grant without `expires_in`, or with 0, lasts an hour if it has a refresh token, as Shopify documents for such
    /// tokens; without either it never expires. The grant of a person
    /// ([`AccessMode::Online`](crate::oauth::AccessMode::Online)) does not belong into a store: when it ends, the app's
    /// own would follow it.
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

    /// The same for client credentials, whose token always expires: after an hour if nothing is said, which is earlier
    /// than the documented day.
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

/// `None` if it is further away than a calendar goes, which is never.
fn expiry(at: DateTime<Utc>, lasts: Duration) -> Option<DateTime<Utc>> {
    at.checked_add_signed(TimeDelta::from_std(lasts).ok()?)
}

/// A shop's row in a [`TokenStore`].
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// The token.
    pub token: StoredToken,
    /// Grows with every replacement, and with a new installation after the row was removed: the same version never
    /// stands for two tokens.
    pub version: u64,
    /// What was begun with this version and not ended.
    pub attempt: Option<Attempt>,
}

/// A journal entry: somebody asks Shopify for this token's successor, and may have got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Who: a random number for each [`ManagedTokens`](super::ManagedTokens).
    pub by: u64,
    /// Since when, in whole milliseconds: it is compared with what the store kept of it.
    pub begun_at: DateTime<Utc>,
    /// What for.
    pub purpose: Purpose,
}

/// What a token's successor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To renew it: with its refresh token, or with the app's credentials.
    Renewal,
    /// To get an expiring token for one that never expires. It cannot be undone.
    Migration,
}

/// Where tokens are kept, over restarts and for several processes: a table with a row for each shop.
///
/// Its errors are [`TokenError`]s of the store's own: `retryable` if it may work again later.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The shop's row; `None` if the app is not installed there.
    async fn load(&self, shop: &ShopDomain) -> Result<Option<TokenRecord>, TokenError>;

    /// Writes a journal entry into the row, if its version is still `version` and its entry still `replaces`. Durable
    /// when it returns. `false`: the row is another one by now, and nothing was written.
    async fn begin(
        &self,
        shop: &ShopDomain,
        version: u64,
        replaces: Option<Attempt>,
        attempt: Attempt,
    ) -> Result<bool, TokenError>;

    /// Replaces the token, raises the version by one and removes the journal entry, at once, if the row's version is
    /// still `version` and its entry still `attempt`. `false`: it is another one by now, and nothing was written.
    async fn save(
        &self,
        shop: &ShopDomain,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError>;
}

/// A store that lasts as long as the process: for single runs, and for tests.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    records: HashMap<ShopDomain, TokenRecord>,
    /// Of all rows, also of those that were removed.
    highest_version: u64,
}

impl MemoryStore {
    /// Puts a shop's token there, as after an installation: whatever was there is replaced.
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
        // Nothing panics while it is held, so a poisoned lock still guards whole rows.
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
