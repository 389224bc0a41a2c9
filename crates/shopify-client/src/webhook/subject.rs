use super::WebhookError;
use super::fields::{Fields, number};

/// What a body names, briefly: enough to read the thing again, and nothing that could be copied from a stale body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// `products/*`
    Product(u64),
    /// `collections/*`
    Collection(u64),
    /// `discounts/*`
    Discount(u64),
    /// `inventory_levels/*` and `inventory_items/*`
    InventoryItem(u64),
    /// `locations/*`
    Location(u64),
    /// `shop/update`, `domains/*`
    Shop,
    /// `app/uninstalled`
    Uninstalled,
    /// `app/scopes_update`
    Scopes,
    /// `shop/redact`
    Redact,
    /// `bulk_operations/finish`: one has ended; see [`Client::bulk_finished`](crate::Client::bulk_finished).
    BulkOperation,
    /// Any other topic, or a body that names nothing.
    Other,
}

impl Subject {
    /// Reads a body of the topic.
    ///
    /// # Errors
    /// [`WebhookError::InvalidBody`] if the body is not a JSON object.
    pub fn read(topic: &str, body: &[u8]) -> Result<Self, WebhookError> {
        let fields = Fields::read(body)?;
        let own = || fields.own_number();
        let resource = topic.split('/').next().unwrap_or_default();
        let named = match resource {
            "products" => own().map(Self::Product),
            "collections" => own().map(Self::Collection),
            "discounts" => own().map(Self::Discount),
            "inventory_items" => own().map(Self::InventoryItem),
            "inventory_levels" => number(fields.inventory_item_id).map(Self::InventoryItem),
            "locations" => own().map(Self::Location),
            "domains" => Some(Self::Shop),
            "bulk_operations" => Some(Self::BulkOperation),
            "shop" | "app" => match topic {
                "shop/update" => Some(Self::Shop),
                "shop/redact" => Some(Self::Redact),
                "app/uninstalled" => Some(Self::Uninstalled),
                "app/scopes_update" => Some(Self::Scopes),
                _ => None,
            },
            _ => None,
        };
        Ok(named.unwrap_or(Self::Other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_name_their_subject() {
        let large = 788_032_119_674_292_922;
        for (topic, body, expected) in [
            (
                "products/update",
                r#"{"id":788032119674292922}"#,
                Subject::Product(large),
            ),
            ("products/delete", r#"{"id":"12"}"#, Subject::Product(12)),
            (
                "collections/update",
                r#"{"admin_graphql_api_id":"gid://shopify/Collection/3"}"#,
                Subject::Collection(3),
            ),
            (
                "discounts/delete",
                r#"{"admin_graphql_api_id":"gid://shopify/DiscountAutomaticNode/4"}"#,
                Subject::Discount(4),
            ),
            (
                "inventory_levels/update",
                r#"{"inventory_item_id":5,"location_id":6,"available":null}"#,
                Subject::InventoryItem(5),
            ),
            (
                "inventory_items/delete",
                r#"{"id":5}"#,
                Subject::InventoryItem(5),
            ),
            // The level's own number is no item's.
            (
                "inventory_levels/update",
                r#"{"admin_graphql_api_id":"gid://shopify/InventoryLevel/7"}"#,
                Subject::Other,
            ),
            ("locations/update", r#"{"id":6}"#, Subject::Location(6)),
            ("shop/update", "{}", Subject::Shop),
            ("shop/redact", "{}", Subject::Redact),
            ("app/uninstalled", "{}", Subject::Uninstalled),
            ("app/scopes_update", "{}", Subject::Scopes),
            ("bulk_operations/finish", "{}", Subject::BulkOperation),
            ("customers/redact", "{}", Subject::Other),
            (
                "products/update",
                r#"{"product":{"id":12345}}"#,
                Subject::Other,
            ),
            ("products/update", r#"{"id":-1}"#, Subject::Other),
            ("products/update", r#"{"id":1.5}"#, Subject::Other),
            ("", "{}", Subject::Other),
        ] {
            assert_eq!(
                Subject::read(topic, body.as_bytes()),
                Ok(expected),
                "{topic} {body}"
            );
        }
        for body in ["", "[]", "1", "{", "null", "{\"a\":\"\u{0}\"}"] {
            let refused = Subject::read("products/update", body.as_bytes());
            assert_eq!(refused, Err(WebhookError::InvalidBody), "{body}");
        }
    }
}
