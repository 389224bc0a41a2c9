//! Tests webhook subscriptions: mutations, filters and included fields.

use serde_json::{Value, json};

use super::{EMPTY, NOW, Shop, at};
use crate::catalog::change::Event;

const CREATE: &str = "mutation($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri format name filter includeFields metafieldNamespaces apiVersion { handle supported } createdAt }
    userErrors { field message }
  }
}";
const UPDATE: &str = "mutation($id: ID!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $sub) { webhookSubscription { id uri filter includeFields } userErrors { field message } }
}";
const DELETE: &str = "mutation($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } } }";
const LIST: &str = "query($topics: [WebhookSubscriptionTopic!]) { webhookSubscriptions(first: 9, topics: $topics) { nodes { id topic } } webhookSubscriptionsCount { count precision } }";

fn create(shop: &mut Shop, topic: &str, sub: &Value) -> Value {
    let data = shop.query(CREATE, json!({"topic": topic, "sub": sub}));
    at(&data, "/webhookSubscriptionCreate").clone()
}

fn created(shop: &mut Shop, topic: &str, sub: &Value) -> String {
    let payload = create(shop, topic, sub);
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    at(&payload, "/webhookSubscription/id")
        .as_str()
        .unwrap()
        .to_owned()
}

fn user_error(payload: &Value) -> (Value, String) {
    let error = at(payload, "/userErrors/0");
    let message = error["message"].as_str().unwrap();
    (error["field"].clone(), message.to_owned())
}

