//! Turns events into webhook deliveries and attempts each until it succeeds or its retries are used up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::SecondsFormat;
use serde_json::Value;

use super::Shop;
use crate::catalog::change::Event;
use crate::locks::{read, write};
use crate::webhook::subscription::Subscription;
use crate::webhook::{QueuedDelivery, Release};

/// The API version of compliance webhooks: the app's own.
const APP_VERSION: &str = "2026-10";

impl Shop {
    /// Announces `events`, all caused by one action, to their subscribers.
    pub(super) fn announce(self: &Arc<Self>, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let event_id = self.event_id();
        let subscriptions = read(&self.subscriptions);
        for event in events {
            let to = subscriptions
                .iter()
                .filter(|subscription| subscription.matches_event(event));
            for subscription in to {
                let delivery = self.delivery(event, &event_id, subscription);
                self.enqueue(delivery);
            }
        }
    }

    /// Sends a compliance webhook to the address that the app's configuration names for it.
    pub(crate) fn send_compliance_webhook(
        self: &Arc<Self>,
        topic: &'static str,
        address: &str,
        body: &Value,
    ) -> String {
        let delivery = QueuedDelivery {
            webhook_id: self.webhook_id(),
            event_id: self.event_id(),
            topic: topic.to_owned(),
            address: address.to_owned(),
            name: None,
            domain: self.domain.clone(),
            api_version: APP_VERSION.to_owned(),
            triggered_at: self.triggered_at(),
            body: Bytes::from(body.to_string()),
            subscription: None,
        };
        let webhook_id = delivery.webhook_id.clone();
        self.enqueue(delivery);
        webhook_id
    }

    fn delivery(
        &self,
        event: &Event,
        event_id: &str,
        subscription: &Subscription,
    ) -> QueuedDelivery {
        QueuedDelivery {
            webhook_id: self.webhook_id(),
            event_id: event_id.to_owned(),
            topic: event.topic.to_owned(),
            address: subscription.uri.clone(),
            name: subscription.name.clone(),
            domain: self.domain.clone(),
            api_version: subscription.api_version.clone(),
            triggered_at: self.triggered_at(),
            body: Bytes::from(subscription.body(event).to_string()),
            subscription: Some(subscription.id),
        }
    }

    fn event_id(&self) -> String {
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        self.ids.uuid("event", number)
    }

    fn webhook_id(&self) -> String {
        let number = self.deliveries.fetch_add(1, Ordering::Relaxed);
        self.ids.uuid("webhook", number)
    }

    fn triggered_at(&self) -> String {
        self.now().to_rfc3339_opts(SecondsFormat::Nanos, true)
    }

    fn enqueue(self: &Arc<Self>, delivery: QueuedDelivery) {
        for delivery in self.delivery_queue.push(delivery) {
            self.spawn_delivery(delivery);
        }
    }

    /// Sends the held deliveries.
    pub(crate) fn release(self: &Arc<Self>, order: Release) {
        for delivery in self.delivery_queue.release(order) {
            self.spawn_delivery(delivery);
        }
    }

    /// Sends an earlier delivery again. Returns whether it is known.
    pub(crate) fn redeliver(self: &Arc<Self>, webhook_id: &str, times: u32) -> bool {
        let Some(delivery) = self.delivery_queue.queued(webhook_id) else {
            return false;
        };
        for _ in 0..times {
            self.spawn_delivery(delivery.clone());
        }
        true
    }

    fn spawn_delivery(self: &Arc<Self>, delivery: Arc<QueuedDelivery>) {
        let guard = self.delivery_queue.track();
        let shop = Arc::clone(self);
        self.context.tasks.spawn(async move {
            let _guard = guard;
            shop.deliver(&delivery).await;
        });
    }

    async fn deliver(&self, delivery: &QueuedDelivery) {
        let sender = &self.context.sender;
        if self.attempt(delivery).await {
            return;
        }
        for delay in sender.retries.iter() {
            self.context.clock.sleep(delay).await;
            if self.attempt(delivery).await {
                return;
            }
        }
        self.delivery_queue.record_failure(&delivery.webhook_id);
        log::info!(
            "{}: all attempts to deliver {} failed; its subscription is deleted",
            self.domain,
            delivery.topic
        );
        write(&self.subscriptions)
            .retain(|subscription| Some(subscription.id) != delivery.subscription);
    }

    async fn attempt(&self, delivery: &QueuedDelivery) -> bool {
        // An error is impossible: the semaphore is never closed.
        let _permit = self.delivery_permits.acquire().await;
        let status = self.context.sender.send(delivery).await;
        self.delivery_queue
            .record_attempt(&delivery.webhook_id, status);
        status.is_some_and(|status| (200..300).contains(&status))
    }
}
