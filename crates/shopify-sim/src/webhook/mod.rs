//! Announces events to the app by webhooks.

pub(crate) mod body;
mod delivery;
mod delivery_queue;
mod sender;
pub(crate) mod subscription;

pub use delivery::{Delivery, DeliveryState};
pub(crate) use delivery_queue::{DeliveryQueue, Release};
pub(crate) use sender::{QueuedDelivery, RetrySchedule, Sender};
