//! Verifies the signatures of webhook deliveries, and logs why they fail.

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

/// The shortest interval between log lines about rejected deliveries: anyone can send one, and finding the reason is
/// expensive.
const REJECTION_LOG_INTERVAL: Duration = Duration::from_mins(1);
/// The shortest interval between log lines about the use of the previous secret.
const REMINDER_LOG_INTERVAL: Duration = Duration::from_hours(1);

/// Verifies deliveries with the app's secrets. Logs rejections and the use of the previous secret at limited rates.
#[derive(Debug)]
pub(super) struct DeliveryVerifier {
    verifier: Arc<Verifier>,
    rejection_log: LogThrottle,
    reminder_log: LogThrottle,
}

impl DeliveryVerifier {
    pub(super) fn new(shopify: &ShopifySettings) -> Self {
        Self {
            // Without a secret every delivery is rejected.
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
                "Shopify still signs with the previous secret; keep it configured until it is revoked in Shopify"
            );
        }
    }

    /// Logs why a delivery is rejected. The sender learns only that it is.
    async fn log_rejection(&self, headers: &HeaderMap, body: &Bytes, now: Timestamp) {
        let Some(suppressed) = self.rejection_log.admit(now) else {
            return;
        };
        let (verifier, headers, body) = (Arc::clone(&self.verifier), headers.clone(), body.clone());
        // It costs as much as dozens of verifications, so it must not block other requests.
        let explain = move || verifier.explain(|name| text(&headers, name), &body);
        match web::block(explain).await {
            Ok(explanation) => {
                log::warn!(unsaid = suppressed; "A delivery was rejected: {explanation}");
            }
            // The thread pool has shut down with the process.
            Err(error) => log::debug!("A delivery was rejected: {error}"),
        }
    }
}

/// The verifier for the configured secrets; `None` if there is none.
fn verifier(shopify: &ShopifySettings) -> Option<Verifier> {
    let key = |id, secret| Some((id, non_empty(secret)?));
    let keys: [Option<(&str, &SecretString)>; 2] = [
        key(CURRENT, &shopify.api_secret),
        key(PREVIOUS, &shopify.api_secret_previous),
    ];
    Verifier::keyed(keys.into_iter().flatten()).ok()
}

/// The value of the header with this lower-case name; `None` if it is not visible ASCII.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
