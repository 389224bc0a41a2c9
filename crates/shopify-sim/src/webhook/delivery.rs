//! Defines a delivery as tests see it.

use serde::Serialize;

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryState {
    /// It is queued, in flight, or waiting for a retry.
    Pending,
    /// It is held until deliveries are released.
    Held,
    /// The app has responded with 2xx.
    Delivered,
    /// All attempts have failed.
    Failed,
    /// It was dropped on request.
    Dropped,
}

/// One delivery to one subscription.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// `X-Shopify-Webhook-Id`: the same in all attempts.
    pub webhook_id: String,
    /// `X-Shopify-Event-Id`: the same for all deliveries caused by one action of the merchant.
    pub event_id: String,
    /// The topic, such as `products/update`.
    pub topic: String,
    /// The address.
    pub address: String,
    /// The state.
    pub state: DeliveryState,
    /// The number of attempts.
    pub attempts: u32,
    /// The HTTP status of the last response; `None` if there was none.
    pub last_status: Option<u16>,
}
