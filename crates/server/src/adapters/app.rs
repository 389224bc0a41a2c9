use secrecy::SecretString;
use shopify_client::oauth::{AppCredentials, TokenGrant};
use shopify_client::token::{AppGrants, StoredToken};
use shopify_client::webhook::Subject;
use shopify_client::{Client, Endpoint, Error, Timeouts};
use sync_core::{Installation, ShopDomain, Timestamp};
use url::Url;

use super::tokens::stored;
use crate::settings::ShopifySettings;

/// The Shopify app: its connections and its credentials.
#[derive(Debug, Clone)]
pub struct ShopifyApp {
    client: Client,
    credentials: AppCredentials,
    scopes: Vec<String>,
    redirect_uri: String,
}

impl ShopifyApp {
    /// The app of these settings. Nothing is contacted.
    ///
    /// # Errors
    /// If the settings make no client.
    pub fn new(settings: &ShopifySettings) -> Result<Self, Error> {
        let unusable = |error: shopify_client::InvalidEndpoint| Error::Configuration {
            reason: error.to_string(),
        };
        let endpoint = Endpoint::custom(&settings.endpoint).map_err(unusable)?;
        if !endpoint.is_shopify() {
            log::warn!(
                "SHOPIFY_ENDPOINT is {endpoint}: secrets and tokens are sent there, not to Shopify"
            );
        }
        let client = Client::builder()
            .endpoint(endpoint)
            .timeouts(Timeouts {
                request: settings.request_timeout,
                ..Timeouts::default()
            })
            .user_agent(concat!("shopsync/", env!("CARGO_PKG_VERSION")))
            .metafield_namespaces(settings.metafield_namespaces.iter().cloned())
            .headroom(f64::from(settings.budget_reserve) / 100.0)
            .build()?;
        Ok(Self {
            client,
            credentials: AppCredentials {
                api_key: settings.api_key.clone(),
                api_secret: settings.api_secret.clone(),
            },
            scopes: settings.scopes.clone(),
            redirect_uri: settings.redirect_uri.clone(),
        })
    }

    /// The connections to all shops.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Tells those who wait in this process what a delivery says. Nothing is asked of Shopify; where nobody waits,
    /// nothing happens.
    pub fn hear(&self, shop: &ShopDomain, told: Subject) {
        if told == Subject::BulkOperation {
            self.client.bulk_finished(&domain(shop));
        }
    }

    /// Where the merchant is asked for the permissions.
    pub fn grant_page(&self, shop: &ShopDomain, state: &str) -> Url {
        let scopes: Vec<_> = self.scopes.iter().map(String::as_str).collect();
        let oauth = self.client.oauth(&self.credentials);
        oauth.authorize_url(&domain(shop), &scopes, &self.redirect_uri, state)
    }

    /// Exchanges the code of a callback.
    ///
    /// # Errors
    /// If Shopify refuses it, or cannot be reached.
    pub async fn exchange(
        &self,
        shop: &ShopDomain,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<Installation, Error> {
        let oauth = self.client.oauth(&self.credentials);
        let grant = oauth.exchange_code(&domain(shop), code).await?;
        let missing: Vec<_> = self
            .scopes
            .iter()
            .filter(|scope| !grant.covers(scope))
            .collect();
        if !missing.is_empty() {
            log::warn!(shop:%; "The merchant has not granted {missing:?}");
        }
        Ok(installation(shop, grant, now))
    }

    /// An installation in a shop of the app's own organisation, without its merchant.
    ///
    /// # Errors
    /// If the shop belongs to somebody else, or Shopify cannot be reached.
    pub async fn connect(&self, shop: &ShopDomain, now: Timestamp) -> Result<Installation, Error> {
        let oauth = self.client.oauth(&self.credentials);
        let grant = oauth.client_credentials(&domain(shop)).await?;
        Ok(installation(shop, grant, now))
    }

    /// What renews the app's tokens.
    pub fn grants(&self) -> AppGrants {
        AppGrants::new(self.client.clone(), self.credentials.clone())
    }
}

/// A shop's domain in the words of the client. Both have the same rules.
pub(crate) fn domain(shop: &ShopDomain) -> shopify_client::ShopDomain {
    shopify_client::ShopDomain::parse_domain(shop.as_str())
        .expect("a shop's domain is one everywhere")
}

fn installation(shop: &ShopDomain, grant: TokenGrant, at: Timestamp) -> Installation {
    Installation {
        domain: shop.clone(),
        scopes: grant.scopes.clone(),
        token: stored(StoredToken::granted(grant, at)),
        at,
    }
}
