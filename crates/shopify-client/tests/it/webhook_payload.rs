//! Tests which ids and values are read from webhook bodies.

use shopify_client::webhook::{BulkStatus, Payload, Topic, WebhookError};
use shopify_client::{Gid, ShopDomain};

fn read(topic: &str, body: &str) -> Payload {
    Payload::read(&Topic::from(topic), body.as_bytes()).expect("a JSON object")
}

fn gid(text: &str) -> Gid {
    text.to_owned().try_into().expect("a global id")
}

fn domain() -> ShopDomain {
    ShopDomain::parse("a").expect("a domain")
}

#[test]
fn ids_beyond_2_to_the_53rd_stay_exact() {
    let body =
        r#"{"title":"x","id":18446744073709551615,"updated_at":"2026-11-24T07:00:00-05:00"}"#;
    let updated_at = Some("2026-11-24T12:00:00Z".parse().unwrap());
    let id = u64::MAX;
    for topic in ["products/create", "products/update"] {
        assert_eq!(read(topic, body), Payload::Product { id, updated_at });
    }
    let level = r#"{"inventory_item_id":9007199254740993,"location_id":9007199254740995,
        "available":null,"admin_graphql_api_id":"gid://shopify/InventoryLevel/7?inventory_item_id=1"}"#;
    assert_eq!(
        read("inventory_levels/update", level),
        Payload::InventoryLevel {
            inventory_item_id: 9_007_199_254_740_993,
            location_id: 9_007_199_254_740_995,
            updated_at: None,
        }
    );
}

#[test]
fn each_kind_of_item_is_named() {
    let updated_at = None;
    for (topic, body, expected) in [
        (
            "products/delete",
            r#"{"id":1}"#,
            Payload::Product { id: 1, updated_at },
        ),
        (
            "collections/delete",
            r#"{"admin_graphql_api_id":"gid://shopify/Collection/2"}"#,
            Payload::Collection { id: 2, updated_at },
        ),
        (
            "inventory_items/update",
            r#"{"id":"3"}"#,
            Payload::InventoryItem { id: 3, updated_at },
        ),
        (
            "locations/activate",
            r#"{"id":4}"#,
            Payload::Location { id: 4 },
        ),
        ("domains/destroy", r#"{"id":5}"#, Payload::Domain { id: 5 }),
        (
            "variants/out_of_stock",
            r#"{"id":6,"product_id":7,"inventory_item_id":8}"#,
            Payload::Variant {
                id: 6,
                product_id: Some(7),
                inventory_item_id: Some(8),
            },
        ),
        (
            "discounts/redeemcode_added",
            r#"{"admin_graphql_api_id":"gid://shopify/DiscountCodeNode/9","redeem_code":{"id":10,"code":"X"}}"#,
            Payload::Discount {
                gid: gid("gid://shopify/DiscountCodeNode/9"),
                redeem_code: Some(10),
                updated_at,
            },
        ),
    ] {
        assert_eq!(read(topic, body), expected, "{topic}");
    }
}

#[test]
fn values_that_cannot_be_read_again_are_extracted() {
    let scopes = r#"{"id":1,"previous":["read_products"],"current":["read_products","read_discounts"],
        "shop_id":"gid://shopify/Shop/1","updated_at":"2026-11-24T12:00:00Z"}"#;
    assert_eq!(
        read("app/scopes_update", scopes),
        Payload::Scopes {
            previous: vec!["read_products".to_owned()],
            current: vec!["read_products".to_owned(), "read_discounts".to_owned()],
            updated_at: Some("2026-11-24T12:00:00Z".parse().unwrap()),
        }
    );
    let bulk = |status: &str| {
        let body = format!(
            r#"{{"admin_graphql_api_id":"gid://shopify/BulkOperation/1","completed_at":"2026-11-24T12:00:00Z",
                "created_at":"2026-11-24T11:00:00Z","error_code":null,"status":"{status}","type":"query"}}"#
        );
        read("bulk_operations/finish", &body)
    };
    for (text, status) in [
        ("completed", BulkStatus::Completed),
        ("CANCELED", BulkStatus::Canceled),
        ("failed", BulkStatus::Failed),
        ("expired", BulkStatus::Expired),
        ("asleep", BulkStatus::Other("asleep".to_owned())),
    ] {
        assert_eq!(
            bulk(text),
            Payload::BulkOperation {
                gid: gid("gid://shopify/BulkOperation/1"),
                status,
                error_code: None,
                completed_at: Some("2026-11-24T12:00:00Z".parse().unwrap()),
            }
        );
    }
}

