//! A signed delivery to the address at which Shopify will deliver, as Shopify would send it.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use shopify_client::webhook::sign;
use sync_core::ShopDomain;
use uuid::Uuid;

use crate::http_client;
use crate::settings::NetworkSettings;

/// Shopify gives up on a delivery after this time.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);

/// The topic of the test. Its body names no product, so that nothing is marked dirty.
const TOPIC: &str = "products/update";

/// The first part of the test's delivery id, by which it is known in the database and in the log.
const ID_PREFIX: &str = "shopsync-self-test-";

/// How much of an unexpected response is quoted.
const MAX_QUOTED_CHARS: usize = 200;

/// A test of one address.
#[derive(Debug)]
pub(super) struct SelfTest<'a> {
    address: &'a str,
    secret: &'a SecretString,
    network: &'a NetworkSettings,
}

/// Why a delivery would not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum SelfTestError {
    #[error("there is no HTTP client: {0}")]
    Client(#[source] reqwest::Error),
    #[error(
        "{address} cannot be reached: {why}; it is where Shopify will deliver (SHOPIFY_WEBHOOK_ADDRESS)"
    )]
    Unreachable { address: String, why: String },
    #[error("{address} answered {status} instead of 200: {body}")]
    UnexpectedStatus {
        address: String,
        status: StatusCode,
        body: String,
    },
    #[error("{address} answered 200, but not as this service does; is it another one?")]
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
        // Shopify takes a redirect for a failure, so none is followed.
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
            format!("no answer within {DELIVERY_TIMEOUT:?}")
        } else {
            "the connection failed".to_owned()
        };
        // The innermost cause says what happened; those around it repeat the address.
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
