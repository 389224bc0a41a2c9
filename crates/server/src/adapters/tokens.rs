//! Implements the client's token store on the shop registry: tokens are stored there and renewed by the client.

use std::sync::Arc;

use async_trait::async_trait;
use shopify_client::token::{Attempt, Grants, ManagedTokens, StoredToken, TokenRecord, TokenStore};
use shopify_client::{TokenError, TokenSource};
use sync_core::ports::{Clock, ShopRegistry};
use sync_core::{Disposition, PortError, ShopDomain, Timestamp};

use super::convert::{
    from_client_domain, to_client_domain, to_client_token, to_registry_attempt, to_registry_token,
};
use crate::run_events::in_current_run;

/// The access tokens of all shops.
#[derive(Clone, Debug)]
pub struct ShopTokens(ManagedTokens);

impl ShopTokens {
    /// Tokens stored in `registry` and renewed by `grants`.
    pub fn new(
        registry: Arc<dyn ShopRegistry>,
        grants: Arc<dyn Grants>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let store = Arc::new(RegistryTokens(registry));
        let tokens = ManagedTokens::builder(store, grants)
            .clock(Arc::new(ClientClock(clock)))
            .wrap_renewals(|renewal| Box::pin(in_current_run(renewal)));
        Self(tokens.build())
    }

    /// Discards the cached token of a shop whose installation was replaced; its next use reads the registry.
    pub fn forget(&self, shop: &ShopDomain) {
        self.0.forget(&to_client_domain(shop));
    }

    /// The token source of one shop.
    pub fn for_shop(&self, shop: &ShopDomain) -> Arc<dyn TokenSource> {
        Arc::new(self.0.shop(&to_client_domain(shop)))
    }
}

/// The service's clock as the client's clock.
struct ClientClock(Arc<dyn Clock>);

impl shopify_client::token::Clock for ClientClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// The registry as the client's token store. Its rows coordinate renewals between processes, and survive restarts.
struct RegistryTokens(Arc<dyn ShopRegistry>);

#[async_trait]
impl TokenStore for RegistryTokens {
    async fn load(
        &self,
        shop: &shopify_client::ShopDomain,
    ) -> Result<Option<TokenRecord>, TokenError> {
        let stored = self.0.token(&from_client_domain(shop)?).await;
        Ok(stored
            .map_err(|error| token_error(&error))?
            .map(to_client_token))
    }

    async fn begin(
        &self,
        shop: &shopify_client::ShopDomain,
        version: u64,
        replaces: Option<Attempt>,
        attempt: Attempt,
    ) -> Result<bool, TokenError> {
        let (replaces, attempt) = (
            replaces.map(to_registry_attempt),
            to_registry_attempt(attempt),
        );
        let shop = from_client_domain(shop)?;
        let begun = self
            .0
            .begin_token_attempt(&shop, version, replaces, attempt)
            .await;
        begun.map_err(|error| token_error(&error))
    }

    async fn save(
        &self,
        shop: &shopify_client::ShopDomain,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError> {
        let (shop, token) = (from_client_domain(shop)?, to_registry_token(token.clone()));
        let attempt = to_registry_attempt(attempt);
        let replaced = self.0.replace_token(&shop, version, attempt, &token).await;
        replaced.map_err(|error| token_error(&error))
    }
}

fn token_error(error: &PortError) -> TokenError {
    match error.disposition {
        Disposition::Retry { .. } => TokenError::temporary(error.chain()),
        _ => TokenError::permanent(error.chain()),
    }
}

#[cfg(test)]
mod tests;
