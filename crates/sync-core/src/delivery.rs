//! Defines webhook deliveries whose signature has been verified.

use crate::Timestamp;
use crate::item::{ItemId, ItemKey, ItemKind};
use crate::shop::ShopDomain;

/// `X-Shopify-Webhook-Id`: identifies one event for one subscription and stays the same when Shopify retries. The
/// idempotency key of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub String);

/// One verified webhook delivery. Its body only names what changed and is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The shop that sent it.
    pub shop: ShopDomain,
    /// The idempotency key.
    pub id: DeliveryId,
    /// The webhook topic, such as `products/update`.
    pub topic: String,
    /// `X-Shopify-Event-Id`: the same for all deliveries that one action of the merchant caused.
    pub event_id: Option<String>,
    /// When the action happened (`X-Shopify-Triggered-At`).
    pub triggered_at: Option<Timestamp>,
    /// When this service received it.
    pub received_at: Timestamp,
    /// What the delivery is about.
    pub subject: DeliverySubject,
}

/// What a delivery is about, derived from its topic and body without a request to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliverySubject {
    /// An item was created, changed or deleted.
    Item(ItemKey),
    /// The app was uninstalled from the shop.
    Uninstalled,
    /// The shop's data must be erased (`shop/redact`, sent 48 hours after an uninstallation).
    Redact,
    /// The granted access scopes changed.
    Scopes,
    /// Nothing that this service stores, such as a customer data request.
    Nothing,
}

impl DeliverySubject {
    /// The item of `kind` with this number, or [`DeliverySubject::Nothing`] if the number is out of
    /// range.
    pub fn item(kind: ItemKind, number: u64) -> Self {
        ItemId::new(number).map_or(Self::Nothing, |id| Self::Item(ItemKey::new(kind, id)))
    }
}
