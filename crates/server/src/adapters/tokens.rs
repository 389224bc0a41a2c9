//! Access tokens: kept in the registry, renewed by the client.

use std::sync::Arc;

use async_trait::async_trait;
use shopify_client::token::{
    Attempt, Grants, ManagedTokens, Purpose, StoredToken, TokenRecord, TokenStore,
};
use shopify_client::{TokenError, TokenSource};
use sync_core::ports::{Clock, ShopRegistry};
use sync_core::{
    Disposition, PortError, ShopDomain, Timestamp, Token, TokenAttempt, TokenPurpose,
    VersionedToken,
};

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
        let store = Arc::new(RegistryTokens(registry));
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

/// The registry, as the client's token store. Its rows decide between processes, and outlive them.
struct RegistryTokens(Arc<dyn ShopRegistry>);

#[async_trait]
impl TokenStore for RegistryTokens {
    async fn load(
        &self,
        shop: &shopify_client::ShopDomain,
    ) -> Result<Option<TokenRecord>, TokenError> {
        let stored = self.0.token(&known(shop)?).await;
        Ok(stored.map_err(|error| of_state(&error))?.map(kept))
    }

    async fn begin(
        &self,
        shop: &shopify_client::ShopDomain,
        version: u64,
        replaces: Option<Attempt>,
        attempt: Attempt,
    ) -> Result<bool, TokenError> {
        let (replaces, attempt) = (replaces.map(begun), begun(attempt));
        let shop = known(shop)?;
        let begun = self.0.begin_token(&shop, version, replaces, attempt).await;
        begun.map_err(|error| of_state(&error))
    }

    async fn save(
        &self,
        shop: &shopify_client::ShopDomain,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError> {
        let (shop, token) = (known(shop)?, stored(token.clone()));
        let attempt = begun(attempt);
        let replaced = self.0.replace_token(&shop, version, attempt, &token).await;
        replaced.map_err(|error| of_state(&error))
    }
}

/// A stored token in the client's words.
fn kept(stored: VersionedToken) -> TokenRecord {
    let VersionedToken {
        token,
        version,
        attempt,
    } = stored;
    TokenRecord {
        token: StoredToken {
            access_token: token.access_token,
            expires_at: token.expires_at,
            refresh_token: token.refresh_token,
            refresh_expires_at: token.refresh_expires_at,
            scopes: Vec::new(),
        },
        version,
        attempt: attempt.map(|attempt| Attempt {
            by: attempt.by,
            begun_at: attempt.begun_at,
            purpose: match attempt.purpose {
                TokenPurpose::Renewal => Purpose::Renewal,
                TokenPurpose::Migration => Purpose::Migration,
            },
        }),
    }
}

/// A journal entry in the registry's words.
fn begun(attempt: Attempt) -> TokenAttempt {
    TokenAttempt {
        by: attempt.by,
        begun_at: attempt.begun_at,
        purpose: match attempt.purpose {
            Purpose::Renewal => TokenPurpose::Renewal,
            Purpose::Migration => TokenPurpose::Migration,
        },
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
    known.map_err(|_| TokenError::permanent("the shop's domain is none"))
}

fn of_state(error: &PortError) -> TokenError {
    match error.disposition {
        Disposition::Retry { .. } => TokenError::temporary(error.chain()),
        _ => TokenError::permanent(error.chain()),
    }
}

#[cfg(test)]
mod tests;
