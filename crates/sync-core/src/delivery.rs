//! Webhook deliveries, once their signature is known to be right.

use crate::Timestamp;
use crate::item::{ItemId, ItemKey, ItemKind};
use crate::shop::ShopDomain;

/// `X-Shopify-Webhook-Id`: one subscription's copy of one event, constant over its retries. The key by which
/// repeated deliveries are told from new ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub String);

/// One verified webhook arrival. Its body is a hint only and is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The shop it speaks of.
    pub shop: ShopDomain,
    /// Its idempotency key.
    pub id: DeliveryId,
    /// `products/update` and so on.
    pub topic: String,
    /// The same for all deliveries that one action of the merchant caused.
    pub event_id: Option<String>,
    /// When the action happened.
    pub triggered_at: Option<Timestamp>,
    /// When it reached us.
    pub received_at: Timestamp,
    /// What its body names.
    pub subject: DeliverySubject,
}

/// What a delivery is about, as far as it can be told without asking the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliverySubject {
    /// An item changed, appeared or went away.
    Item(ItemKey),
    /// The app was removed from the shop.
    Uninstalled,
    /// The shop's data must be erased (48 hours after an uninstallation).
    Redact,
    /// The granted permissions changed.
    Scopes,
    /// Nothing that this service keeps: customer data requests and the like.
    Nothing,
}

impl DeliverySubject {
    /// The item of `kind` with this number, or [`DeliverySubject::Nothing`] when no such item can exist.
    pub fn item(kind: ItemKind, number: u64) -> Self {
        ItemId::new(number).map_or(Self::Nothing, |id| Self::Item(ItemKey::new(kind, id)))
    }
}
