//! Webhook topics: which ones this service needs, and what a delivery of each is about.

use shopify_client::webhook::Subject as Named;
use sync_core::{ItemKey, ItemKind, Subject};

/// The topics subscribed to for every shop. Compliance topics are not among them: Shopify takes those from the app's
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

/// What a delivery's body names, in the domain's words.
pub fn subject(named: Named) -> Subject {
    match named {
        Named::Product(id) => Subject::item(ItemKind::Product, id),
        Named::Collection(id) => Subject::item(ItemKind::Collection, id),
        Named::Discount(id) => Subject::item(ItemKind::Discount, id),
        Named::InventoryItem(id) => Subject::item(ItemKind::InventoryItem, id),
        Named::Location(id) => Subject::item(ItemKind::Location, id),
        Named::Shop => Subject::Item(ItemKey::SHOP),
        Named::Uninstalled => Subject::Uninstalled,
        Named::Scopes => Subject::Scopes,
        Named::Redact => Subject::Redact,
        // It asks for no work: `ShopifyApp::hear` tells those who wait.
        Named::BulkOperation | Named::Other => Subject::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subscribed_topic_but_one_has_a_meaning() {
        let body = br#"{"id":1,"admin_graphql_api_id":"gid://shopify/X/1","inventory_item_id":1}"#;
        for topic in SUBSCRIBED {
            let meaning = subject(Named::read(topic, body).unwrap());
            let expected = topic == "bulk_operations/finish";
            assert_eq!(meaning == Subject::Nothing, expected, "{topic}");
        }
        let mut unique = SUBSCRIBED.to_vec();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), SUBSCRIBED.len());
    }

    #[test]
    fn a_discounts_code_is_about_the_discount() {
        let body = br#"{"admin_graphql_api_id":"gid://shopify/DiscountCodeNode/9","redeem_code":{"id":1}}"#;
        let named = Named::read("discounts/redeemcode_added", body).unwrap();
        assert_eq!(subject(named), Subject::item(ItemKind::Discount, 9));
    }

    #[test]
    fn numbers_that_no_item_can_have_are_about_nothing() {
        assert_eq!(subject(Named::Product(u64::MAX)), Subject::Nothing);
    }
}
