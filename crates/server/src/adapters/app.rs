//! Wraps the Shopify app: builds its client from the settings, and runs the OAuth grants.

use secrecy::{ExposeSecret, SecretString};
use shopify_client::bulk::BulkOptions;
use shopify_client::oauth::{AppCredentials, TokenGrant};
use shopify_client::token::{AppGrants, StoredToken};
use shopify_client::webhook::Topic;
use shopify_client::{Client, Endpoint, Error, Timeouts};
use spaces_store::ContentHash;
use sync_core::{Installation, ShopDomain, Timestamp};
use url::Url;

use super::convert::{to_client_domain, to_registry_token};
use crate::settings::{NetworkSettings, Proxy, ShopifySettings};

/// The Shopify app: its API client and its credentials.
#[derive(Debug, Clone)]
pub struct ShopifyApp {
    client: Client,
    credentials: AppCredentials,
    scopes: Vec<String>,
    redirect_uri: String,
}

impl ShopifyApp {
    /// Builds the app from the settings. Sends no request.
    ///
    /// # Errors
    /// If the settings are not a valid client configuration.
    pub fn new(settings: &ShopifySettings, network: &NetworkSettings) -> Result<Self, Error> {
        let unusable = |error: shopify_client::InvalidEndpoint| Error::Configuration {
            reason: error.to_string(),
        };
        let endpoint = Endpoint::custom(&settings.endpoint).map_err(unusable)?;
        if !endpoint.is_shopify() {
            log::warn!(
                "SHOPIFY_ENDPOINT is {endpoint}: secrets and tokens are sent there, not to Shopify"
            );
        }
        let mut client = Client::builder()
            .endpoint(endpoint)
            .timeouts(Timeouts {
                request: settings.request_timeout,
                ..Timeouts::default()
            })
            .user_agent(concat!("shopsync/", env!("CARGO_PKG_VERSION")))
            .metafield_namespaces(settings.metafield_namespaces.iter().cloned())
            .headroom(f64::from(settings.budget_reserve) / 100.0)
            .bulk(bulk_options(settings));
        if let Some(Proxy { url, bypass }) = network.proxy() {
            client = client.proxy(url.expose_secret()).proxy_bypass(bypass);
        }
        Ok(Self {
            client: client.build()?,
            credentials: AppCredentials {
                api_key: settings.api_key.clone(),
                api_secret: settings.api_secret.clone(),
            },
            scopes: settings.scopes.clone(),
            redirect_uri: settings.redirect_uri.clone(),
        })
    }

    /// The API client for all shops.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Notifies tasks of this process that wait for the event of a delivery, such as the end of a bulk operation. Sends no
    /// request, and does nothing if no task waits.
    pub fn notify(&self, shop: &ShopDomain, topic: &Topic) {
        if *topic == Topic::BulkOperationsFinish {
            self.client.notify_bulk_finished(&to_client_domain(shop));
        }
    }

    /// The URL of the grant page, on which the merchant approves the access scopes.
    pub fn authorize_url(&self, shop: &ShopDomain, state: &str) -> Url {
        let scopes: Vec<_> = self.scopes.iter().map(String::as_str).collect();
        let oauth = self.client.oauth(&self.credentials);
        oauth.authorize_url(&to_client_domain(shop), &scopes, &self.redirect_uri, state)
    }

    /// Exchanges the grant code of a callback for a token.
    ///
    /// # Errors
    /// If Shopify refuses the code, or cannot be reached.
    pub async fn exchange_code(
        &self,
        shop: &ShopDomain,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<Installation, Error> {
        let oauth = self.client.oauth(&self.credentials);
        let grant = oauth.exchange_code(&to_client_domain(shop), code).await?;
        Ok(installation(shop, grant, now))
    }

    /// Installs the app by client credentials, without its merchant, in a shop of the app's own organisation.
    ///
    /// # Errors
    /// If the shop belongs to another organisation, or Shopify cannot be reached.
    pub async fn connect(&self, shop: &ShopDomain, now: Timestamp) -> Result<Installation, Error> {
        let oauth = self.client.oauth(&self.credentials);
        let grant = oauth.client_credentials(&to_client_domain(shop)).await?;
        Ok(installation(shop, grant, now))
    }

    /// The OAuth grants that renew the app's tokens.
    pub fn grants(&self) -> AppGrants {
        AppGrants::new(self.client.clone(), self.credentials.clone())
    }
}

fn bulk_options(settings: &ShopifySettings) -> BulkOptions {
    let folder = &settings.spool_folder;
    BulkOptions {
        marker: marker(settings),
        initial_poll_interval: settings.bulk_poll / 30,
        max_poll_interval: settings.bulk_poll,
        deadline: settings.bulk_timeout,
        memory_limit: settings.spool_memory,
        temp_dir: (!folder.is_empty()).then(|| folder.into()),
        ..BulkOptions::default()
    }
}

/// Identifies this deployment in its bulk operations. It is derived from the webhook address, which distinguishes
/// deployments of the same app, as it does in webhook subscriptions. It is the same in all replicas and after restarts.
fn marker(settings: &ShopifySettings) -> String {
    let address = &settings.webhook_address;
    let host = Url::parse(address).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or("local");
    let hash = ContentHash::of(format!("{} {address}", settings.api_key).as_bytes());
    format!("shopsync/{host}/{}", &hash.to_string()[..8])
}

fn installation(shop: &ShopDomain, grant: TokenGrant, at: Timestamp) -> Installation {
    Installation {
        domain: shop.clone(),
        scopes: grant.scopes.clone(),
        token: to_registry_token(StoredToken::from_grant(grant, at)),
        at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn marker_for(api_key: &str, address: &str) -> String {
        let mut settings = Settings::defaults().shopify;
        settings.api_key = api_key.to_owned();
        settings.webhook_address = address.to_owned();
        marker(&settings)
    }

    #[test]
    fn every_deployment_has_its_own_stable_marker() {
        let address = "https://sync.example.com/shopify/webhook";
        let own = marker_for("key", address);
        assert_eq!(own, marker_for("key", address));
        assert!(own.starts_with("shopsync/sync.example.com/"), "{own}");
        for other in [
            marker_for("other", address),
            marker_for("key", "https://sync.example.com:8443/shopify/webhook"),
            marker_for("key", "https://sync.example.com/staging/webhook"),
            marker_for("key", ""),
        ] {
            assert_ne!(own, other);
        }
    }

    #[test]
    fn settings_configure_bulk_operations() {
        let mut settings = Settings::defaults().shopify;
        let (options, defaults) = (bulk_options(&settings), BulkOptions::default());
        // The default settings equal the client's defaults.
        assert_eq!(
            options.initial_poll_interval,
            defaults.initial_poll_interval
        );
        assert_eq!(options.max_poll_interval, defaults.max_poll_interval);
        assert_eq!(options.deadline, defaults.deadline);
        assert_eq!(options.memory_limit, defaults.memory_limit);
        assert_eq!(options.temp_dir, None);
        settings.spool_folder = "/spool".to_owned();
        assert_eq!(bulk_options(&settings).temp_dir, Some("/spool".into()));
    }
}
