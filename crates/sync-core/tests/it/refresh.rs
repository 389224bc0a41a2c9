use std::time::Duration;

use sync_core::intake::IntakeOutcome;
use sync_core::{Item, ItemKey, ItemKind, Outcome};
use testkit::{item, key, product};

use crate::bench::Bench;

/// A shop that has been read: three products, the first two in a collection.
async fn scanned() -> Bench {
    let bench = Bench::new().await;
    bench.catalog.put(item(ItemKey::SHOP, "{}"));
    for id in 1..=3 {
        bench.catalog.put(product(id, "x"));
    }
    bench.catalog.put(collection("x"));
    bench.scan().await;
    bench
}

fn collection(title: &str) -> Item {
    let body = format!(r#"{{"products":["{title}"]}}"#);
    Item {
        references: vec![key(ItemKind::Product, 1), key(ItemKind::Product, 2)],
        ..item(key(ItemKind::Collection, 5), &body)
    }
}

fn has(bench: &Bench, body: &str) -> bool {
    bench.lines().iter().any(|line| line.contains(body))
}

#[tokio::test]
async fn a_changed_product_is_published_without_a_scan() {
    let bench = scanned().await;
    let scans = bench.catalog.scans();
    bench.catalog.put(product(3, "new"));
    assert_eq!(
        bench.deliver("w1", key(ItemKind::Product, 3)).await,
        IntakeOutcome::Recorded
    );
    assert!(bench.run().await.is_none(), "the debounce has not passed");
    let report = bench.settle().await.unwrap();
    assert!(
        matches!(report.outcome, Outcome::Published { .. }),
        "{report:?}"
    );
    assert!(has(&bench, "new"));
    assert_eq!(bench.catalog.scans(), scans);
    assert_eq!(bench.catalog.fetches(), 1);
    assert!(bench.state.is_settled());
}

#[tokio::test]
async fn a_burst_becomes_one_fetch_and_one_upload() {
    let bench = scanned().await;
    for round in 0..100 {
        let id = round % 3 + 1;
        bench.catalog.put(item(
            key(ItemKind::Product, id),
            &format!("{{\"round\":{round}}}"),
        ));
        bench
            .deliver(&format!("w{round}"), key(ItemKind::Product, id))
            .await;
    }
    bench.settle().await.unwrap();
    assert!(bench.run().await.is_none());
    assert_eq!(
        bench.snapshots.uploads(),
        2,
        "the first scan's and this one"
    );
    // One for the three products, one for the collection that repeats their titles.
    assert_eq!(bench.catalog.fetches(), 2);
}

#[tokio::test]
async fn a_delivery_about_nothing_new_uploads_nothing() {
    let bench = scanned().await;
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    assert_eq!(bench.settle().await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(bench.snapshots.uploads(), 1);
}

#[tokio::test]
async fn created_and_deleted_products_come_and_go() {
    let bench = scanned().await;
    bench.catalog.put(product(4, "fresh"));
    bench.deliver("w1", key(ItemKind::Product, 4)).await;
    bench.settle().await;
    assert!(has(&bench, "fresh"));
    bench.catalog.remove(key(ItemKind::Product, 4));
    bench.deliver("w2", key(ItemKind::Product, 4)).await;
    let report = bench.settle().await.unwrap();
    assert_eq!(report.counts["product"].removed, 1);
    assert!(!has(&bench, "fresh"));
    // A product that came and went before anybody looked.
    bench.deliver("w3", key(ItemKind::Product, 99)).await;
    assert_eq!(bench.settle().await.unwrap().outcome, Outcome::Unchanged);
}

#[tokio::test]
async fn a_new_title_reaches_the_collections_that_repeat_it() {
    let bench = scanned().await;
    bench.catalog.put(product(1, "renamed"));
    bench.catalog.put(collection("renamed"));
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    let report = bench.settle().await.unwrap();
    assert!(has(&bench, r#"{"products":["renamed"]}"#));
    assert_eq!(report.counts["collection"].changed, 1);
    assert_eq!(bench.snapshots.uploads(), 2, "together");
}

#[tokio::test]
async fn an_inventory_item_finds_its_products() {
    let bench = scanned().await;
    let stock = key(ItemKind::InventoryItem, 70);
    let with_stock = |level: u32| Item {
        references: vec![stock],
        ..item(
            key(ItemKind::Product, 3),
            &format!(r#"{{"available":{level}}}"#),
        )
    };
    // Unknown to the mirror yet: the shop is asked whose it is.
    bench.catalog.put(with_stock(5));
    bench.deliver("w1", stock).await;
    bench.settle().await;
    assert!(has(&bench, r#"{"available":5}"#));
    // Known by now: one fetch, of the product.
    let fetches = bench.catalog.fetches();
    bench.catalog.put(with_stock(4));
    bench.deliver("w2", stock).await;
    bench.settle().await;
    assert!(has(&bench, r#"{"available":4}"#));
    assert_eq!(bench.catalog.fetches(), fetches + 1);
    // Nobody's.
    bench.deliver("w3", key(ItemKind::InventoryItem, 71)).await;
    assert_eq!(bench.settle().await.unwrap().outcome, Outcome::Unchanged);
    assert!(bench.state.is_settled());
}

#[tokio::test]
async fn an_unreadable_item_is_set_aside_and_the_others_go_on() {
    let bench = scanned().await;
    let bad = key(ItemKind::Product, 2);
    bench.catalog.make_unreadable(bad);
    for id in 1..=3 {
        bench
            .catalog
            .put(item(key(ItemKind::Product, id), r#"{"v":2}"#));
        bench
            .deliver(&format!("w{id}"), key(ItemKind::Product, id))
            .await;
    }
    let report = bench.settle().await.unwrap();
    assert!(
        matches!(report.outcome, Outcome::Published { .. }),
        "{report:?}"
    );
    assert_eq!(report.counts["product"].failed, 1);
    assert_eq!(
        bench
            .lines()
            .iter()
            .filter(|line| line.contains(r#"{"v":2}"#))
            .count(),
        2
    );
    assert!(!bench.state.is_settled(), "it is not forgotten");
    assert!(bench.run().await.is_none());
    bench.catalog.make_readable(bad);
    bench.clock.advance(Duration::from_secs(30));
    bench.run().await.unwrap();
    assert!(bench.state.is_settled());
    assert_eq!(
        bench
            .lines()
            .iter()
            .filter(|line| line.contains(r#"{"v":2}"#))
            .count(),
        3
    );
}

#[tokio::test]
async fn nothing_is_published_before_the_first_scan() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    bench.catalog.put(product(2, "x"));
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    assert_eq!(bench.settle().await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(
        bench.snapshots.uploads(),
        0,
        "one product is not the catalogue"
    );
    bench.scan().await;
    assert_eq!(bench.lines().len(), 2);
}

#[tokio::test]
async fn a_scan_covers_what_was_dirty_before_it() {
    let bench = scanned().await;
    bench.catalog.put(product(1, "new"));
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    let fetches = bench.catalog.fetches();
    bench.scan().await;
    assert!(has(&bench, "new"));
    assert!(bench.state.is_settled());
    assert_eq!(
        bench.catalog.fetches(),
        fetches,
        "nothing had to be asked for by name"
    );
}
