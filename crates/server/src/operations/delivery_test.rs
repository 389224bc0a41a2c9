//! Tests the public webhook address: posts a delivery to it, as Shopify would send it, signed or forged.

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
pub(crate) struct DeliveryTest<'a> {
    address: &'a str,
    secret: &'a SecretString,
    network: &'a NetworkSettings,
}

/// Why a delivery to the address fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryTestError {
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
    #[error("{address} returned {status} to a forged delivery instead of 401")]
    ForgedAccepted { address: String, status: StatusCode },
}

/// Whether the delivery is signed with the app's secret or with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signature {
    Valid,
    Forged,
}

impl<'a> DeliveryTest<'a> {
    pub(crate) fn new(
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

    /// Posts a signed delivery for the shop.
    ///
    /// # Errors
    /// Unless this service's own response arrives within Shopify's time limit, with status 200 and without a redirect.
    pub(crate) async fn accepts_signed(&self, shop: &ShopDomain) -> Result<(), DeliveryTestError> {
        let response = self.send(shop, Signature::Valid).await?;
        let address = self.address.to_owned();
        let status = response.status();
        let body = response.text().await;
        let body = body.map_err(|error| self.unreachable(&error))?;
        if status != StatusCode::OK {
            let body = body.chars().take(MAX_QUOTED_CHARS).collect();
            return Err(DeliveryTestError::UnexpectedStatus {
                address,
                status,
                body,
            });
        }
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        if body["status"] == "success" {
            Ok(())
        } else {
            Err(DeliveryTestError::UnexpectedBody { address })
        }
    }

    /// Posts a delivery with a wrong signature for the shop.
    ///
    /// # Errors
    /// Unless the response is 401.
    pub(crate) async fn rejects_forged(&self, shop: &ShopDomain) -> Result<(), DeliveryTestError> {
        match self.send(shop, Signature::Forged).await?.status() {
            StatusCode::UNAUTHORIZED => Ok(()),
            status => Err(DeliveryTestError::ForgedAccepted {
                address: self.address.to_owned(),
                status,
            }),
        }
    }

    async fn send(
        &self,
        shop: &ShopDomain,
        signature: Signature,
    ) -> Result<Response, DeliveryTestError> {
        let id = Uuid::new_v4();
        let body = json!({ "self_test": id.to_string() }).to_string();
        let signed = match signature {
            Signature::Valid => sign(self.secret, body.as_bytes()),
            Signature::Forged => sign(self.secret, b"another body"),
        };
        // Shopify treats a redirect as a failed delivery, so none is followed.
        let client = http_client::builder(self.network).and_then(|client| {
            let client = client.timeout(DELIVERY_TIMEOUT);
            let client = client.user_agent(concat!("shopsync/", env!("CARGO_PKG_VERSION")));
            client.build()
        });
        let client = client.map_err(DeliveryTestError::Client)?;
        let result = client
            .post(self.address)
            .header("X-Shopify-Topic", TOPIC)
            .header("X-Shopify-Shop-Domain", shop.as_str())
            .header("X-Shopify-Webhook-Id", format!("{ID_PREFIX}{id}"))
            .header("X-Shopify-API-Version", shopify_client::API_VERSION)
            .header("X-Shopify-Hmac-Sha256", signed)
            .header("Content-Type", "application/json")
            .body(body)
            .send()
            .await;
        result.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> DeliveryTestError {
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
        DeliveryTestError::Unreachable {
            address: self.address.to_owned(),
            why,
        }
    }
}

impl DeliveryTestError {
    /// Whether nothing responded, so that nothing is known about the service behind the address.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Client(_))
    }

    /// What a person can do about it.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Client(_) => "check this machine's TLS configuration",
            Self::Unreachable { .. } => {
                "start `shopsync serve` and check that your proxy forwards to it; if this machine cannot reach its own public \
                 address, run the check on another machine"
            }
            Self::UnexpectedStatus { status, .. } => match *status {
                StatusCode::UNAUTHORIZED => "restart the service with the secret of these settings",
                StatusCode::SERVICE_UNAVAILABLE => "check the service's log and its database",
                status if status.is_redirection() => {
                    "set SHOPIFY_WEBHOOK_ADDRESS to the target of the redirect: Shopify does not follow it"
                }
                _ => {
                    "check that SHOPIFY_WEBHOOK_ADDRESS ends with /shopify/webhook and that your proxy forwards POST requests"
                }
            },
            Self::UnexpectedBody { .. } | Self::ForgedAccepted { .. } => {
                "another service responds there; check your proxy"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{header, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::settings::Settings;

    /// Tests an address that returns this response to every delivery.
    async fn test(response: ResponseTemplate) -> [Result<(), DeliveryTestError>; 2] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(header("X-Shopify-Topic", TOPIC))
            .respond_with(response)
            .mount(&server)
            .await;
        let (address, secret) = (server.uri(), SecretString::from("secret"));
        let network = Settings::defaults().network;
        let test = DeliveryTest::new(&address, &secret, &network);
        let shop = "a.myshopify.com".parse().unwrap();
        [
            test.accepts_signed(&shop).await,
            test.rejects_forged(&shop).await,
        ]
    }

    #[tokio::test]
    async fn only_this_services_response_to_a_signed_delivery_passes() {
        let ours = ResponseTemplate::new(200).set_body_json(json!({"status": "success"}));
        let [signed, forged] = test(ours).await;
        assert!(signed.is_ok(), "{signed:?}");
        let accepted = forged.unwrap_err();
        assert!(
            matches!(accepted, DeliveryTestError::ForgedAccepted { .. }),
            "{accepted}"
        );
        let [other, _] = test(ResponseTemplate::new(200).set_body_string("hello")).await;
        let other = other.unwrap_err();
        assert!(
            matches!(other, DeliveryTestError::UnexpectedBody { .. }),
            "{other}"
        );
    }

    #[tokio::test]
    async fn each_status_has_its_own_remedy() {
        let mut remedies = std::collections::BTreeSet::new();
        for status in [301, 401, 404, 503] {
            let [signed, forged] = test(ResponseTemplate::new(status)).await;
            let error = signed.unwrap_err();
            assert!(error.to_string().contains(&status.to_string()), "{error}");
            assert!(!error.is_unreachable());
            remedies.insert(error.remedy());
            assert_eq!(forged.is_ok(), status == 401);
        }
        assert_eq!(remedies.len(), 4);
    }
}
