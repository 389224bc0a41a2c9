//! What can be seen of a delivery from outside.

use serde::Serialize;

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryState {
    /// It waits for its turn, is being sent, or waits for the next try.
    Pending,
    /// It waits until deliveries are released.
    Held,
    /// The app answered 2xx.
    Delivered,
    /// All tries have failed.
    Failed,
    /// It was lost on purpose.
    Dropped,
}

/// One message to one subscription.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// `X-Shopify-Webhook-Id`: the same in all tries.
    pub webhook_id: String,
    /// `X-Shopify-Event-Id`: the same for all that one action of the merchant caused.
    pub event_id: String,
    /// The topic, such as `products/update`.
    pub topic: String,
    /// Where it goes.
    pub address: String,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// The last answer's HTTP status; `None` when none came.
    pub last_status: Option<u16>,
}
