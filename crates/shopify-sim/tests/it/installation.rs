//! Tests uninstalling, revoked tokens, changed scopes and compliance webhooks.

use serde_json::json;
use shopify_sim::ComplianceTopic;

use crate::receiver::Receiver;
use crate::world::{SCOPES, World};

#[tokio::test]
async fn uninstalling_revokes_tokens_at_once_and_is_announced() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let granted = world.install().await;
    let token = granted["access_token"].as_str().unwrap();
    let input = json!({"uri": receiver.address});
    world.subscribe("APP_UNINSTALLED", input.clone()).await;
    world.subscribe("PRODUCTS_UPDATE", input).await;

    assert!(world.shop.uninstall());
    assert!(!world.accepts_token(token).await);
    let (status, _) = world
        .token_request(
            json!({"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}),
        )
        .await;
    assert_eq!(status, 400);
    world.shop.settled().await;
    assert_eq!(receiver.topics(), ["app/uninstalled"]);
    assert_eq!(world.shop.subscriptions(), []);
    assert!(!world.shop.uninstall(), "it is already uninstalled");

    let again = world.install().await;
    assert!(
        world
            .accepts_token(again["access_token"].as_str().unwrap())
            .await
    );
}

#[tokio::test]
async fn revoked_tokens_are_invalid_while_the_app_stays_installed() {
    let world = World::start().await;
    let granted = world.install().await;
    let lasting = world.token();
    world.shop.revoke_tokens();
    assert!(
        !world
            .accepts_token(granted["access_token"].as_str().unwrap())
            .await
    );
    assert!(!world.accepts_token(&lasting).await);
    assert!(world.shop.installed_scopes().is_some());
}

#[tokio::test]
async fn changed_scopes_are_announced() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    world.install().await;
    let input = json!({"uri": receiver.address});
    world.subscribe("APP_SCOPES_UPDATE", input).await;
    // The login requested two scopes; this grant gives all scopes of the app.
    let request = json!({"grant_type": "client_credentials"});
    assert_eq!(world.token_request(request).await.0, 200);
    world.shop.settled().await;
    assert_eq!(receiver.topics(), ["app/scopes_update"]);
    let body = receiver.received()[0].json();
    assert_eq!(body["previous"], json!(["read_products", "read_inventory"]));
    assert_eq!(body["current"], json!(SCOPES));
}

#[tokio::test]
async fn compliance_webhooks_go_to_the_given_address() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    for topic in [
        ComplianceTopic::CustomersDataRequest,
        ComplianceTopic::CustomersRedact,
        ComplianceTopic::ShopRedact,
    ] {
        world
            .shop
            .send_compliance_webhook(topic, &receiver.address)
            .unwrap();
        world.shop.settled().await;
    }
    assert_eq!(
        receiver.topics(),
        ["customers/data_request", "customers/redact", "shop/redact"]
    );
    let body = receiver.received()[2].json();
    assert_eq!(body["shop_domain"], "example.myshopify.com");
    let rejected = world
        .shop
        .send_compliance_webhook(ComplianceTopic::ShopRedact, "mailto:me");
    assert!(rejected.is_err());
}
