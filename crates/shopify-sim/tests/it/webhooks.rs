//! Tests webhook deliveries, their retries and their subscriptions.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shopify_sim::{DeliveryState, DiscountChange, ProductChange};

use crate::receiver::Receiver;
use crate::world::{SECRET, World};

async fn subscribed(topics: &[&str]) -> (World, Receiver) {
    let world = World::start().await;
    let app = Receiver::start().await;
    for topic in topics {
        let input = json!({"uri": app.address});
        world.subscribe(topic, input).await;
    }
    (world, app)
}

fn retitled(title: &str) -> ProductChange {
    ProductChange {
        title: Some(title.to_owned()),
        ..ProductChange::default()
    }
}

#[tokio::test]
async fn a_delivery_is_signed_and_has_all_of_shopifys_headers() {
    let (world, app) = subscribed(&["PRODUCTS_UPDATE"]).await;
    let id = world.shop.product_ids()[0];
    world.shop.update_product(id, &retitled("New")).unwrap();
    let received = &app.until(1).await[0];
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = STANDARD.encode(ring::hmac::sign(&key, &received.body));
    assert_eq!(received.header("x-shopify-hmac-sha256"), signature);
    assert_eq!(received.header("x-shopify-topic"), "products/update");
    assert_eq!(
        received.header("x-shopify-shop-domain"),
        "example.myshopify.com"
    );
    assert_eq!(received.header("x-shopify-api-version"), "2026-10");
    assert_eq!(received.header("x-shopify-webhook-id").len(), 36);
    assert_eq!(received.header("x-shopify-event-id").len(), 36);
    assert_eq!(
        received.header("x-shopify-triggered-at"),
        "2026-11-24T12:00:00.000000000Z"
    );
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.header("x-shopify-name"), "");
    let body = received.json();
    assert_eq!(body["id"], id);
    assert_eq!(body["title"], "New");
}

#[tokio::test]
async fn subscriptions_may_have_a_name_and_choose_fields() {
    let world = World::start().await;
    let app = Receiver::start().await;
    let fields = ["id", "updated_at"];
    let input = json!({"uri": app.address, "includeFields": fields, "name": "short"});
    world.subscribe("PRODUCTS_UPDATE", input).await;
    let id = world.shop.product_ids()[0];
    world.shop.set_price(id, None, "9.99").unwrap();
    let received = &app.until(1).await[0];
    assert_eq!(received.header("x-shopify-name"), "short");
    let updated = "2026-11-24T12:00:00Z";
    assert_eq!(received.json(), json!({"id": id, "updated_at": updated}));
}

#[tokio::test]
async fn each_change_is_delivered_to_each_subscription_once() {
    let (world, app) = subscribed(&[
        "PRODUCTS_CREATE",
        "PRODUCTS_UPDATE",
        "PRODUCTS_DELETE",
        "INVENTORY_LEVELS_UPDATE",
        "DISCOUNTS_CREATE",
        "COLLECTIONS_DELETE",
        "SHOP_UPDATE",
    ])
    .await;
    let shop = &world.shop;
    let id = shop.create_product(&retitled("Fresh")).unwrap();
    shop.settled().await;
    assert_eq!(app.topics(), ["products/create"]);
    let variant = &shop.products(100).pop().unwrap().variants[0];
    assert_eq!(
        shop.products(100).pop().unwrap().id,
        *shop.product_ids().last().unwrap()
    );
    shop.set_available(variant.inventory_item_id, shop.location_ids()[0], 7)
        .unwrap();
    shop.delete_product(id).unwrap();
    shop.create_discount(&DiscountChange::default()).unwrap();
    shop.delete_collection(shop.collection_ids()[0]).unwrap();
    shop.rename_shop("Other").unwrap();
    shop.settled().await;
    let mut topics = app.topics();
    topics.sort();
    assert_eq!(
        topics,
        [
            "collections/delete",
            "discounts/create",
            "inventory_levels/update",
            "products/create",
            "products/delete",
            "products/update",
            "shop/update"
        ]
    );
    let received = app.received();
    let ids: HashSet<_> = received
        .iter()
        .map(|each| each.header("x-shopify-webhook-id"))
        .collect();
    assert_eq!(ids.len(), received.len());
    // One action, two topics: the same event id.
    let event = |topic: &str| {
        let found = received
            .iter()
            .find(|each| each.header("x-shopify-topic") == topic);
        found.unwrap().header("x-shopify-event-id").to_owned()
    };
    assert_eq!(event("inventory_levels/update"), event("products/update"));
    assert_ne!(event("products/create"), event("products/delete"));
}

#[tokio::test]
async fn changes_without_webhooks_are_not_announced() {
    let (world, app) = subscribed(&["PRODUCTS_UPDATE"]).await;
    let id = world.shop.product_ids()[0];
    world
        .shop
        .without_webhooks()
        .update_product(id, &retitled("Quiet"))
        .unwrap();
    world.shop.settled().await;
    assert_eq!(world.shop.products(1)[0].title, "Quiet");
    assert!(app.received().is_empty());
    assert!(world.shop.deliveries().is_empty());
}

