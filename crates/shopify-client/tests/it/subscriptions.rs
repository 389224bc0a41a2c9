//! Tests listing, creating, updating and deleting webhook subscriptions.

use serde_json::{Value, json};
use shopify_client::model::{NewSubscription, Subscription};
use shopify_client::webhook::topic_name;
use shopify_client::{Error, Gid};

use crate::catalogue::gid;
use crate::script::{Script, data};

fn subscription(number: u64, topic: &str) -> Value {
    json!({
        "id": gid("WebhookSubscription", number),
        "topic": topic,
        "uri": "https://app.example/shopify/webhook",
        "format": "JSON",
        "filter": "",
        "includeFields": [],
    })
}

fn wanted() -> NewSubscription {
    NewSubscription {
        uri: "https://app.example/shopify/webhook".to_owned(),
        include_fields: vec!["id".to_owned(), "updated_at".to_owned()],
    }
}

fn model(value: &Value) -> Subscription {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test]
async fn all_pages_of_subscriptions_are_listed() {
    let script = Script::start().await;
    let page = |numbers: &[u64], next: Option<&str>| {
        let nodes: Vec<_> = numbers
            .iter()
            .map(|n| subscription(*n, "DRAGONS_HATCH"))
            .collect();
        let info = json!({ "hasNextPage": next.is_some(), "endCursor": next });
        data(&json!({ "webhookSubscriptions": { "nodes": nodes, "pageInfo": info } }))
    };
    script
        .then("WebhookSubscriptionsPage", page(&[1, 2], Some("a")))
        .then("WebhookSubscriptionsPage", page(&[3], None));
    let all = script.shop().webhook_subscriptions().await.unwrap();
    let numbers: Vec<_> = all.iter().map(|one| one.id.number()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(topic_name(&all[0].topic), "dragons/hatch");
    let requests = script.finish();
    assert!(requests[0].variables.get("after").is_none());
    assert_eq!(requests[1].variables["after"], "a");
}

#[tokio::test]
async fn subscriptions_are_created_for_any_topic() {
    for (topic, constant) in [
        ("products/update", "PRODUCTS_UPDATE"),
        ("dragons/hatch", "DRAGONS_HATCH"),
        ("PRODUCTS_UPDATE", "PRODUCTS_UPDATE"),
    ] {
        let script = Script::start().await;
        let created = subscription(9, constant);
        let response = json!({ "webhookSubscription": created, "userErrors": [] });
        script.then(
            "WebhookSubscriptionCreate",
            data(&json!({ "webhookSubscriptionCreate": response })),
        );
        let shop = script.shop();
        let outcome = shop.create_webhook_subscription(topic, &wanted()).await;
        assert_eq!(outcome.unwrap(), model(&created));
        let expected = json!({
            "topic": constant,
            "subscription": {
                "uri": "https://app.example/shopify/webhook",
                "format": "JSON",
                "includeFields": ["id", "updated_at"],
            },
        });
        assert_eq!(script.finish()[0].variables, expected);
    }
}

#[tokio::test]
async fn a_subscription_is_updated_and_deleted() {
    let script = Script::start().await;
    let changed = subscription(9, "PRODUCTS_UPDATE");
    let updated = json!({ "webhookSubscription": changed, "userErrors": [] });
    let id = Gid::new("WebhookSubscription", 9);
    let deleted = json!({ "deletedWebhookSubscriptionId": id, "userErrors": [] });
    script
        .then(
            "WebhookSubscriptionUpdate",
            data(&json!({ "webhookSubscriptionUpdate": updated })),
        )
        .then(
            "WebhookSubscriptionDelete",
            data(&json!({ "webhookSubscriptionDelete": deleted })),
        );
    let all_fields = NewSubscription {
        include_fields: Vec::new(),
        ..wanted()
    };
    let shop = script.shop();
    let outcome = shop.update_webhook_subscription(&id, &all_fields).await;
    assert_eq!(outcome.unwrap(), model(&changed));
    shop.delete_webhook_subscription(&id).await.unwrap();
    let requests = script.finish();
    assert_eq!(requests[0].variables["id"], id.as_str());
    assert_eq!(
        requests[0].variables["subscription"]["includeFields"],
        json!([])
    );
    assert_eq!(requests[1].variables, json!({ "id": id }));
}

#[tokio::test]
async fn a_rejection_contains_the_reason() {
    let script = Script::start().await;
    let rejection = json!({
        "webhookSubscription": null,
        "userErrors": [
            { "field": ["webhookSubscription", "uri"], "message": "Address is not allowed" },
            { "field": null, "message": "another message" },
        ],
    });
    let name = "WebhookSubscriptionCreate";
    script.then(
        name,
        data(&json!({ "webhookSubscriptionCreate": rejection })),
    );
    let shop = script.shop();
    let error = shop
        .create_webhook_subscription("products/update", &wanted())
        .await
        .unwrap_err();
    let Error::UserErrors { operation, errors } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((*operation, errors.len()), (name, 2));
    assert!(error.to_string().contains("Address is not allowed"));
    assert!(!error.is_retryable());
    script.finish();
}

#[tokio::test]
async fn a_mutation_with_an_empty_result_is_an_error() {
    let script = Script::start().await;
    let empty = json!({ "deletedWebhookSubscriptionId": null, "userErrors": [] });
    let response = json!({ "webhookSubscriptionDelete": empty });
    script.then("WebhookSubscriptionDelete", data(&response));
    let id = Gid::new("WebhookSubscription", 9);
    let error = script
        .shop()
        .delete_webhook_subscription(&id)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    script.finish();
}