#[test]
fn subscriptions_are_created_listed_updated_and_deleted() {
    let mut shop = Shop::small();
    let sub = json!({"uri": "https://app.example/hook", "name": "products", "includeFields": ["id", "updated_at"]});
    let payload = create(&mut shop, "PRODUCTS_UPDATE", &sub);
    let subscription = &payload["webhookSubscription"];
    let id = subscription["id"].clone();
    assert_eq!(subscription["topic"], "PRODUCTS_UPDATE");
    assert_eq!(subscription["uri"], "https://app.example/hook");
    assert_eq!(subscription["format"], "JSON");
    assert_eq!(subscription["name"], "products");
    assert_eq!(subscription["includeFields"], json!(["id", "updated_at"]));
    assert_eq!(
        subscription["apiVersion"],
        json!({"handle": "2026-10", "supported": true})
    );
    assert_eq!(subscription["createdAt"], "2026-11-24T12:00:00Z");
    let other = created(
        &mut shop,
        "SHOP_UPDATE",
        &json!({"uri": "https://app.example/hook"}),
    );
    assert_ne!(id, json!(other));

    let listed = shop.query(LIST, EMPTY());
    assert_eq!(
        listed["webhookSubscriptions"]["nodes"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        listed["webhookSubscriptionsCount"],
        json!({"count": 2, "precision": "EXACT"})
    );
    let listed = shop.query(LIST, json!({"topics": ["SHOP_UPDATE"]}));
    assert_eq!(
        listed["webhookSubscriptions"]["nodes"],
        json!([{"id": other, "topic": "SHOP_UPDATE"}])
    );

    let change = json!({"id": id, "sub": {"uri": "https://app.example/other"}});
    let updated = shop.query(UPDATE, change);
    let updated = at(&updated, "/webhookSubscriptionUpdate/webhookSubscription");
    assert_eq!(updated["uri"], "https://app.example/other");
    assert_eq!(updated["includeFields"], json!(["id", "updated_at"]));

    let deleted = shop.query(DELETE, json!({"id": id}));
    assert_eq!(
        deleted["webhookSubscriptionDelete"],
        json!({"deletedWebhookSubscriptionId": id, "userErrors": []})
    );
    assert_eq!(shop.subscriptions.len(), 1);
    let again = shop.query(DELETE, json!({"id": id}));
    let again = at(&again, "/webhookSubscriptionDelete");
    assert_eq!(again["deletedWebhookSubscriptionId"], Value::Null);
    assert_eq!(user_error(again).0, json!(["id"]));
    let third = created(
        &mut shop,
        "PRODUCTS_UPDATE",
        &json!({"uri": "https://app.example/hook"}),
    );
    assert_ne!(json!(third), id, "numbers are not used again");
}

#[test]
fn invalid_subscriptions_get_user_errors() {
    let mut shop = Shop::small();
    created(
        &mut shop,
        "PRODUCTS_UPDATE",
        &json!({"uri": "https://app.example/hook"}),
    );
    for (topic, sub, field, message) in [
        (
            "PRODUCTS_UPDATE",
            json!({"uri": "https://app.example/hook"}),
            "uri",
            "Address for this topic has already been taken",
        ),
        (
            "PRODUCTS_DELETE",
            json!({}),
            "uri",
            "Address can't be blank",
        ),
        (
            "PRODUCTS_DELETE",
            json!({"uri": "nowhere"}),
            "uri",
            "Address is invalid",
        ),
        (
            "PRODUCTS_DELETE",
            json!({"uri": "ftp://app.example"}),
            "uri",
            "Address is invalid",
        ),
        (
            "PRODUCTS_DELETE",
            json!({"uri": "http://app.example/hook"}),
            "uri",
            "Address protocol http:// is not supported",
        ),
        (
            "PRODUCTS_DELETE",
            json!({"uri": "pubsub://project:topic"}),
            "uri",
            "The simulator delivers to https addresses only",
        ),
        (
            "PRODUCTS_DELETE",
            json!({"uri": "https://a.example", "filter": "no field"}),
            "filter",
            "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on.",
        ),
    ] {
        let payload = create(&mut shop, topic, &sub);
        assert_eq!(payload["webhookSubscription"], Value::Null);
        let expected = (json!(["webhookSubscription", field]), message.to_owned());
        assert_eq!(user_error(&payload), expected);
    }
    assert_eq!(shop.subscriptions.len(), 1);
    for uri in [
        "http://localhost:5000/shopify/webhook",
        "http://127.0.0.1:1/",
        "http://[::1]:1/",
    ] {
        created(&mut shop, "PRODUCTS_DELETE", &json!({ "uri": uri }));
    }
    shop.scopes.retain(|scope| scope != "read_discounts");
    let payload = create(
        &mut shop,
        "DISCOUNTS_CREATE",
        &json!({"uri": "https://a.example"}),
    );
    assert_eq!(user_error(&payload).0, json!(["topic"]));
}

#[test]
fn two_mutations_in_one_request_see_each_other() {
    let mut shop = Shop::small();
    let one = "webhookSubscriptionCreate(topic: SHOP_UPDATE, webhookSubscription: {uri: \"https://a.example\"}) { userErrors { message } }";
    let data = shop.query(&format!("mutation {{ a: {one} b: {one} }}"), EMPTY());
    assert_eq!(data["a"]["userErrors"], json!([]));
    assert_eq!(data["b"]["userErrors"].as_array().unwrap().len(), 1);
}

#[test]
fn unsupported_subscriptions_are_reported_as_not_simulated() {
    let mut shop = Shop::small();
    for sub in [
        json!({"format": "XML"}),
        json!({"metafieldNamespaces": ["custom"]}),
    ] {
        let errors = shop.query_errors(CREATE, json!({"topic": "SHOP_UPDATE", "sub": sub}));
        assert_eq!(errors[0]["extensions"]["code"], "NOT_SIMULATED");
    }
}

fn event() -> Event {
    let body = json!({
        "id": 7, "title": "Lamp", "updated_at": "2026-11-24T12:00:00Z",
        "variants": [{"id": 1, "price": "9.50", "sku": "A"}, {"id": 2, "price": "30.00", "sku": null}],
    });
    Event::new("products/update", body)
}

#[test]
fn a_filter_decides_what_is_delivered() {
    let mut shop = Shop::small();
    for (filter, fields, expected) in [
        (None, None, true),
        (Some("title:Lamp"), None, true),
        (Some("title:lamp"), None, false),
        (Some("title:La*"), None, true),
        (Some("variants.price:>=30"), None, true),
        (Some("variants.price:>30"), None, false),
        (Some("id:7 AND variants.sku:A"), None, true),
        (Some("id:8 OR variants.sku:A"), None, true),
        (Some("updated_at:>2026-11-24"), None, true),
        (Some("colour:red"), None, false),
        (Some("title:Lamp"), Some(json!(["id"])), false),
        (Some("title:Lamp"), Some(json!(["id", "title"])), true),
    ] {
        let sub = json!({"uri": "https://a.example", "filter": filter, "includeFields": fields});
        created(&mut shop, "PRODUCTS_UPDATE", &sub);
        let subscription = shop.subscriptions.pop().unwrap();
        assert_eq!(subscription.matches_event(&event()), expected, "{filter:?}");
        assert!(!subscription.matches_event(&Event::new("products/create", event().body)));
        assert_eq!(
            (subscription.topic_path().as_str(), subscription.created_at),
            ("products/update", NOW)
        );
    }
}

#[test]
fn only_included_fields_are_delivered() {
    let mut shop = Shop::small();
    let sub =
        json!({"uri": "https://a.example", "includeFields": ["id", "variants.price", "gone"]});
    created(&mut shop, "PRODUCTS_UPDATE", &sub);
    let body = shop.subscriptions[0].body(&event());
    let expected = json!({"id": 7, "variants": [{"price": "9.50"}, {"price": "30.00"}]});
    assert_eq!(body, expected);
}

#[test]
fn every_topic_is_known_by_both_of_its_names() {
    let mut shop = Shop::small();
    for (index, path) in [
        "app/scopes_update",
        "app/uninstalled",
        "bulk_operations/finish",
        "collections/create",
        "collections/delete",
        "collections/update",
        "discounts/create",
        "discounts/delete",
        "discounts/redeemcode_added",
        "discounts/redeemcode_removed",
        "discounts/update",
        "inventory_items/create",
        "inventory_items/delete",
        "inventory_items/update",
        "inventory_levels/connect",
        "inventory_levels/disconnect",
        "inventory_levels/update",
        "locations/activate",
        "locations/create",
        "locations/deactivate",
        "locations/delete",
        "locations/update",
        "products/create",
        "products/delete",
        "products/update",
        "shop/update",
        "company_contact_roles/assign",
    ]
    .into_iter()
    .enumerate()
    {
        let topic = path.replace('/', "_").to_uppercase();
        created(&mut shop, &topic, &json!({"uri": "https://a.example"}));
        let subscription = &shop.subscriptions[index];
        assert_eq!(subscription.topic_path(), path);
        assert!(subscription.matches_event(&Event::new(path, json!({}))));
    }
}