#[test]
fn compliance_bodies_name_their_shop_and_what_to_erase() {
    let request = r#"{"shop_id":954889,"shop_domain":"a.myshopify.com","orders_requested":[299938,280263],
        "customer":{"id":191167,"email":"john@example.com","phone":"555-625-1199"},"data_request":{"id":9999}}"#;
    let request = read("customers/data_request", request);
    assert_eq!(
        request,
        Payload::CustomersDataRequest {
            shop_id: Some(954_889),
            shop: domain(),
            customer_id: Some(191_167),
            data_request_id: Some(9999),
            orders: vec![299_938, 280_263],
        }
    );
    assert!(!format!("{request:?}").contains("john"));
    let redact = r#"{"shop_id":954889,"shop_domain":"a.myshopify.com","customer":{"id":191167},
        "orders_to_redact":[299938]}"#;
    assert_eq!(
        read("customers/redact", redact),
        Payload::CustomersRedact {
            shop_id: Some(954_889),
            shop: domain(),
            customer_id: Some(191_167),
            orders: vec![299_938],
        }
    );
    let redact = read(
        "shop/redact",
        r#"{"shop_id":1,"shop_domain":"a.myshopify.com"}"#,
    );
    assert_eq!(redact.shop_domain(), Some(&domain()));
}

#[test]
fn the_shop_in_a_body_may_be_missing() {
    for (topic, body, expected) in [
        (
            "app/uninstalled",
            r#"{"id":1,"myshopify_domain":"a.myshopify.com"}"#,
            Some(domain()),
        ),
        (
            "app/uninstalled",
            r#"{"id":1,"domain":null,"myshopify_domain":null}"#,
            None,
        ),
        (
            "shop/update",
            r#"{"id":1,"myshopify_domain":"a.myshopify.com"}"#,
            Some(domain()),
        ),
        ("products/update", r#"{"id":1}"#, None),
    ] {
        assert_eq!(
            read(topic, body).shop_domain(),
            expected.as_ref(),
            "{topic}"
        );
    }
}

/// Values that are not read are skipped without recursion.
#[test]
fn a_deep_body_is_read() {
    let deep = format!(
        r#"{{"x":{}1{},"id":2}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let expected = Payload::Product {
        id: 2,
        updated_at: None,
    };
    assert_eq!(read("products/update", &deep), expected);
}

#[test]
fn a_body_without_ids_is_other() {
    for (topic, body) in [
        ("products/update", "{}"),
        ("products/update", r#"{"id":-1}"#),
        ("products/update", r#"{"id":1.5}"#),
        ("products/update", r#"{"id":1e3}"#),
        ("products/update", r#"{"id":18446744073709551616}"#),
        ("products/update", r#"{"product":{"id":1}}"#),
        // The number of a level is not that of an inventory item.
        (
            "inventory_levels/update",
            r#"{"admin_graphql_api_id":"gid://shopify/InventoryLevel/7"}"#,
        ),
        ("products/update", r#"{"id":{"id":1}}"#),
        ("inventory_levels/update", r#"{"inventory_item_id":1}"#),
        ("discounts/update", r#"{"id":1}"#),
        (
            "shop/redact",
            r#"{"shop_id":1,"shop_domain":"evil.example"}"#,
        ),
        (
            "bulk_operations/finish",
            r#"{"admin_graphql_api_id":"gid://shopify/BulkOperation/1"}"#,
        ),
        ("app_subscriptions/update", r#"{"id":1}"#),
        ("dragons/hatch", r#"{"id":1}"#),
    ] {
        assert_eq!(read(topic, body), Payload::Other, "{topic} {body}");
    }
    for body in [
        "",
        "[]",
        "[1,2]",
        "1",
        "{",
        "null",
        "{\"a\":\"\u{0}\"}",
        "{} {}",
        " {}",
        r#"{"id":1,"id":2}"#,
        &format!("{{\"id\":{}", "[".repeat(100_000)),
    ] {
        let result = Payload::read(&Topic::ProductsUpdate, body.as_bytes());
        assert_eq!(result, Err(WebhookError::InvalidBody), "{body}");
    }
}