#[tokio::test]
async fn failures_are_retried_with_the_same_id_and_body_until_one_succeeds() {
    let (world, app) = subscribed(&["PRODUCTS_UPDATE"]).await;
    app.respond_with([500, 301]);
    let id = world.shop.product_ids()[0];
    world.shop.update_product(id, &retitled("One")).unwrap();
    for attempts in 1..3 {
        app.until(attempts).await;
        world.clock.wait_for_sleeper().await;
        assert_eq!(world.shop.deliveries()[0].state, DeliveryState::Pending);
        let wakeup = world.clock.next_wakeup().unwrap();
        let gap = wakeup - shopify_sim::SimClock::now(&world.clock);
        world.clock.advance(gap.to_std().unwrap());
    }
    world.shop.settled().await;
    let received = app.received();
    assert_eq!(received.len(), 3);
    for each in &received[1..] {
        assert_eq!(each.body, received[0].body);
        for header in ["x-shopify-webhook-id", "x-shopify-triggered-at"] {
            assert_eq!(each.header(header), received[0].header(header));
        }
    }
    let delivery = &world.shop.deliveries()[0];
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert_eq!((delivery.attempts, delivery.last_status), (3, Some(200)));
    assert_eq!(world.shop.subscriptions().len(), 1);
}

#[tokio::test]
async fn a_subscription_ends_when_eight_retries_over_four_hours_fail() {
    let (world, app) = subscribed(&["PRODUCTS_UPDATE", "SHOP_UPDATE"]).await;
    app.respond_with([503; 9]);
    let id = world.shop.product_ids()[0];
    world.shop.update_product(id, &retitled("One")).unwrap();
    let mut waited = Duration::ZERO;
    for attempts in 1..9 {
        app.until(attempts).await;
        world.clock.wait_for_sleeper().await;
        let wakeup = world.clock.next_wakeup().unwrap();
        let gap = wakeup - shopify_sim::SimClock::now(&world.clock);
        waited += gap.to_std().unwrap();
        world.clock.advance(gap.to_std().unwrap());
    }
    world.shop.settled().await;
    assert_eq!(waited, Duration::from_hours(4));
    assert_eq!(app.received().len(), 9);
    let delivery = &world.shop.deliveries()[0];
    assert_eq!(delivery.state, DeliveryState::Failed);
    assert_eq!(delivery.last_status, Some(503));
    let left = world.shop.subscriptions();
    assert_eq!(left, [("shop/update".to_owned(), app.address.clone())]);
}

#[tokio::test]
async fn deliveries_can_be_dropped_duplicated_held_and_repeated() {
    let (world, app) = subscribed(&["PRODUCTS_UPDATE"]).await;
    let shop = &world.shop;
    let ids = shop.product_ids();
    let change = |place: usize| {
        shop.update_product(ids[place], &retitled(&format!("T{place}")))
            .unwrap();
    };
    let titles = |received: Vec<Value>| {
        let titles = received.iter().map(|body| body["title"].to_string());
        titles.collect::<Vec<_>>()
    };
    shop.drop_deliveries(1);
    change(0);
    shop.duplicate_deliveries(1);
    change(1);
    shop.settled().await;
    shop.hold_deliveries();
    change(2);
    change(3);
    shop.settled().await;
    let bodies = || app.received().iter().map(|r| r.json()).collect();
    assert_eq!(titles(bodies()), [r#""T1""#; 2]);
    let states: Vec<_> = shop.deliveries().iter().map(|each| each.state).collect();
    assert_eq!(
        states,
        [
            DeliveryState::Dropped,
            DeliveryState::Delivered,
            DeliveryState::Held,
            DeliveryState::Held
        ]
    );
    shop.release_deliveries_reversed();
    shop.settled().await;
    assert_eq!(app.received().len(), 4);

    let dropped = shop.deliveries()[0].webhook_id.clone();
    shop.redeliver(&dropped, 3).unwrap();
    shop.settled().await;
    let received = app.received();
    assert_eq!(received.len(), 7);
    for each in &received[4..] {
        assert_eq!(each.header("x-shopify-webhook-id"), dropped);
        assert_eq!(each.json()["title"], "T0");
    }
    assert!(shop.redeliver("unknown", 1).is_err());
}

#[tokio::test]
async fn an_address_without_a_listener_counts_as_a_failure() {
    let world = World::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    world
        .subscribe("PRODUCTS_UPDATE", json!({"uri": address}))
        .await;
    let id = world.shop.product_ids()[0];
    world.shop.update_product(id, &retitled("One")).unwrap();
    world.clock.wait_for_sleeper().await;
    let delivery = &world.shop.deliveries()[0];
    assert_eq!((delivery.attempts, delivery.last_status), (1, None));
}

#[tokio::test]
async fn a_burst_arrives_whole() {
    let (world, app) = subscribed(&["PRODUCTS_UPDATE"]).await;
    let id = world.shop.product_ids()[0];
    for number in 0..500 {
        let title = format!("T{number}");
        world.shop.update_product(id, &retitled(&title)).unwrap();
    }
    world.shop.settled().await;
    let titles: HashSet<_> = app
        .received()
        .iter()
        .map(|each| each.json()["title"].to_string())
        .collect();
    assert_eq!(titles.len(), 500);
}

#[tokio::test]
async fn an_app_that_does_not_respond_within_five_seconds_has_failed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let world = World::start().await;
    world
        .subscribe("PRODUCTS_UPDATE", json!({"uri": address}))
        .await;
    let id = world.shop.product_ids()[0];
    world.shop.update_product(id, &retitled("One")).unwrap();
    let start = std::time::Instant::now();
    let _silent = listener.accept().await.unwrap();
    world.clock.wait_for_sleeper().await;
    assert!(start.elapsed() > Duration::from_secs(4));
    let delivery = &world.shop.deliveries()[0];
    assert_eq!((delivery.attempts, delivery.last_status), (1, None));
}
