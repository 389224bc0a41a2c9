//! The signatures of deliveries, and what their owner should know of them.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::web::{self, Bytes};
use secrecy::SecretString;
use shopify_client::webhook::{VerifiedDelivery, Verifier, WebhookError};
use sync_core::Timestamp;

use super::log_throttle::LogThrottle;
use crate::settings::{ShopifySettings, non_empty};

const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";

/// How often the log says at most why deliveries are refused: anybody can send one, and each reason costs time to find.
const REJECTION_LOG_INTERVAL: Duration = Duration::from_mins(1);
/// How often the log says at most that the previous secret is still needed.
const REMINDER_LOG_INTERVAL: Duration = Duration::from_hours(1);

/// Checks deliveries under the app's secrets, and logs now and then what is amiss.
#[derive(Debug)]
pub(super) struct DeliveryVerifier {
    verifier: Arc<Verifier>,
    rejection_log: LogThrottle,
    reminder_log: LogThrottle,
}

impl DeliveryVerifier {
    pub(super) fn new(shopify: &ShopifySettings) -> Self {
        Self {
            // Without a secret every delivery is refused.
            verifier: Arc::new(verifier(shopify).unwrap_or_else(|| Verifier::new([]))),
            rejection_log: LogThrottle::new(REJECTION_LOG_INTERVAL),
            reminder_log: LogThrottle::new(REMINDER_LOG_INTERVAL),
        }
    }

    pub(super) async fn verify(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<VerifiedDelivery, WebhookError> {
        let verified = self.verifier.verify(|name| text(headers, name), body);
        match &verified {
            Ok(delivery) if delivery.key_id == PREVIOUS => self.log_previous_secret(now),
            Err(
                WebhookError::MissingSignature
                | WebhookError::WrongSignature
                | WebhookError::InvalidBody,
            ) => self.log_rejection(headers, body, now).await,
            _ => {}
        }
        verified
    }

    fn log_previous_secret(&self, now: Timestamp) {
        if self.reminder_log.admit(now).is_some() {
            log::info!(
                "Shopify still signs with the previous secret: it is needed until the secret is revoked there"
            );
        }
    }

    /// For the log alone: whoever sent it learns no more than that it is refused.
    async fn log_rejection(&self, headers: &HeaderMap, body: &Bytes, now: Timestamp) {
        let Some(suppressed) = self.rejection_log.admit(now) else {
            return;
        };
        let (verifier, headers, body) = (Arc::clone(&self.verifier), headers.clone(), body.clone());
        // It takes as long as dozens of verifications, for which no other request should wait.
        let explain = move || verifier.explain(|name| text(&headers, name), &body);
        match web::block(explain).await {
            Ok(explanation) => {
                log::warn!(unsaid = suppressed; "A delivery was refused: {explanation}")
            }
            // The process ends.
            Err(error) => log::debug!("A delivery was refused: {error}"),
        }
    }
}

/// `None` if there is no secret.
fn verifier(shopify: &ShopifySettings) -> Option<Verifier> {
    let key = |id, secret| Some((id, non_empty(secret)?));
    let keys: [Option<(&str, &SecretString)>; 2] = [
        key(CURRENT, &shopify.api_secret),
        key(PREVIOUS, &shopify.api_secret_previous),
    ];
    Verifier::keyed(keys.into_iter().flatten()).ok()
}

/// A header's value, by its lower-case name; none if it is not ASCII.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
