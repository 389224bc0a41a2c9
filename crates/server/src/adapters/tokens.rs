//! Access tokens: kept in the registry, renewed by the client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use shopify_client::token::{Attempt, Grants, Kept, ManagedTokens, StoredToken, TokenStore};
use shopify_client::{TokenError, TokenSource};
use sync_core::ports::{Clock, ShopRegistry};
use sync_core::{Disposition, PortError, ShopDomain, Timestamp, Token, VersionedToken};

use super::app::domain;

/// The tokens of all shops.
#[derive(Clone, Debug)]
pub struct ShopTokens(ManagedTokens);

impl ShopTokens {
    /// Tokens of this registry, renewed by these grants.
    pub fn new(
        registry: Arc<dyn ShopRegistry>,
        grants: Arc<dyn Grants>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let store = Arc::new(RegistryTokens {
            registry,
            begun: Mutex::default(),
        });
        let tokens = ManagedTokens::builder(store, grants).clock(Arc::new(ClientClock(clock)));
        Self(tokens.build())
    }

    /// Reads the shop's token anew at its next use: a new installation has replaced it.
    pub fn forget(&self, shop: &ShopDomain) {
        self.0.forget(&domain(shop));
    }

    /// The shop's token.
    pub fn of(&self, shop: &ShopDomain) -> Arc<dyn TokenSource> {
        Arc::new(self.0.shop(&domain(shop)))
    }
}

/// The service's clock, for the client.
struct ClientClock(Arc<dyn Clock>);

impl shopify_client::token::Clock for ClientClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// The registry, as the client's token store. Its versions decide between processes.
///
/// The journal is this process's own. After a crash the registry still has the old refresh token, with which the lost
/// answer is asked for again.
struct RegistryTokens {
    registry: Arc<dyn ShopRegistry>,
    begun: Mutex<HashMap<ShopDomain, (u64, Attempt)>>,
}

impl RegistryTokens {
    async fn stored(&self, shop: &ShopDomain) -> Result<Option<VersionedToken>, TokenError> {
        self.registry
            .token(shop)
            .await
            .map_err(|error| of_state(&error))
    }

    fn begun(&self) -> MutexGuard<'_, HashMap<ShopDomain, (u64, Attempt)>> {
        // Nothing panics while it is held, so a poisoned lock still guards a whole map.
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempt(&self, shop: &ShopDomain, version: u64) -> Option<Attempt> {
        let begun = self.begun().get(shop).copied();
        begun
            .filter(|(of, _)| *of == version)
            .map(|(_, attempt)| attempt)
    }
}

#[async_trait]
impl TokenStore for RegistryTokens {
    async fn load(&self, shop: &shopify_client::ShopDomain) -> Result<Option<Kept>, TokenError> {
        let shop = known(shop)?;
        let stored = self.stored(&shop).await?;
        Ok(stored.map(|VersionedToken { token, version }| Kept {
            token: StoredToken {
                access_token: token.access_token,
                expires_at: token.expires_at,
                refresh_token: token.refresh_token,
                refresh_expires_at: token.refresh_expires_at,
                scopes: Vec::new(),
            },
            version,
            attempt: self.attempt(&shop, version),
        }))
    }

    async fn begin(
        &self,
        shop: &shopify_client::ShopDomain,
        version: u64,
        replaces: Option<Attempt>,
        attempt: Attempt,
    ) -> Result<bool, TokenError> {
        let shop = known(shop)?;
        let stored = self.stored(&shop).await?;
        let same = stored.is_some_and(|stored| stored.version == version)
            && self.attempt(&shop, version) == replaces;
        if same {
            self.begun().insert(shop, (version, attempt));
        }
        Ok(same)
    }

    async fn save(
        &self,
        shop: &shopify_client::ShopDomain,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError> {
        let shop = known(shop)?;
        if self.attempt(&shop, version) != Some(attempt) {
            return Ok(false);
        }
        let replaced = self
            .registry
            .replace_token(&shop, version, &stored(token.clone()))
            .await;
        let replaced = replaced.map_err(|error| of_state(&error))?;
        self.begun().remove(&shop);
        Ok(replaced)
    }
}

/// A token in the registry's words.
pub(super) fn stored(token: StoredToken) -> Token {
    Token {
        access_token: token.access_token,
        expires_at: token.expires_at,
        refresh_token: token.refresh_token,
        refresh_expires_at: token.refresh_expires_at,
    }
}

/// A shop's domain in the service's words. Both have the same rules.
fn known(shop: &shopify_client::ShopDomain) -> Result<ShopDomain, TokenError> {
    let known = shop.as_str().parse();
    known.map_err(|_| TokenError::lasting("the shop's domain is none"))
}

fn of_state(error: &PortError) -> TokenError {
    match error.disposition {
        Disposition::Retry { .. } => TokenError::temporary(error.chain()),
        _ => TokenError::lasting(error.chain()),
    }
}

#[cfg(test)]
mod tests;
