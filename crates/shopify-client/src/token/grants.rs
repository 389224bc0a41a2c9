use async_trait::async_trait;
use secrecy::SecretString;

use crate::oauth::{AppCredentials, TokenGrant};
use crate::{Client, Error, ShopDomain};

/// The requests by which a token is followed by another. [`AppGrants`] sends them to Shopify.
#[async_trait]
pub trait Grants: Send + Sync {
    /// The next pair for this refresh token. It may be asked for again with the same one, until the new pair is used.
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the refresh token is retired, expired or revoked.
    async fn refresh(
        &self,
        shop: &ShopDomain,
        refresh_token: &SecretString,
    ) -> Result<TokenGrant, Error>;

    /// A token by the app's own credentials.
    async fn client_credentials(&self, shop: &ShopDomain) -> Result<TokenGrant, Error>;

    /// An expiring pair for this token that never expires, which ends. It may be asked for again for seven days.
    ///
    /// # Errors
    /// [`Error::Reauthorize`] if the token is revoked, or was exchanged too long ago.
    async fn migrate(
        &self,
        shop: &ShopDomain,
        access_token: &SecretString,
    ) -> Result<TokenGrant, Error>;
}

/// Shopify's grants for one app, by [`Client::oauth`].
#[derive(Debug, Clone)]
pub struct AppGrants {
    client: Client,
    app: AppCredentials,
}

impl AppGrants {
    /// The grants of this app, over this client.
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
