//! Sends webhooks over HTTP.
//!
//! Source: Shopify, "Webhooks delivery structure", "Verify webhook deliveries".

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::Policy;

use crate::app::SimApp;
use crate::oauth::hmac_base64;

/// How long an app may take to respond.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The delays before each retry.
#[derive(Debug, Clone)]
pub(crate) struct RetrySchedule(Vec<Duration>);

impl RetrySchedule {
    /// Eight retries within four hours with growing delays, as Shopify documents; the exact delays are not published.
    /// All are multiplied by `scale`.
    pub(crate) fn scaled(scale: f64) -> Self {
        const SECONDS: [f64; 8] = [10.0, 50.0, 180.0, 600.0, 1_200.0, 2_100.0, 3_960.0, 6_300.0];
        let retries = SECONDS
            .iter()
            .map(|gap| Duration::from_secs_f64(gap * scale));
        Self(retries.collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Duration> + '_ {
        self.0.iter().copied()
    }
}

/// A delivery to one subscription, as it is sent in each attempt.
#[derive(Debug)]
pub(crate) struct QueuedDelivery {
    pub(crate) webhook_id: String,
    pub(crate) event_id: String,
    pub(crate) topic: String,
    pub(crate) address: String,
    pub(crate) name: Option<String>,
    pub(crate) domain: String,
    pub(crate) api_version: String,
    pub(crate) triggered_at: String,
    pub(crate) body: Bytes,
    /// The id of the subscription that is deleted if the delivery fails.
    pub(crate) subscription: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Sender {
    http: reqwest::Client,
    app: Arc<SimApp>,
    pub(crate) retries: RetrySchedule,
}

impl Sender {
    pub(crate) fn new(app: Arc<SimApp>, retries: RetrySchedule) -> Result<Self, reqwest::Error> {
        // An error means that the process already has a provider, which is sufficient.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent("Shopify-Captain-Hook")
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(RESPONSE_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, app, retries })
    }

    /// Attempts a delivery once. The status is `None` if no complete response came in time.
    pub(crate) async fn send(&self, delivery: &QueuedDelivery) -> Option<u16> {
        let mut request = self
            .http
            .post(&delivery.address)
            .header("Content-Type", "application/json")
            .header("X-Shopify-Topic", &delivery.topic)
            .header(
                "X-Shopify-Hmac-Sha256",
                hmac_base64(&self.app.api_secret, &delivery.body),
            )
            .header("X-Shopify-Shop-Domain", &delivery.domain)
            .header("X-Shopify-API-Version", &delivery.api_version)
            .header("X-Shopify-Webhook-Id", &delivery.webhook_id)
            .header("X-Shopify-Event-Id", &delivery.event_id)
            .header("X-Shopify-Triggered-At", &delivery.triggered_at);
        if let Some(name) = &delivery.name {
            request = request.header("X-Shopify-Name", name);
        }
        match request.body(delivery.body.clone()).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                // The whole response has to arrive in time; its content is ignored.
                response.bytes().await.ok().map(|_| status)
            }
            Err(error) => {
                log::debug!(
                    "{}: an attempt to deliver {} failed: {error}",
                    delivery.domain,
                    delivery.topic
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_retries_grow_over_four_hours() {
        let retries: Vec<_> = RetrySchedule::scaled(1.0).iter().collect();
        assert_eq!(retries.len(), 8);
        assert!(retries.is_sorted());
        assert_eq!(retries.iter().sum::<Duration>(), Duration::from_hours(4));
        let scaled: Duration = RetrySchedule::scaled(0.001).iter().sum();
        assert_eq!(scaled, Duration::from_millis(14_400));
    }
}
