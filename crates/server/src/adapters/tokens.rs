//! Access tokens: read from the registry, renewed before they expire, by one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use shopify_client::{Error, TokenError, TokenSource};
use sync_core::ports::{Clock, ShopRegistry};
use sync_core::{Disposition, PortError, ShopDomain, Timestamp, Token, VersionedToken};

/// A token is renewed when less than this is left of its life (the constant of Shopify's own libraries).
const AHEAD: Duration = Duration::from_mins(5);

/// Obtains tokens from Shopify.
#[async_trait]
pub trait Grants: Send + Sync {
    /// The next pair, for this refresh token. Its life counts from `now`.
    async fn refresh(
        &self,
        shop: &ShopDomain,
        refresh_token: &SecretString,
        now: Timestamp,
    ) -> Result<Token, Error>;

    /// A token by the app's own credentials, for a shop of the app's organisation.
    async fn client_credentials(&self, shop: &ShopDomain, now: Timestamp) -> Result<Token, Error>;
}

/// The tokens of all shops.
#[derive(Clone)]
pub struct ShopTokens(Arc<Shared>);

struct Shared {
    registry: Arc<dyn ShopRegistry>,
    grants: Arc<dyn Grants>,
    clock: Arc<dyn Clock>,
    shops: Mutex<HashMap<ShopDomain, Arc<Slot>>>,
}

/// One shop's token. The lock is held while it is renewed, so that a refresh token is never used in parallel here;
/// between processes the registry's version decides.
type Slot = tokio::sync::Mutex<Option<VersionedToken>>;

/// The token of one shop.
struct ShopToken {
    shared: Arc<Shared>,
    shop: ShopDomain,
    slot: Arc<Slot>,
}

impl std::fmt::Debug for ShopTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShopTokens").finish_non_exhaustive()
    }
}

impl ShopTokens {
    /// Tokens of this registry, renewed by these grants.
    pub fn new(
        registry: Arc<dyn ShopRegistry>,
        grants: Arc<dyn Grants>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Shared {
            registry,
            grants,
            clock,
            shops: Mutex::default(),
        }))
    }

    /// Reads the shop's token anew at its next use: a new installation has replaced it.
    pub async fn forget(&self, shop: &ShopDomain) {
        *self.slot(shop).lock().await = None;
    }

    /// The shop's token.
    pub fn of(&self, shop: &ShopDomain) -> Arc<dyn TokenSource> {
        Arc::new(ShopToken {
            shared: Arc::clone(&self.0),
            shop: shop.clone(),
            slot: self.slot(shop),
        })
    }

    fn slot(&self, shop: &ShopDomain) -> Arc<Slot> {
        let mut shops = self.0.shops.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shops.entry(shop.clone()).or_default())
    }
}

#[async_trait]
impl TokenSource for ShopToken {
    async fn access_token(&self) -> Result<SecretString, TokenError> {
        let mut slot = self.slot.lock().await;
        if let Some(known) = slot.as_ref()
            && self.is_fresh(&known.token)
        {
            return Ok(known.token.access_token.clone());
        }
        let stored = self.stored().await?;
        let usable = if self.is_fresh(&stored.token) {
            stored
        } else {
            self.renewed(stored).await?
        };
        Ok(keep(&mut slot, usable))
    }

    async fn renew(&self, rejected: &SecretString) -> Result<SecretString, TokenError> {
        let other = |known: &VersionedToken| !same(&known.token.access_token, rejected);
        let mut slot = self.slot.lock().await;
        if let Some(known) = slot.as_ref().filter(|known| other(known)) {
            return Ok(known.token.access_token.clone());
        }
        let stored = self.stored().await?;
        let usable = if other(&stored) {
            stored
        } else {
            self.replaced(&stored).await?
        };
        Ok(keep(&mut slot, usable))
    }
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

fn keep(slot: &mut Option<VersionedToken>, token: VersionedToken) -> SecretString {
    slot.insert(token).token.access_token.clone()
}

impl ShopToken {
    fn is_fresh(&self, token: &Token) -> bool {
        let now = self.shared.clock.now();
        token.expires_at.is_none_or(|end| end - AHEAD > now)
    }

    fn is_alive(&self, token: &Token) -> bool {
        let now = self.shared.clock.now();
        token.expires_at.is_none_or(|end| end > now)
    }

    async fn stored(&self) -> Result<VersionedToken, TokenError> {
        let stored = self.shared.registry.token(&self.shop).await;
        let stored = stored.map_err(|error| of_state(&error))?;
        stored.ok_or_else(|| TokenError {
            reason: "the app is not installed in this shop".to_owned(),
            retryable: false,
        })
    }

    /// A replacement for a token that is about to expire. If there is none to be had just now, the old one does while
    /// it lives.
    async fn renewed(&self, old: VersionedToken) -> Result<VersionedToken, TokenError> {
        match self.replaced(&old).await {
            Err(error) if error.retryable && self.is_alive(&old.token) => {
                log::warn!(shop:% = self.shop; "The token could not be renewed yet: {error}");
                Ok(old)
            }
            replaced => replaced,
        }
    }

    /// Obtains a new token and stores it, unless another process has stored one first: then that one.
    async fn replaced(&self, old: &VersionedToken) -> Result<VersionedToken, TokenError> {
        let token = match self.obtained(&old.token).await {
            Ok(token) => token,
            // Another process may have used the refresh token up, and stored what it got for it.
            Err(error) if !error.retryable => {
                let stored = self.stored().await?;
                let is_new = !same(&stored.token.access_token, &old.token.access_token);
                return if is_new { Ok(stored) } else { Err(error) };
            }
            Err(error) => return Err(error),
        };
        let registry = &self.shared.registry;
        let stored = registry
            .replace_token(&self.shop, old.version, &token)
            .await;
        if stored.map_err(|error| of_state(&error))? {
            log::info!(shop:% = self.shop; "The access token was renewed");
            let version = old.version + 1;
            return Ok(VersionedToken { token, version });
        }
        self.stored().await
    }

    async fn obtained(&self, old: &Token) -> Result<Token, TokenError> {
        let (grants, shop) = (&self.shared.grants, &self.shop);
        let now = self.shared.clock.now();
        let obtained = match (&old.refresh_token, old.expires_at) {
            (Some(refresh_token), _) => grants.refresh(shop, refresh_token, now).await,
            // A token that expires and cannot be refreshed came by the app's own credentials: asked for anew.
            (None, Some(_)) => grants.client_credentials(shop, now).await,
            (None, None) => {
                return Err(TokenError {
                    reason: "the token was revoked and cannot be renewed".to_owned(),
                    retryable: false,
                });
            }
        };
        obtained.map_err(|error| TokenError {
            reason: error.to_string(),
            retryable: error.is_retryable(),
        })
    }
}

fn of_state(error: &PortError) -> TokenError {
    TokenError {
        reason: error.chain(),
        retryable: matches!(error.disposition, Disposition::Retry { .. }),
    }
}

#[cfg(test)]
mod tests;
