//! What the shop tells its apps.

pub(crate) mod body;
mod delivery;
mod outbox;
mod sender;
pub(crate) mod subscription;

pub use delivery::{Delivery, DeliveryState};
pub(crate) use outbox::{Outbox, Release};
pub(crate) use sender::{Parcel, RetryGaps, Sender};
