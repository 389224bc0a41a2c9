//! Defines the models of webhook subscriptions, existing and new.

use serde::{Deserialize, Serialize};

use crate::Gid;

/// A webhook subscription that was created through the API. Subscriptions in the app's configuration are not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// `gid://shopify/WebhookSubscription/…`
    pub id: Gid,
    /// The API's form of the topic, `PRODUCTS_UPDATE`; see [`crate::webhook::topic_name`].
    pub topic: String,
    /// The address of deliveries.
    pub uri: String,
    /// `JSON` or `XML`.
    pub format: String,
    /// Which events are delivered, if not all.
    pub filter: Option<String>,
    /// Which fields are delivered; all of them if it is empty.
    pub include_fields: Vec<String>,
}

/// The fields of a new or updated webhook subscription. Its format is JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSubscription {
    /// Where deliveries go: `https://…`, `pubsub://PROJECT:TOPIC` or an `EventBridge` ARN.
    pub uri: String,
    /// Limits the body to these fields; empty selects all fields. Shopify suppresses deliveries with equal bodies, so
    /// include `updated_at`.
    pub include_fields: Vec<String>,
}
