//! Tests full scans and plans.

use std::sync::Mutex;

use sync_core::ports::{Count, ShopRegistry};
use sync_core::progress::{Event, Observer, Progress};
use sync_core::{
    Disposition, Item, ItemKey, ItemKind, Outcome, PortError, ShopStatus, UnavailableReason,
};
use testkit::{item, key, product};

use crate::harness::Harness;

fn published(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Published { .. })
}

async fn with_products(count: u64) -> Harness {
    let harness = Harness::new().await;
    harness.catalog.put(item(ItemKey::SHOP, r#"{"name":"a"}"#));
    for id in 1..=count {
        harness.catalog.put(product(id, "x"));
    }
    harness
}

#[tokio::test]
async fn a_scan_publishes_everything_in_document_order() {
    let harness = with_products(2).await;
    harness.catalog.put(product(10, "ten"));
    harness
        .catalog
        .put(item(key(ItemKind::Collection, 5), r#"{"c":5}"#));
    harness
        .catalog
        .put(item(key(ItemKind::Location, 7), r#"{"l":7}"#));
    let report = harness.scan().await;
    assert!(published(&report.outcome), "{report:?}");
    let products: Vec<String> = [product(1, "x"), product(2, "x"), product(10, "ten")]
        .map(|item| format!("products {}", item.body))
        .into();
    let expected = [
        vec![
            r#"collections {"c":5}"#.to_owned(),
            r#"locations {"l":7}"#.to_owned(),
        ],
        products,
        vec![r#"shop {"name":"a"}"#.to_owned()],
    ];
    assert_eq!(harness.lines(), expected.concat());
    let counts = report.counts["product"];
    assert_eq!(
        (counts.expected, counts.read, counts.added),
        (Some(3), 3, 3)
    );
    assert!(harness.is_settled().await);
    assert_eq!(harness.catalog.audits(), 1, "the subscriptions are audited");
}

#[tokio::test]
async fn a_second_scan_uploads_nothing() {
    let harness = with_products(3).await;
    harness.scan().await;
    let report = harness.scan().await;
    assert_eq!(report.outcome, Outcome::Unchanged);
    assert_eq!(harness.snapshots.uploads(), 1);
    harness.catalog.put(product(2, "dearer"));
    let report = harness.scan().await;
    assert!(published(&report.outcome));
    assert_eq!(harness.snapshots.uploads(), 2);
    assert_eq!(report.counts["product"].changed, 1);
}

#[tokio::test]
async fn a_deleted_snapshot_is_restored_by_the_next_scan() {
    let harness = with_products(1).await;
    harness.scan().await;
    let shop = Harness::shop();
    sync_core::ports::Publisher::erase(&harness.snapshots, &shop)
        .await
        .unwrap();
    assert!(published(&harness.scan().await.outcome));
}

#[tokio::test]
async fn a_deleted_item_is_tombstoned_after_a_fetch_confirms_it() {
    let harness = with_products(20).await;
    harness.scan().await;
    harness.catalog.remove(key(ItemKind::Product, 4));
    // Not returned by the scan, but found when it is fetched.
    harness.catalog.hide(key(ItemKind::Product, 5));
    harness.catalog.set_count(ItemKind::Product, None);
    let report = harness.scan().await;
    assert!(published(&report.outcome), "{report:?}");
    assert_eq!(report.counts["product"].removed, 1);
    let left = harness.lines();
    assert!(!left.contains(&format!("products {}", product(4, "x").body)));
    assert!(left.contains(&format!("products {}", product(5, "x").body)));
}

#[tokio::test]
async fn a_mass_deletion_halts_until_a_person_confirms() {
    let harness = with_products(100).await;
    harness.scan().await;
    for id in 1..=21 {
        harness.catalog.remove(key(ItemKind::Product, id));
    }
    let report = harness.scan().await;
    let expected = Outcome::Halted {
        kind: "product".to_owned(),
        missing: 21,
        known: 100,
    };
    assert_eq!(report.outcome, expected);
    assert_eq!(harness.lines().len(), 101, "the old snapshot stays");
    assert!(
        harness.run().await.is_none(),
        "it is not retried automatically"
    );

    let report = harness.scan_accepting_deletions().await;
    assert_eq!(report.counts["product"].removed, 21);
    assert_eq!(harness.lines().len(), 80);
}

#[tokio::test]
async fn a_few_deletions_are_always_accepted() {
    let harness = with_products(10).await;
    harness.scan().await;
    for id in 1..=10 {
        harness.catalog.remove(key(ItemKind::Product, id));
    }
    let report = harness.scan().await;
    assert_eq!(report.counts["product"].removed, 10);
    assert_eq!(harness.lines().len(), 1);
}

#[tokio::test]
async fn an_interrupted_scan_publishes_nothing() {
    let harness = with_products(100).await;
    harness.scan().await;
    let before = harness.lines();
    for id in 1..=100 {
        harness.catalog.put(product(id, "new"));
    }
    let broken = PortError::retry("read the products", "the next page is missing");
    harness.catalog.fail_scan(ItemKind::Product, 60, broken);
    let report = harness.scan().await;
    let Outcome::Failed {
        error, will_retry, ..
    } = &report.outcome
    else {
        panic!("{report:?}");
    };
    assert!(
        error.contains("next page is missing") && *will_retry,
        "{error}"
    );
    assert_eq!(harness.lines(), before);
    assert!(harness.run().await.is_none(), "not at once");
    harness.clock.advance(std::time::Duration::from_secs(10));
    let report = harness.run().await.unwrap();
    assert!(published(&report.outcome), "{report:?}");
    assert_ne!(harness.lines(), before);
}

#[tokio::test]
async fn a_count_mismatch_keeps_the_old_snapshot() {
    let harness = with_products(5).await;
    let six = Count {
        count: 6,
        exact: true,
    };
    harness.catalog.set_count(ItemKind::Product, Some(six));
    let report = harness.scan().await;
    let Outcome::Failed { error, .. } = &report.outcome else {
        panic!("{report:?}");
    };
    assert!(
        error.contains("6 product items, but 5 were read"),
        "{error}"
    );
    assert_eq!(harness.snapshots.uploads(), 0);

    let at_least = Count {
        count: 5,
        exact: false,
    };
    harness.catalog.set_count(ItemKind::Product, Some(at_least));
    harness.clock.advance(std::time::Duration::from_mins(1));
    assert!(published(&harness.run().await.unwrap().outcome));
}

#[tokio::test]
async fn an_unavailable_shop_is_tried_again_later() {
    let harness = with_products(1).await;
    let reason = UnavailableReason::Frozen;
    let refused = PortError::new("read", Disposition::ShopUnavailable { reason }, "402");
    harness.catalog.fail_scan(ItemKind::Product, 0, refused);
    harness.scan().await;
    let status = harness
        .state
        .find(&Harness::shop())
        .await
        .unwrap()
        .unwrap()
        .status;
    assert_eq!(status, ShopStatus::Unavailable(reason));
    harness.clock.advance(std::time::Duration::from_mins(59));
    assert!(harness.run().await.is_none());
    harness.clock.advance(std::time::Duration::from_mins(1));
    assert!(published(&harness.run().await.unwrap().outcome));
    let status = harness
        .state
        .find(&Harness::shop())
        .await
        .unwrap()
        .unwrap()
        .status;
    assert_eq!(status, ShopStatus::Active);
}

#[tokio::test]
async fn a_plan_reports_and_changes_nothing() {
    let harness = with_products(3).await;
    harness.scan().await;
    harness.catalog.put(product(1, "new"));
    harness.catalog.put(product(4, "x"));
    harness.catalog.remove(key(ItemKind::Product, 2));
    let plan = harness
        .engine
        .plan(&Harness::shop(), &sync_core::progress::NoopObserver)
        .await
        .unwrap();
    assert_eq!(plan.outcome, Outcome::WouldPublish { differences: 3 });
    let counts = plan.counts["product"];
    assert_eq!((counts.added, counts.changed, counts.removed), (1, 1, 1));
    assert_eq!(harness.counted().await, 4, "three products and the shop");
    assert_eq!(harness.snapshots.uploads(), 1);
    assert!(harness.run().await.is_none());
}

#[tokio::test]
async fn only_the_lease_holder_ends_interrupted_scans_and_an_error_does_not_stop_it() {
    let harness = with_products(3).await;
    let catalog = &harness.catalog;
    catalog.set_interrupted_scans(Ok(2));
    let observer = &sync_core::progress::NoopObserver;
    harness
        .engine
        .plan(&Harness::shop(), observer)
        .await
        .unwrap();
    assert!(
        catalog.has_interrupted_scans(),
        "they may belong to another run"
    );
    assert!(published(&harness.scan().await.outcome));
    assert!(!catalog.has_interrupted_scans());

    catalog.set_interrupted_scans(Err(PortError::fail("end it", "refused")));
    catalog.put(product(1, "new"));
    assert!(published(&harness.scan().await.outcome));
    assert!(!catalog.has_interrupted_scans());
}

/// Stores the progress events of products.
#[derive(Default)]
struct Products(Mutex<Vec<(u64, Option<u64>)>>);

impl Observer for Products {
    fn observe(&self, event: &Event) {
        if let Event::Run {
            progress:
                Progress::Read {
                    kind: ItemKind::Product,
                    done,
                    expected,
                },
            ..
        } = event
        {
            self.0.lock().unwrap().push((*done, *expected));
        }
    }
}

#[tokio::test]
async fn progress_of_a_kind_is_reported_before_its_first_item() {
    let harness = with_products(3).await;
    let failed = PortError::retry("read the products", "cut off");
    harness.catalog.fail_scan(ItemKind::Product, 0, failed);
    let events = Products::default();
    harness
        .engine
        .plan(&Harness::shop(), &events)
        .await
        .unwrap_err();
    assert_eq!(*events.0.lock().unwrap(), [(0, Some(3))]);
    harness
        .engine
        .plan(&Harness::shop(), &events)
        .await
        .unwrap();
    let events = events.0.into_inner().unwrap();
    assert_eq!(events[1..], [(0, Some(3)), (3, Some(3))]);
}

#[tokio::test]
async fn items_beyond_a_batch_are_all_written() {
    let harness = with_products(0).await;
    let many: Vec<Item> = (1..=257)
        .map(|id| product(id * 1_000_000_007, "x"))
        .collect();
    for item in many {
        harness.catalog.put(item);
    }
    assert_eq!(harness.scan().await.counts["product"].added, 257);
    assert_eq!(harness.lines().len(), 258);
}

#[tokio::test]
async fn an_unreadable_item_keeps_its_old_version_and_does_not_block_others() {
    let harness = with_products(20).await;
    harness.scan().await;
    let (bad, other) = (key(ItemKind::Product, 4), key(ItemKind::Product, 5));
    harness.catalog.put(product(4, "new"));
    harness.catalog.put(product(5, "new"));
    harness.catalog.make_unreadable(bad);
    harness.deliver("w1", bad).await;
    harness.deliver("w2", other).await;
    let report = harness.scan().await;
    assert!(published(&report.outcome), "{report:?}");
    let counts = report.counts["product"];
    assert_eq!(
        (counts.read, counts.changed, counts.removed, counts.failed),
        (19, 1, 0, 1)
    );
    let lines = harness.lines();
    assert!(
        lines.contains(&format!("products {}", product(4, "x").body)),
        "the old version"
    );
    assert!(lines.contains(&format!("products {}", product(5, "new").body)));
    assert_eq!(lines.len(), 21);

    // The quarantined item is still dirty, so that it is read again automatically.
    harness.catalog.make_readable(bad);
    harness.clock.advance(std::time::Duration::from_mins(1));
    let report = harness.run().await.expect("it is still dirty");
    assert_eq!(report.counts["product"].changed, 1);
    let lines = harness.lines();
    assert!(lines.contains(&format!("products {}", product(4, "new").body)));
    assert!(harness.is_settled().await);
}

/// A delivery named the inventory item before the scan, which cannot read its product.
#[tokio::test]
async fn an_inventory_item_stays_dirty_when_its_product_is_quarantined() {
    let harness = with_products(3).await;
    let stock = key(ItemKind::InventoryItem, 70);
    let with_stock = |level: u32| Item {
        references: vec![stock],
        ..item(
            key(ItemKind::Product, 3),
            &format!(r#"{{"available":{level}}}"#),
        )
    };
    harness.catalog.put(with_stock(5));
    harness.scan().await;
    harness.catalog.put(with_stock(4));
    harness.catalog.make_unreadable(key(ItemKind::Product, 3));
    harness.deliver("w1", stock).await;
    harness.scan().await;
    harness.catalog.make_readable(key(ItemKind::Product, 3));
    harness.clock.advance(std::time::Duration::from_mins(1));
    assert!(published(
        &harness.run().await.expect("it is still dirty").outcome
    ));
    assert!(
        harness
            .lines()
            .contains(&r#"products {"available":4}"#.to_owned())
    );
}

/// The item is in the shop's count but not in the mirror: the rest is published and the report counts one failure.
#[tokio::test]
async fn a_new_unreadable_item_is_left_out_and_counted() {
    let harness = with_products(3).await;
    harness.catalog.make_unreadable(key(ItemKind::Product, 2));
    let report = harness.scan().await;
    assert!(published(&report.outcome), "{report:?}");
    let counts = report.counts["product"];
    assert_eq!(
        (counts.expected, counts.read, counts.failed),
        (Some(3), 2, 1)
    );
    assert_eq!(harness.lines().len(), 3);
}

/// An item that a scan leaves out fails the count, although another one is quarantined.
#[tokio::test]
async fn a_quarantined_item_does_not_hide_a_missing_one() {
    let harness = with_products(5).await;
    harness.catalog.make_unreadable(key(ItemKind::Product, 2));
    harness.catalog.hide(key(ItemKind::Product, 3));
    let report = harness.scan().await;
    let Outcome::Failed {
        error, will_retry, ..
    } = &report.outcome
    else {
        panic!("{report:?}");
    };
    assert!(
        error.contains("5 product items, but 4 were read") && *will_retry,
        "{error}"
    );
    assert_eq!(harness.snapshots.uploads(), 0);
}

/// Then the cause is the shop's responses or this program, not single items.
#[tokio::test]
async fn too_many_unreadable_items_fail_the_run() {
    for (unreadable, too_many) in [(20, false), (21, true)] {
        let harness = with_products(100).await;
        harness.scan().await;
        let before = harness.lines();
        for id in 1..=unreadable {
            harness.catalog.make_unreadable(key(ItemKind::Product, id));
        }
        harness.catalog.put(product(50, "new"));
        let report = harness.scan().await;
        let failed = Outcome::Failed {
            error: "could not read the items: the response cannot be decoded".to_owned(),
            will_retry: false,
            catalogue_read: false,
        };
        assert_eq!(report.outcome == failed, too_many, "{report:?}");
        assert_eq!(harness.lines() == before, too_many);
    }
}

#[tokio::test]
async fn a_plan_counts_unreadable_items_as_existing() {
    let harness = with_products(3).await;
    harness.scan().await;
    harness.catalog.make_unreadable(key(ItemKind::Product, 2));
    harness.catalog.remove(key(ItemKind::Product, 3));
    let observer = sync_core::progress::NoopObserver;
    let plan = harness
        .engine
        .plan(&Harness::shop(), &observer)
        .await
        .unwrap();
    let counts = plan.counts["product"];
    assert_eq!((counts.read, counts.removed, counts.failed), (1, 1, 1));
}
