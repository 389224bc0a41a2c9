//! The signatures of deliveries, and what their owner should know of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::web::{self, Bytes};
use secrecy::SecretString;
use shopify_client::webhook::{VerifiedDelivery, Verifier, WebhookError};
use sync_core::Timestamp;

use crate::settings::{ShopifySettings, given};

const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";

/// How often the log says at most why deliveries are refused: anybody can send one, and each reason costs time to find.
const REFUSALS: Duration = Duration::from_mins(1);
/// How often the log says at most that the previous secret is still needed.
const REMINDERS: Duration = Duration::from_hours(1);

/// Checks deliveries under the app's secrets, and logs now and then what is amiss.
#[derive(Debug)]
pub(super) struct Signatures {
    verifier: Arc<Verifier>,
    refusals: Seldom,
    reminders: Seldom,
}

impl Signatures {
    pub(super) fn new(shopify: &ShopifySettings) -> Self {
        Self {
            // Without a secret every delivery is refused.
            verifier: Arc::new(verifier(shopify).unwrap_or_else(|| Verifier::new([]))),
            refusals: Seldom::new(REFUSALS),
            reminders: Seldom::new(REMINDERS),
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
            Ok(delivery) if delivery.key_id == PREVIOUS => self.remind(now),
            Err(
                WebhookError::MissingSignature
                | WebhookError::WrongSignature
                | WebhookError::InvalidBody,
            ) => self.explain(headers, body, now).await,
            _ => {}
        }
        verified
    }

    fn remind(&self, now: Timestamp) {
        if self.reminders.is_time(now).is_some() {
            log::info!(
                "Shopify still signs with the previous secret: it is needed until the secret is revoked there"
            );
        }
    }

    /// For the log alone: whoever sent it learns no more than that it is refused.
    async fn explain(&self, headers: &HeaderMap, body: &Bytes, now: Timestamp) {
        let Some(unsaid) = self.refusals.is_time(now) else {
            return;
        };
        let (verifier, headers, body) = (Arc::clone(&self.verifier), headers.clone(), body.clone());
        // It takes as long as dozens of verifications, for which no other request should wait.
        let explain = move || verifier.explain(|name| text(&headers, name), &body);
        match web::block(explain).await {
            Ok(explanation) => log::warn!(unsaid; "A delivery was refused: {explanation}"),
            // The process ends.
            Err(error) => log::debug!("A delivery was refused: {error}"),
        }
    }
}

/// `None` if there is no secret.
fn verifier(shopify: &ShopifySettings) -> Option<Verifier> {
    let key = |id, secret| Some((id, given(secret)?));
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

/// Something that is said once in a while, however often there is reason to.
#[derive(Debug)]
struct Seldom {
    every: Duration,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    at: Option<Timestamp>,
    /// How often it was kept back since.
    unsaid: u64,
}

impl Seldom {
    fn new(every: Duration) -> Self {
        let said = Mutex::default();
        Self { every, said }
    }

    /// If it is time to say it: how often it was kept back since it was said last.
    fn is_time(&self, now: Timestamp) -> Option<u64> {
        // Nothing panics while it is held, so a poisoned lock still guards whole values.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        // A time to come is that of a clock that was set back.
        let since = said.at.and_then(|at| (now - at).to_std().ok());
        if since.is_some_and(|since| since < self.every) {
            said.unsaid += 1;
            return None;
        }
        said.at = Some(now);
        Some(std::mem::take(&mut said.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn what_is_said_once_a_minute_counts_what_it_kept_back() {
        let seldom = Seldom::new(Duration::from_mins(1));
        let said = [100, 100, 130, 159, 160, 219, 220].map(|seconds| seldom.is_time(at(seconds)));
        let expected = [Some(0), None, None, None, Some(3), None, Some(1)];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let seldom = Seldom::new(Duration::from_mins(1));
        assert_eq!(seldom.is_time(at(1_000_000)), Some(0));
        assert_eq!(seldom.is_time(at(0)), Some(0));
        assert_eq!(seldom.is_time(at(59)), None);
    }
}
