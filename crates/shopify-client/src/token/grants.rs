//! Requests new tokens for [`ManagedTokens`](super::ManagedTokens): the trait, and its implementation for Shopify.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::oauth::{AppCredentials, TokenGrant};
use crate::{Client, Error, ShopDomain};

/// Requests new tokens. [`AppGrants`] sends the requests to Shopify.
#[async_trait]
pub trait Grants: Send + Sync {
    /// Exchanges a refresh token for a new pair. The same refresh token may be used again until the new pair is used.
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the refresh token is retired, expired or revoked.
    async fn refresh(
        &self,
        shop: &ShopDomain,
        refresh_token: &SecretString,
    ) -> Result<TokenGrant, Error>;

    /// Requests a token with the app's own credentials.
    async fn client_credentials(&self, shop: &ShopDomain) -> Result<TokenGrant, Error>;

    /// Exchanges a token that never expires for an expiring pair, and ends the old token. The exchange may be repeated
    /// for seven days.
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the token is revoked, or was exchanged too long ago.
    async fn migrate(
        &self,
        shop: &ShopDomain,
        access_token: &SecretString,
    ) -> Result<TokenGrant, Error>;
}

/// Shopify's grants for one app, through [`Client::oauth`].
#[derive(Debug, Clone)]
pub struct AppGrants {
    client: Client,
    app: AppCredentials,
}

impl AppGrants {
    /// Creates the grants of an app.
    pub fn new(client: Client, app: AppCredentials) -> Self {
        Self { client, app }
    }
}

#[async_trait]
impl Grants for AppGrants {
    async fn refresh(
        &self,
        shop: &ShopDomain,
        refresh_token: &SecretString,
    ) -> Result<TokenGrant, Error> {
        let oauth = self.client.oauth(&self.app);
        oauth.refresh(shop, refresh_token).await
    }

    async fn client_credentials(&self, shop: &ShopDomain) -> Result<TokenGrant, Error> {
        self.client.oauth(&self.app).client_credentials(shop).await
    }

    async fn migrate(
        &self,
        shop: &ShopDomain,
        access_token: &SecretString,
    ) -> Result<TokenGrant, Error> {
        let oauth = self.client.oauth(&self.app);
        oauth.migrate(shop, access_token).await
    }
}
