//! Tests that a webhook updates the document immediately, without a full scan.

use std::time::Duration;

use shopify_sim::{CollectionChange, DiscountChange, ProductChange, ShopControl};
use sync_core::ItemKind;
use testkit::{ManualClock, at};

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::World;

/// Changes the shop and asserts that the change is published without reading a page of a full scan.
async fn assert_published(world: &World, change: impl FnOnce(&ShopControl)) {
    let (pages, uploads) = (world.scanned_pages(), world.app.put_count());
    change(&world.shop);
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.scanned_pages(), pages, "a full scan");
    assert!(world.app.put_count() > uploads, "no upload");
}

fn titled(title: &str) -> ProductChange {
    ProductChange {
        title: Some(title.to_owned()),
        ..ProductChange::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_product_is_published() {
    let world = World::builder().installed().await;
    let product = world.shop.product_ids()[0];
    assert_published(&world, |shop| {
        shop.set_price(product, None, "77.10").unwrap();
    })
    .await;
    assert_published(&world, |shop| {
        shop.update_product(product, &titled("Renamed")).unwrap();
    })
    .await;
    // The collections that contain its title were updated as well.
    let text = world.document().await["data"]["collections"].to_string();
    let is_member = world.shop.truth()["collections"]
        .to_string()
        .contains("Renamed");
    assert_eq!(text.contains("Renamed"), is_member);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_title_is_updated_in_its_collections() {
    let world = World::builder().installed().await;
    let truth = world.shop.truth();
    let members = &truth["collections"][0]["products"];
    let product = members[0]["id"].as_u64().unwrap();
    assert_published(&world, |shop| {
        shop.update_product(product, &titled("Renamed")).unwrap();
    })
    .await;
    let text = world.document().await["data"]["collections"].to_string();
    assert!(text.contains("Renamed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_and_a_deleted_product_are_published() {
    let world = World::builder().installed().await;
    let mut created = 0;
    assert_published(&world, |shop| {
        created = shop.create_product(&titled("New")).unwrap();
    })
    .await;
    assert!(
        world
            .document()
            .await
            .to_string()
            .contains(&created.to_string())
    );
    assert_published(&world, |shop| shop.delete_product(created).unwrap()).await;
    assert!(
        !world
            .document()
            .await
            .to_string()
            .contains(&created.to_string())
    );
    // A product to which collections and discounts refer.
    let truth = world.shop.truth();
    let member = truth["collections"][0]["products"][0]["id"]
        .as_u64()
        .unwrap();
    assert_published(&world, |shop| shop.delete_product(member).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_change_is_published() {
    let world = World::builder().installed().await;
    let truth = world.shop.truth();
    let variant = &truth["products"][1]["variants"][0];
    let item = variant["inventory_item_id"].as_u64().unwrap();
    let location = variant["levels"][0]["location_id"].as_u64().unwrap();
    assert_published(&world, |shop| {
        shop.set_available(item, location, 4_321).unwrap();
    })
    .await;
    assert!(world.document().await.to_string().contains("4321"));
    assert_published(&world, |shop| {
        shop.disconnect_inventory_level(item, location).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discount_changes_are_published() {
    let world = World::builder().installed().await;
    let mut created = 0;
    let new = DiscountChange {
        title: Some("Half off".to_owned()),
        percentage: Some(0.5),
        codes: Some(vec!["HALF".to_owned()]),
        ..DiscountChange::default()
    };
    assert_published(&world, |shop| created = shop.create_discount(&new).unwrap()).await;
    let codes = DiscountChange {
        codes: Some(vec!["HALF".to_owned(), "HALB".to_owned()]),
        ..DiscountChange::default()
    };
    assert_published(&world, |shop| {
        shop.update_discount(created, &codes).unwrap();
    })
    .await;
    let text = world.document().await["data"]["codeDiscountNodes"].to_string();
    assert!(text.contains("HALB"));
    assert_published(&world, |shop| shop.delete_discount(created).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collection_changes_are_published() {
    let world = World::builder().installed().await;
    let products = world.shop.product_ids();
    let mut created = 0;
    let new = CollectionChange {
        title: Some("Picked".to_owned()),
        products: Some(products[..5].to_vec()),
        ..CollectionChange::default()
    };
    assert_published(&world, |shop| {
        created = shop.create_collection(&new).unwrap();
    })
    .await;
    let fewer = CollectionChange {
        products: Some(products[3..4].to_vec()),
        ..CollectionChange::default()
    };
    assert_published(&world, |shop| {
        shop.update_collection(created, &fewer).unwrap();
    })
    .await;
    assert_published(&world, |shop| shop.delete_collection(created).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_locations_and_of_the_shop_are_published() {
    let world = World::builder().installed().await;
    let location = world.shop.location_ids()[0];
    assert_published(&world, |shop| {
        shop.update_location(location, Some("Elsewhere"), None)
            .unwrap();
    })
    .await;
    let products = world.document().await["data"]["products"].to_string();
    assert!(
        products.contains("Elsewhere"),
        "inventory levels contain the name of the location"
    );
    assert_published(&world, |shop| shop.rename_shop("Another Name").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_fifty_times_is_one() {
    let world = World::builder().installed().await;
    let product = world.shop.product_ids()[0];
    world.shop.set_price(product, None, "5.00").unwrap();
    world.settled().await;
    let sent = world.shop.deliveries();
    let delivery = sent
        .iter()
        .rfind(|sent| sent.topic == "products/update")
        .unwrap();
    let (requests, runs) = (world.shop.calls().requests, world.runs().await.len());
    world.shop.redeliver(&delivery.webhook_id, 49).unwrap();
    world.settled().await;
    let again = world
        .shop
        .deliveries()
        .into_iter()
        .find(|sent| sent.webhook_id == delivery.webhook_id);
    assert_eq!(again.unwrap().last_status, Some(200));
    assert_eq!(world.shop.calls().requests, requests);
    assert_eq!(world.runs().await.len(), runs);
    assert_eq!(world.app.put_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_webhooks_causes_few_fetches_and_one_upload() {
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let debounced = World::builder()
        .clock(&clock)
        .set("SHOPSYNC__SYNC__DEBOUNCE", "1s");
    let world = debounced.installed().await;
    let products = world.shop.product_ids();
    let runs = world.runs().await.len();
    for round in 1..=3 {
        for product in &products {
            let price = format!("{round}.25");
            world.shop.set_price(*product, None, &price).unwrap();
        }
    }
    world.shop.settled().await;
    assert!(world.shop.deliveries().len() >= 60);
    assert_eq!(
        world.calls("ProductsById"),
        0,
        "not before the burst is over"
    );
    clock.advance(Duration::from_secs(1));
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.runs().await.len(), runs + 1);
    assert_eq!(world.app.put_count(), 2);
    // Several products share a request, as many as its cost allows.
    let fetches = world.calls("ProductsById");
    assert!((1..=5).contains(&fetches), "{fetches}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reordered_and_duplicate_deliveries_lead_to_the_same_document() {
    let world = World::builder().installed().await;
    for seed in 1..=3 {
        world.shop.hold_deliveries();
        world.shop.duplicate_deliveries(3);
        let product = world.shop.create_product(&titled("Short-lived")).unwrap();
        world
            .shop
            .update_product(product, &titled("Renamed"))
            .unwrap();
        world
            .shop
            .set_price(world.shop.product_ids()[0], None, &format!("{seed}.00"))
            .unwrap();
        world.shop.delete_product(product).unwrap();
        world.shop.release_deliveries_shuffled(seed);
        world.settled().await;
        world.document_matches_shop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_subscriptions_are_created_again_and_others_are_left_unchanged() {
    let world = World::builder().installed().await;
    let service = world.app.service();
    let before = world.shop.subscriptions();
    // A second service of the same app, at another address.
    let elsewhere = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200))
        .mount(&elsewhere)
        .await;
    let other = server::adapters::ShopifyCatalog::new(
        service.app.clone(),
        service.tokens.clone(),
        elsewhere.uri(),
    );
    let made = sync_core::ports::CatalogSource::audit_subscriptions(&other, &world.domain).await;
    assert_eq!(made.unwrap().created.len(), before.len());
    let audit = service
        .ports
        .catalog
        .audit_subscriptions(&world.domain)
        .await
        .unwrap();
    assert_eq!((audit.kept, audit.created.len()), (before.len(), 0));
    assert_eq!(world.shop.subscriptions().len(), 2 * before.len());

    world.shop.uninstall();
    world.settled().await;
    assert_eq!(world.shop.subscriptions(), []);
    world.install().await;
    let mut again = world.shop.subscriptions();
    again.sort();
    let mut before = before;
    before.sort();
    assert_eq!(again, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_reported_for_each_topic() {
    let world = World::builder()
        .set(
            "SHOPSYNC__SHOPIFY__SCOPES",
            "read_products,read_inventory,read_locations",
        )
        .start()
        .await;
    let report = world.install().await;
    let failures = report["webhook_failures"].as_array().unwrap();
    let topics: Vec<_> = failures
        .iter()
        .map(|failure| failure["topic"].as_str().unwrap())
        .collect();
    assert!(
        topics.iter().all(|topic| topic.starts_with("discounts/")),
        "{topics:?}"
    );
    assert_eq!(topics.len(), 5);
    assert_eq!(report["webhook_status"], "success");
    assert_eq!(report["upload_status"], "failed", "{report}");
    let kind = ItemKind::Discount.as_str();
    assert!(
        report["upload_message"].as_str().unwrap().contains(kind),
        "{report}"
    );
}
