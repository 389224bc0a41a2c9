//! Self-test: posts a signed webhook to the public webhook address, as Shopify would send it.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use shopify_client::webhook::sign;
use sync_core::ShopDomain;
use uuid::Uuid;

use crate::http_client;
use crate::settings::NetworkSettings;

/// Shopify's time limit for a delivery.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);

/// The topic of the test. Its body names no product, so no item is marked dirty.
const TOPIC: &str = "products/update";

/// The prefix of the test's delivery id, which identifies it in the database and in the log.
const ID_PREFIX: &str = "shopsync-self-test-";

/// How many characters of an unexpected response body an error quotes.
const MAX_QUOTED_CHARS: usize = 200;

/// Tests delivery to one address.
#[derive(Debug)]
pub(super) struct SelfTest<'a> {
    address: &'a str,
    secret: &'a SecretString,
    network: &'a NetworkSettings,
}

/// Why a delivery to the address fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum SelfTestError {
    #[error("the HTTP client could not be built: {0}")]
    Client(#[source] reqwest::Error),
    #[error(
        "{address} cannot be reached: {why}; Shopify will deliver to this address (SHOPIFY_WEBHOOK_ADDRESS)"
    )]
    Unreachable { address: String, why: String },
    #[error("{address} returned {status} instead of 200: {body}")]
    UnexpectedStatus {
        address: String,
        status: StatusCode,
        body: String,
    },
    #[error("{address} returned 200, but not this service's response; is it another service?")]
    UnexpectedBody { address: String },
}

impl<'a> SelfTest<'a> {
    pub(super) fn new(
        address: &'a str,
        secret: &'a SecretString,
        network: &'a NetworkSettings,
    ) -> Self {
        Self {
            address,
            secret,
            network,
        }
    }

    pub(super) async fn run(&self, shop: &ShopDomain) -> Result<(), SelfTestError> {
        let response = self.send(shop).await?;
        let address = self.address.to_owned();
        let status = response.status();
        let body = response.text().await;
        let body = body.map_err(|error| self.unreachable(&error))?;
        if status != StatusCode::OK {
            let body = body.chars().take(MAX_QUOTED_CHARS).collect();
            return Err(SelfTestError::UnexpectedStatus {
                address,
                status,
                body,
            });
        }
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        if body["status"] == "success" {
            Ok(())
        } else {
            Err(SelfTestError::UnexpectedBody { address })
        }
    }

    async fn send(&self, shop: &ShopDomain) -> Result<Response, SelfTestError> {
        let id = Uuid::new_v4();
        let body = json!({ "self_test": id.to_string() }).to_string();
        // Shopify treats a redirect as a failed delivery, so none is followed.
        let client = http_client::builder(self.network).and_then(|client| {
            let client = client.timeout(DELIVERY_TIMEOUT);
            let client = client.user_agent(concat!("shopsync/", env!("CARGO_PKG_VERSION")));
            client.build()
        });
        let client = client.map_err(SelfTestError::Client)?;
        let result = client
            .post(self.address)
            .header("X-Shopify-Topic", TOPIC)
            .header("X-Shopify-Shop-Domain", shop.as_str())
            .header("X-Shopify-Webhook-Id", format!("{ID_PREFIX}{id}"))
            .header("X-Shopify-API-Version", shopify_client::API_VERSION)
            .header("X-Shopify-Hmac-Sha256", sign(self.secret, body.as_bytes()))
            .header("Content-Type", "application/json")
            .body(body)
            .send()
            .await;
        result.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> SelfTestError {
        let mut why = if error.is_timeout() {
            format!("no response within {DELIVERY_TIMEOUT:?}")
        } else {
            "the connection failed".to_owned()
        };
        // The innermost cause is specific; the outer ones repeat the address.
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause.and_then(std::error::Error::source) {
            cause = Some(inner);
        }
        if let Some(cause) = cause {
            why = format!("{why} ({cause})");
        }
        SelfTestError::Unreachable {
            address: self.address.to_owned(),
            why,
        }
    }
}
