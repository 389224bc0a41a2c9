//! Provides sample values for tests.

use ring::digest::{SHA256, digest};
use secrecy::SecretString;
use sync_core::ports::Publication;
use sync_core::{
    ContentHash, Delivery, DeliveryId, DeliverySubject, Installation, Item, ItemId, ItemKey,
    ItemKind, Section, ShopDomain, Timestamp, Token,
};

/// The shop domain `name.myshopify.com`.
///
/// # Panics
/// If `name` is not a valid shop name.
pub fn shop(name: &str) -> ShopDomain {
    format!("{name}.myshopify.com")
        .parse()
        .expect("a shop's name")
}

/// Parses an RFC 3339 timestamp.
///
/// # Panics
/// If `text` is not one.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an RFC 3339 instant")
}

/// The key of the item of `kind` with this id.
///
/// # Panics
/// If `id` exceeds a signed 64-bit integer.
pub fn key(kind: ItemKind, id: u64) -> ItemKey {
    ItemKey::new(kind, ItemId::new(id).expect("an id"))
}

/// An item with this body, without denormalised fields or references, in its kind's usual section.
pub fn item(key: ItemKey, body: &str) -> Item {
    let section = match key.kind {
        ItemKind::Shop => Section::Shop,
        ItemKind::Location => Section::Locations,
        ItemKind::Product | ItemKind::InventoryItem => Section::Products,
        ItemKind::Collection => Section::Collections,
        ItemKind::Discount => Section::CodeDiscounts,
    };
    Item {
        key,
        section,
        body: body.to_owned(),
        hash: hash(body),
        updated_at: None,
        denorm_fields: String::new(),
        references: Vec::new(),
    }
}

/// A product whose title is its only denormalised field.
pub fn product(id: u64, title: &str) -> Item {
    let body = format!(r#"{{"id":"gid://shopify/Product/{id}","title":"{title}"}}"#);
    Item {
        denorm_fields: title.to_owned(),
        ..item(key(ItemKind::Product, id), &body)
    }
}

pub(crate) fn hash(body: &str) -> ContentHash {
    let digest = digest(&SHA256, body.as_bytes());
    let bytes = digest.as_ref().try_into();
    ContentHash(bytes.expect("SHA-256 has 32 bytes"))
}

/// An installation with an expiring token whose text contains the shop's name.
pub fn installation(shop: &ShopDomain, at: Timestamp) -> Installation {
    Installation {
        domain: shop.clone(),
        token: Token {
            access_token: SecretString::from(format!("shpat_{}", shop.name())),
            expires_at: Some(at + chrono::TimeDelta::hours(1)),
            refresh_token: Some(SecretString::from(format!("shprt_{}", shop.name()))),
            refresh_expires_at: Some(at + chrono::TimeDelta::days(90)),
        },
        scopes: vec!["read_products".to_owned(), "read_inventory".to_owned()],
        at,
    }
}

/// A delivery about `subject`.
pub fn delivery(shop: &ShopDomain, id: &str, subject: DeliverySubject, at: Timestamp) -> Delivery {
    Delivery {
        shop: shop.clone(),
        id: DeliveryId(id.to_owned()),
        topic: "products/update".to_owned(),
        event_id: None,
        triggered_at: Some(at),
        received_at: at,
        subject,
    }
}

/// A publication of a revision in the layout `single`.
pub fn publication(revision: u64) -> Publication {
    Publication {
        layout: "single".to_owned(),
        revision,
        generation: revision,
        key: "a.myshopify.com/shopify_data.json".to_owned(),
        hash: hash(&revision.to_string()),
        bytes: 48_211,
        version: Some("\"e-tag\"".to_owned()),
    }
}
