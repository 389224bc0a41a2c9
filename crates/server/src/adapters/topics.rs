//! Webhook topics: which ones this service needs, and what a delivery of each is about.

use serde::Deserialize;
use serde_json::value::RawValue;
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

/// The body is not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a JSON object")]
pub struct NotAnObject;

/// The few members that tell what a delivery is about.
#[derive(Deserialize, Default)]
struct Hint<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    admin_graphql_api_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    inventory_item_id: Option<&'a RawValue>,
}

/// What a delivery is about. Topics that this service does not know are about nothing.
///
/// # Errors
/// If the body is not a JSON object.
pub fn subject(topic: &str, body: &[u8]) -> Result<Subject, NotAnObject> {
    // A struct is also read from a JSON array, so the brace is looked at first.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(NotAnObject);
    }
    let hint: Hint<'_> = serde_json::from_slice(body).map_err(|_| NotAnObject)?;
    let own = number(hint.id).or_else(|| number(hint.admin_graphql_api_id));
    let named = |kind, number: Option<u64>| {
        number.map_or(Subject::Nothing, |number| Subject::item(kind, number))
    };
    let (resource, action) = topic.split_once('/').unwrap_or((topic, ""));
    Ok(match (resource, action) {
        ("products", _) => named(ItemKind::Product, own),
        ("collections", _) => named(ItemKind::Collection, own),
        ("locations", _) => named(ItemKind::Location, own),
        // `redeem_code` has an id of its own; the discount's is the gid.
        ("discounts", _) => {
            let discount = number(hint.admin_graphql_api_id).or(own);
            named(ItemKind::Discount, discount)
        }
        ("inventory_items", _) => named(ItemKind::InventoryItem, own),
        ("inventory_levels", _) => named(ItemKind::InventoryItem, number(hint.inventory_item_id)),
        ("shop", "redact") => Subject::Redact,
        ("shop" | "domains", _) => Subject::Item(ItemKey::SHOP),
        ("app", "uninstalled") => Subject::Uninstalled,
        ("app", "scopes_update") => Subject::Scopes,
        _ => Subject::Nothing,
    })
}

/// A number, a text of digits, or the number at the end of a global id.
fn number(value: Option<&RawValue>) -> Option<u64> {
    let text = value?.get().trim_matches('"');
    let digits = text.rsplit('/').next()?;
    let digits = digits.split('?').next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: ItemKind, id: u64) -> Subject {
        Subject::item(kind, id)
    }

    #[test]
    fn bodies_name_their_item() {
        use ItemKind::{Collection, Discount, InventoryItem, Location, Product};
        for (topic, body, expected) in [
            (
                "products/update",
                r#"{"id":788032119674292922,"title":"T"}"#,
                item(Product, 788_032_119_674_292_922),
            ),
            ("products/delete", r#" {"id":"12"}"#, item(Product, 12)),
            (
                "collections/create",
                r#"{"admin_graphql_api_id":"gid://shopify/Collection/7"}"#,
                item(Collection, 7),
            ),
            (
                "discounts/update",
                r#"{"admin_graphql_api_id":"gid://shopify/DiscountCodeNode/9","title":"x"}"#,
                item(Discount, 9),
            ),
            (
                "discounts/redeemcode_added",
                r#"{"admin_graphql_api_id":"gid://shopify/DiscountCodeNode/9","redeem_code":{"id":1}}"#,
                item(Discount, 9),
            ),
            (
                "inventory_levels/update",
                r#"{"inventory_item_id":5,"location_id":6}"#,
                item(InventoryItem, 5),
            ),
            (
                "inventory_levels/update",
                r#"{"inventory_item_id":5,"admin_graphql_api_id":"gid://shopify/InventoryLevel/1?inventory_item_id=5"}"#,
                item(InventoryItem, 5),
            ),
            (
                "inventory_items/update",
                r#"{"id":5}"#,
                item(InventoryItem, 5),
            ),
            ("locations/activate", r#"{"id":6}"#, item(Location, 6)),
            ("shop/update", r#"{"id":1}"#, Subject::Item(ItemKey::SHOP)),
            ("domains/update", "{}", Subject::Item(ItemKey::SHOP)),
            (
                "app/uninstalled",
                r#"{"domain":null}"#,
                Subject::Uninstalled,
            ),
            ("app/scopes_update", "{}", Subject::Scopes),
            ("shop/redact", r#"{"shop_id":1}"#, Subject::Redact),
            (
                "customers/redact",
                r#"{"customer":{"id":1}}"#,
                Subject::Nothing,
            ),
            ("customers/data_request", "{}", Subject::Nothing),
            ("orders/create", r#"{"id":1}"#, Subject::Nothing),
            // The seed's own test delivery.
            (
                "products/update",
                r#"{"product":{"id":12345,"title":"Test Product"}}"#,
                Subject::Nothing,
            ),
            ("products/update", r#"{"id":null}"#, Subject::Nothing),
            ("products/update", r#"{"id":-1}"#, Subject::Nothing),
            (
                "products/update",
                r#"{"id":18446744073709551615}"#,
                Subject::Nothing,
            ),
        ] {
            assert_eq!(
                subject(topic, body.as_bytes()),
                Ok(expected),
                "{topic} {body}"
            );
        }
    }

    #[test]
    fn other_bodies_are_refused() {
        for body in [
            "",
            " ",
            "null",
            "1",
            "[]",
            "[1,2,3]",
            "\"x\"",
            "{",
            "{}x",
            "{\"id\":}",
            "<xml/>",
        ] {
            let refused = subject("products/update", body.as_bytes());
            assert_eq!(refused, Err(NotAnObject), "{body}");
        }
        assert_eq!(subject("products/update", b"\xff{}"), Err(NotAnObject));
    }

    #[test]
    fn every_subscribed_topic_but_one_has_a_meaning() {
        let body = br#"{"id":1,"inventory_item_id":1}"#;
        for topic in SUBSCRIBED
            .into_iter()
            .filter(|topic| *topic != "bulk_operations/finish")
        {
            assert_ne!(subject(topic, body), Ok(Subject::Nothing), "{topic}");
        }
        let mut unique = SUBSCRIBED.to_vec();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), SUBSCRIBED.len());
    }
}
