//! Tests refreshes of dirty items.

use std::time::Duration;

use sync_core::intake::IntakeOutcome;
use sync_core::{Item, ItemKey, ItemKind, Outcome};
use testkit::{item, key, product};

use crate::harness::Harness;

/// A scanned shop: three products, the first two in a collection.
async fn scanned() -> Harness {
    let harness = Harness::new().await;
    harness.catalog.put(item(ItemKey::SHOP, "{}"));
    for id in 1..=3 {
        harness.catalog.put(product(id, "x"));
    }
    harness.catalog.put(collection("x"));
    harness.scan().await;
    harness
}

fn collection(title: &str) -> Item {
    let body = format!(r#"{{"products":["{title}"]}}"#);
    Item {
        references: vec![key(ItemKind::Product, 1), key(ItemKind::Product, 2)],
        ..item(key(ItemKind::Collection, 5), &body)
    }
}

fn has(harness: &Harness, body: &str) -> bool {
    harness.lines().iter().any(|line| line.contains(body))
}

#[tokio::test]
async fn a_changed_product_is_published_without_a_scan() {
    let harness = scanned().await;
    let scans = harness.catalog.scans();
    harness.catalog.put(product(3, "new"));
    assert_eq!(
        harness.deliver("w1", key(ItemKind::Product, 3)).await,
        IntakeOutcome::Recorded
    );
    assert!(harness.run().await.is_none(), "the debounce has not passed");
    let report = harness.settle().await.unwrap();
    assert!(
        matches!(report.outcome, Outcome::Published { .. }),
        "{report:?}"
    );
    assert!(has(&harness, "new"));
    assert_eq!(harness.catalog.scans(), scans);
    assert_eq!(harness.catalog.fetches(), 1);
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn a_burst_becomes_one_fetch_and_one_upload() {
    let harness = scanned().await;
    for round in 0..100 {
        let id = round % 3 + 1;
        harness.catalog.put(item(
            key(ItemKind::Product, id),
            &format!("{{\"round\":{round}}}"),
        ));
        harness
            .deliver(&format!("w{round}"), key(ItemKind::Product, id))
            .await;
    }
    harness.settle().await.unwrap();
    assert!(harness.run().await.is_none());
    assert_eq!(
        harness.snapshots.uploads(),
        2,
        "one of the first scan and this one"
    );
    // One for the three products, one for the collection that repeats their titles.
    assert_eq!(harness.catalog.fetches(), 2);
}

#[tokio::test]
async fn a_delivery_about_nothing_new_uploads_nothing() {
    let harness = scanned().await;
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    assert_eq!(harness.settle().await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(harness.snapshots.uploads(), 1);
}

#[tokio::test]
async fn created_products_are_published_and_deleted_ones_removed() {
    let harness = scanned().await;
    harness.catalog.put(product(4, "fresh"));
    harness.deliver("w1", key(ItemKind::Product, 4)).await;
    harness.settle().await;
    assert!(has(&harness, "fresh"));
    harness.catalog.remove(key(ItemKind::Product, 4));
    harness.deliver("w2", key(ItemKind::Product, 4)).await;
    let report = harness.settle().await.unwrap();
    assert_eq!(report.counts["product"].removed, 1);
    assert!(!has(&harness, "fresh"));
    // A product that was created and deleted before it was read.
    harness.deliver("w3", key(ItemKind::Product, 99)).await;
    assert_eq!(harness.settle().await.unwrap().outcome, Outcome::Unchanged);
}

#[tokio::test]
async fn a_new_title_reaches_the_collections_that_repeat_it() {
    let harness = scanned().await;
    harness.catalog.put(product(1, "renamed"));
    harness.catalog.put(collection("renamed"));
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    let report = harness.settle().await.unwrap();
    assert!(has(&harness, r#"{"products":["renamed"]}"#));
    assert_eq!(report.counts["collection"].changed, 1);
    assert_eq!(harness.snapshots.uploads(), 2, "together");
}

#[tokio::test]
async fn an_inventory_item_refreshes_its_products() {
    let harness = scanned().await;
    let stock = key(ItemKind::InventoryItem, 70);
    let with_stock = |level: u32| Item {
        references: vec![stock],
        ..item(
            key(ItemKind::Product, 3),
            &format!(r#"{{"available":{level}}}"#),
        )
    };
    // Not in the mirror yet: the shop is queried for its product.
    harness.catalog.put(with_stock(5));
    harness.deliver("w1", stock).await;
    harness.settle().await;
    assert!(has(&harness, r#"{"available":5}"#));
    // In the mirror now: only the product is fetched.
    let fetches = harness.catalog.fetches();
    harness.catalog.put(with_stock(4));
    harness.deliver("w2", stock).await;
    harness.settle().await;
    assert!(has(&harness, r#"{"available":4}"#));
    assert_eq!(harness.catalog.fetches(), fetches + 1);
    // It belongs to no product.
    harness
        .deliver("w3", key(ItemKind::InventoryItem, 71))
        .await;
    assert_eq!(harness.settle().await.unwrap().outcome, Outcome::Unchanged);
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn an_unreadable_item_is_quarantined_and_the_others_are_published() {
    let harness = scanned().await;
    let bad = key(ItemKind::Product, 2);
    harness.catalog.make_unreadable(bad);
    for id in 1..=3 {
        harness
            .catalog
            .put(item(key(ItemKind::Product, id), r#"{"v":2}"#));
        harness
            .deliver(&format!("w{id}"), key(ItemKind::Product, id))
            .await;
    }
    let report = harness.settle().await.unwrap();
    assert!(
        matches!(report.outcome, Outcome::Published { .. }),
        "{report:?}"
    );
    assert_eq!(report.counts["product"].failed, 1);
    assert_eq!(
        harness
            .lines()
            .iter()
            .filter(|line| line.contains(r#"{"v":2}"#))
            .count(),
        2
    );
    assert!(!harness.is_settled().await, "it is still dirty");
    assert!(harness.run().await.is_none());
    harness.catalog.make_readable(bad);
    harness.clock.advance(Duration::from_secs(30));
    harness.run().await.unwrap();
    assert!(harness.is_settled().await);
    assert_eq!(
        harness
            .lines()
            .iter()
            .filter(|line| line.contains(r#"{"v":2}"#))
            .count(),
        3
    );
}

#[tokio::test]
async fn nothing_is_published_before_the_first_scan() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.catalog.put(product(2, "x"));
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    assert_eq!(harness.settle().await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(
        harness.snapshots.uploads(),
        0,
        "one product is not the catalogue"
    );
    harness.scan().await;
    assert_eq!(harness.lines().len(), 2);
}

#[tokio::test]
async fn a_scan_covers_what_was_dirty_before_it() {
    let harness = scanned().await;
    harness.catalog.put(product(1, "new"));
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    let fetches = harness.catalog.fetches();
    harness.scan().await;
    assert!(has(&harness, "new"));
    assert!(harness.is_settled().await);
    assert_eq!(
        harness.catalog.fetches(),
        fetches,
        "nothing had to be fetched by id"
    );
}
