//! Events become deliveries, and deliveries are tried until they arrive.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::SecondsFormat;
use serde_json::Value;

use super::Shop;
use crate::catalog::change::Event;
use crate::locks::{read, write};
use crate::webhook::subscription::Subscription;
use crate::webhook::{Parcel, Release};

/// The version in which compliance topics are told: the app's own.
const APP_VERSION: &str = "2026-10";

impl Shop {
    /// Tells `events`, all caused by one action, to whoever subscribed to them.
    pub(super) fn announce(self: &Arc<Self>, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let event_id = self.event_id();
        let subscriptions = read(&self.subscriptions);
        for event in events {
            let to = subscriptions
                .iter()
                .filter(|subscription| subscription.takes(event));
            for subscription in to {
                let parcel = self.parcel(event, &event_id, subscription);
                self.post(parcel);
            }
        }
    }

    /// Sends a compliance topic to the address that the app's configuration names for it.
    pub(crate) fn send_compliance_webhook(
        self: &Arc<Self>,
        topic: &'static str,
        address: &str,
        body: &Value,
    ) -> String {
        let parcel = Parcel {
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
        let webhook_id = parcel.webhook_id.clone();
        self.post(parcel);
        webhook_id
    }

    fn parcel(&self, event: &Event, event_id: &str, subscription: &Subscription) -> Parcel {
        Parcel {
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
        self.seeded.uuid("event", number)
    }

    fn webhook_id(&self) -> String {
        let number = self.deliveries.fetch_add(1, Ordering::Relaxed);
        self.seeded.uuid("webhook", number)
    }

    fn triggered_at(&self) -> String {
        self.now().to_rfc3339_opts(SecondsFormat::Nanos, true)
    }

    fn post(self: &Arc<Self>, parcel: Parcel) {
        for parcel in self.outbox.take(parcel) {
            self.launch(parcel);
        }
    }

    /// Sends what was held.
    pub(crate) fn release(self: &Arc<Self>, order: Release) {
        for parcel in self.outbox.release(order) {
            self.launch(parcel);
        }
    }

    /// Sends an earlier delivery again. Tells whether it is known.
    pub(crate) fn redeliver(self: &Arc<Self>, webhook_id: &str, times: u32) -> bool {
        let Some(parcel) = self.outbox.again(webhook_id) else {
            return false;
        };
        for _ in 0..times {
            self.launch(parcel.clone());
        }
        true
    }

    fn launch(self: &Arc<Self>, parcel: Arc<Parcel>) {
        let open = self.outbox.open();
        let shop = Arc::clone(self);
        self.around.tasks.spawn(async move {
            let _open = open;
            shop.deliver(&parcel).await;
        });
    }

    async fn deliver(&self, parcel: &Parcel) {
        let sender = &self.around.sender;
        if self.attempt(parcel).await {
            return;
        }
        for gap in sender.gaps.iter() {
            self.around.clock.sleep(gap).await;
            if self.attempt(parcel).await {
                return;
            }
        }
        self.outbox.gave_up(&parcel.webhook_id);
        log::info!(
            "{}: {} could not be delivered; its subscription ends",
            self.domain,
            parcel.topic
        );
        write(&self.subscriptions)
            .retain(|subscription| Some(subscription.id) != parcel.subscription);
    }

    async fn attempt(&self, parcel: &Parcel) -> bool {
        // An error is impossible: nobody closes the semaphore.
        let _lane = self.lanes.acquire().await;
        let status = self.around.sender.send(parcel).await;
        self.outbox.tried(&parcel.webhook_id, status);
        status.is_some_and(|status| (200..300).contains(&status))
    }
}
