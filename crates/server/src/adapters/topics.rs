//! Lists the webhook topics that the service subscribes to, and converts a delivery's payload into its subject.

use shopify_client::webhook::{Payload, Topic};
use sync_core::{DeliverySubject, ItemKey, ItemKind};

/// The topics subscribed to for every shop. Compliance topics are not included: Shopify reads those from the app's
/// configuration only.
pub const SUBSCRIBED: [&str; 27] = [
    "products/create",
    "products/update",
    "products/delete",
    "inventory_levels/update",
    "inventory_levels/connect",
    "inventory_levels/disconnect",
    "inventory_items/update",
    "inventory_items/delete",
    "discounts/create",
    "discounts/update",
    "discounts/delete",
    "discounts/redeemcode_added",
    "discounts/redeemcode_removed",
    "collections/create",
    "collections/update",
    "collections/delete",
    "locations/create",
    "locations/update",
    "locations/activate",
    "locations/deactivate",
    "locations/delete",
    "shop/update",
    "domains/create",
    "domains/update",
    "app/uninstalled",
    "app/scopes_update",
    "bulk_operations/finish",
];

/// The subject of a delivery: what it requests work for.
pub fn subject(topic: &Topic, payload: &Payload) -> DeliverySubject {
    match payload {
        Payload::Product { id, .. } => DeliverySubject::item(ItemKind::Product, *id),
        Payload::Collection { id, .. } => DeliverySubject::item(ItemKind::Collection, *id),
        Payload::Discount { gid, .. } => DeliverySubject::item(ItemKind::Discount, gid.number()),
        Payload::InventoryItem { id, .. } => DeliverySubject::item(ItemKind::InventoryItem, *id),
        Payload::InventoryLevel {
            inventory_item_id, ..
        } => DeliverySubject::item(ItemKind::InventoryItem, *inventory_item_id),
        Payload::Location { id } => DeliverySubject::item(ItemKind::Location, *id),
        Payload::ShopRedact { .. } => DeliverySubject::Redact,
        _ => subject_of_topic(topic),
    }
}

/// The subject of topics whose payload is not needed.
fn subject_of_topic(topic: &Topic) -> DeliverySubject {
    match topic {
        Topic::ShopUpdate | Topic::DomainsCreate | Topic::DomainsUpdate | Topic::DomainsDestroy => {
            DeliverySubject::Item(ItemKey::SHOP)
        }
        Topic::AppUninstalled => DeliverySubject::Uninstalled,
        Topic::AppScopesUpdate => DeliverySubject::Scopes,
        // The end of a bulk operation requests no work; `ShopifyApp::notify` wakes the task that waits for it.
        _ => DeliverySubject::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subscribed_topic_but_one_has_a_subject() {
        let body = r#"{"id":1,"admin_graphql_api_id":"gid://shopify/X/1","inventory_item_id":1,"location_id":1}"#;
        for topic in SUBSCRIBED {
            let subject = read(topic, body);
            let expected = topic == "bulk_operations/finish";
            assert_eq!(subject == DeliverySubject::Nothing, expected, "{topic}");
        }
        let mut unique = SUBSCRIBED.to_vec();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), SUBSCRIBED.len());
    }

    #[test]
    fn a_body_names_its_item() {
        let item = DeliverySubject::item;
        for (topic, body, expected) in [
            (
                "products/delete",
                r#"{"id":788032119674292922}"#,
                item(ItemKind::Product, 788_032_119_674_292_922),
            ),
            (
                "discounts/redeemcode_added",
                r#"{"admin_graphql_api_id":"gid://shopify/DiscountCodeNode/9","redeem_code":{"id":1}}"#,
                item(ItemKind::Discount, 9),
            ),
            (
                "inventory_levels/disconnect",
                r#"{"inventory_item_id":5,"location_id":6}"#,
                item(ItemKind::InventoryItem, 5),
            ),
            (
                "locations/update",
                r#"{"id":6}"#,
                item(ItemKind::Location, 6),
            ),
            ("shop/update", "{}", DeliverySubject::Item(ItemKey::SHOP)),
            (
                "domains/destroy",
                "{}",
                DeliverySubject::Item(ItemKey::SHOP),
            ),
            ("app/uninstalled", "{}", DeliverySubject::Uninstalled),
            ("app/scopes_update", "{}", DeliverySubject::Scopes),
            (
                "shop/redact",
                r#"{"shop_domain":"a.myshopify.com"}"#,
                DeliverySubject::Redact,
            ),
            ("shop/redact", "{}", DeliverySubject::Nothing),
            ("customers/redact", "{}", DeliverySubject::Nothing),
            ("products/update", "{}", DeliverySubject::Nothing),
        ] {
            assert_eq!(read(topic, body), expected, "{topic} {body}");
        }
    }

    #[test]
    fn ids_outside_the_item_range_have_no_subject() {
        let body = r#"{"id":18446744073709551615}"#;
        assert_eq!(read("products/update", body), DeliverySubject::Nothing);
    }

    fn read(topic: &str, body: &str) -> DeliverySubject {
        let topic = Topic::from(topic);
        subject(&topic, &Payload::read(&topic, body.as_bytes()).unwrap())
    }
}
