use std::sync::Mutex;

use sync_core::ports::{Count, ShopRegistry};
use sync_core::progress::{Observer, Progress};
use sync_core::{
    Disposition, Item, ItemKey, ItemKind, Outcome, PortError, RunId, ShopDomain, ShopStatus,
    UnavailableReason,
};
use testkit::{item, key, product};

use crate::bench::Bench;

fn published(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Published { .. })
}

async fn with_products(count: u64) -> Bench {
    let bench = Bench::new().await;
    bench.catalog.put(item(ItemKey::SHOP, r#"{"name":"a"}"#));
    for id in 1..=count {
        bench.catalog.put(product(id, "x"));
    }
    bench
}

#[tokio::test]
async fn a_scan_publishes_everything_in_document_order() {
    let bench = with_products(2).await;
    bench.catalog.put(product(10, "ten"));
    bench
        .catalog
        .put(item(key(ItemKind::Collection, 5), r#"{"c":5}"#));
    bench
        .catalog
        .put(item(key(ItemKind::Location, 7), r#"{"l":7}"#));
    let report = bench.scan().await;
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
    assert_eq!(bench.lines(), expected.concat());
    let counts = report.counts["product"];
    assert_eq!(
        (counts.expected, counts.read, counts.added),
        (Some(3), 3, 3)
    );
    assert!(bench.state.is_settled());
    assert_eq!(
        bench.catalog.audits(),
        1,
        "the subscriptions are looked after"
    );
}

#[tokio::test]
async fn a_second_scan_uploads_nothing() {
    let bench = with_products(3).await;
    bench.scan().await;
    let report = bench.scan().await;
    assert_eq!(report.outcome, Outcome::Unchanged);
    assert_eq!(bench.snapshots.uploads(), 1);
    bench.catalog.put(product(2, "dearer"));
    let report = bench.scan().await;
    assert!(published(&report.outcome));
    assert_eq!(bench.snapshots.uploads(), 2);
    assert_eq!(report.counts["product"].changed, 1);
}

#[tokio::test]
async fn an_upload_that_was_undone_is_mended_by_the_next_scan() {
    let bench = with_products(1).await;
    bench.scan().await;
    let shop = Bench::shop();
    sync_core::ports::SnapshotStore::erase(&bench.snapshots, &shop)
        .await
        .unwrap();
    assert!(published(&bench.scan().await.outcome));
}

#[tokio::test]
async fn what_is_gone_is_buried_after_it_was_asked_for() {
    let bench = with_products(20).await;
    bench.scan().await;
    bench.catalog.remove(key(ItemKind::Product, 4));
    // Not answered by the scan, but there when it is asked for.
    bench.catalog.hide(key(ItemKind::Product, 5));
    bench.catalog.set_count(ItemKind::Product, None);
    let report = bench.scan().await;
    assert!(published(&report.outcome), "{report:?}");
    assert_eq!(report.counts["product"].removed, 1);
    let left = bench.lines();
    assert!(!left.contains(&format!("products {}", product(4, "x").body)));
    assert!(left.contains(&format!("products {}", product(5, "x").body)));
}

#[tokio::test]
async fn a_mass_disappearance_halts_until_a_person_confirms() {
    let bench = with_products(100).await;
    bench.scan().await;
    for id in 1..=21 {
        bench.catalog.remove(key(ItemKind::Product, id));
    }
    let report = bench.scan().await;
    let expected = Outcome::Halted {
        kind: "product".to_owned(),
        missing: 21,
        known: 100,
    };
    assert_eq!(report.outcome, expected);
    assert_eq!(bench.lines().len(), 101, "the old snapshot stays");
    assert!(
        bench.run().await.is_none(),
        "it is not tried again by itself"
    );

    let report = bench.scan_accepting_deletions().await;
    assert_eq!(report.counts["product"].removed, 21);
    assert_eq!(bench.lines().len(), 80);
}

#[tokio::test]
async fn a_few_may_always_disappear() {
    let bench = with_products(10).await;
    bench.scan().await;
    for id in 1..=10 {
        bench.catalog.remove(key(ItemKind::Product, id));
    }
    let report = bench.scan().await;
    assert_eq!(report.counts["product"].removed, 10);
    assert_eq!(bench.lines().len(), 1);
}

#[tokio::test]
async fn a_scan_that_breaks_off_publishes_nothing() {
    let bench = with_products(100).await;
    bench.scan().await;
    let before = bench.lines();
    for id in 1..=100 {
        bench.catalog.put(product(id, "new"));
    }
    let broken = PortError::retry("read the products", "the pages lead nowhere");
    bench.catalog.fail_scan(ItemKind::Product, 60, broken);
    let report = bench.scan().await;
    let Outcome::Failed { error, will_retry } = &report.outcome else {
        panic!("{report:?}");
    };
    assert!(error.contains("lead nowhere") && *will_retry, "{error}");
    assert_eq!(bench.lines(), before);
    assert!(bench.run().await.is_none(), "not at once");
    bench.clock.advance(std::time::Duration::from_secs(10));
    let report = bench.run().await.unwrap();
    assert!(published(&report.outcome), "{report:?}");
    assert_ne!(bench.lines(), before);
}

#[tokio::test]
async fn a_count_that_disagrees_keeps_the_old_snapshot() {
    let bench = with_products(5).await;
    let six = Count {
        count: 6,
        exact: true,
    };
    bench.catalog.set_count(ItemKind::Product, Some(six));
    let report = bench.scan().await;
    let Outcome::Failed { error, .. } = &report.outcome else {
        panic!("{report:?}");
    };
    assert!(
        error.contains("6 product items, but 5 were read"),
        "{error}"
    );
    assert_eq!(bench.snapshots.uploads(), 0);

    let at_least = Count {
        count: 5,
        exact: false,
    };
    bench.catalog.set_count(ItemKind::Product, Some(at_least));
    bench.clock.advance(std::time::Duration::from_mins(1));
    assert!(published(&bench.run().await.unwrap().outcome));
}

#[tokio::test]
async fn a_shop_that_refuses_us_waits_and_comes_back() {
    let bench = with_products(1).await;
    let reason = UnavailableReason::Frozen;
    let refused = PortError::new("read", Disposition::ShopUnavailable { reason }, "402");
    bench.catalog.fail_scan(ItemKind::Product, 0, refused);
    bench.scan().await;
    let status = bench
        .state
        .find(&Bench::shop())
        .await
        .unwrap()
        .unwrap()
        .status;
    assert_eq!(status, ShopStatus::Unavailable(reason));
    bench.clock.advance(std::time::Duration::from_mins(59));
    assert!(bench.run().await.is_none());
    bench.clock.advance(std::time::Duration::from_mins(1));
    assert!(published(&bench.run().await.unwrap().outcome));
    let status = bench
        .state
        .find(&Bench::shop())
        .await
        .unwrap()
        .unwrap()
        .status;
    assert_eq!(status, ShopStatus::Active);
}

#[tokio::test]
async fn a_plan_tells_and_changes_nothing() {
    let bench = with_products(3).await;
    bench.scan().await;
    bench.catalog.put(product(1, "new"));
    bench.catalog.put(product(4, "x"));
    bench.catalog.remove(key(ItemKind::Product, 2));
    let plan = bench
        .engine
        .plan(&Bench::shop(), &sync_core::progress::NoopObserver)
        .await
        .unwrap();
    assert_eq!(plan.outcome, Outcome::WouldPublish { differences: 3 });
    let counts = plan.counts["product"];
    assert_eq!((counts.added, counts.changed, counts.removed), (1, 1, 1));
    assert_eq!(bench.counted().await, 4, "three products and the shop");
    assert_eq!(bench.snapshots.uploads(), 1);
    assert!(bench.run().await.is_none());
}

#[tokio::test]
async fn only_the_holder_of_the_lease_ends_what_was_left_behind_and_goes_on_in_any_case() {
    let bench = with_products(3).await;
    let catalog = &bench.catalog;
    catalog.set_interrupted_scans(Ok(2));
    let silent = &sync_core::progress::NoopObserver;
    bench.engine.plan(&Bench::shop(), silent).await.unwrap();
    assert!(catalog.has_interrupted_scans(), "another run may be at it");
    assert!(published(&bench.scan().await.outcome));
    assert!(!catalog.has_interrupted_scans());

    catalog.set_interrupted_scans(Err(PortError::fail("end it", "refused")));
    catalog.put(product(1, "new"));
    assert!(published(&bench.scan().await.outcome));
    assert!(!catalog.has_interrupted_scans());
}

/// Keeps what is told of the reading of products.
#[derive(Default)]
struct Products(Mutex<Vec<(u64, Option<u64>)>>);

impl Observer for Products {
    fn observe(&self, _: &ShopDomain, _: Option<RunId>, progress: &Progress) {
        if let Progress::Read {
            kind: ItemKind::Product,
            done,
            expected,
        } = progress
        {
            self.0.lock().unwrap().push((*done, *expected));
        }
    }
}

#[tokio::test]
async fn a_kind_is_told_of_before_its_first_item() {
    let bench = with_products(3).await;
    let failed = PortError::retry("read the products", "cut off");
    bench.catalog.fail_scan(ItemKind::Product, 0, failed);
    let told = Products::default();
    bench.engine.plan(&Bench::shop(), &told).await.unwrap_err();
    assert_eq!(*told.0.lock().unwrap(), [(0, Some(3))]);
    bench.engine.plan(&Bench::shop(), &told).await.unwrap();
    let told = told.0.into_inner().unwrap();
    assert_eq!(told[1..], [(0, Some(3)), (3, Some(3))]);
}

#[tokio::test]
async fn items_beyond_a_batch_are_all_written() {
    let bench = with_products(0).await;
    let many: Vec<Item> = (1..=257)
        .map(|id| product(id * 1_000_000_007, "x"))
        .collect();
    for item in many {
        bench.catalog.put(item);
    }
    assert_eq!(bench.scan().await.counts["product"].added, 257);
    assert_eq!(bench.lines().len(), 258);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_keeps_its_old_version_and_holds_nobody_up() {
    let bench = with_products(20).await;
    bench.scan().await;
    let (bad, other) = (key(ItemKind::Product, 4), key(ItemKind::Product, 5));
    bench.catalog.put(product(4, "new"));
    bench.catalog.put(product(5, "new"));
    bench.catalog.make_unreadable(bad);
    bench.deliver("w1", bad).await;
    bench.deliver("w2", other).await;
    let report = bench.scan().await;
    assert!(published(&report.outcome), "{report:?}");
    let counts = report.counts["product"];
    assert_eq!(
        (counts.read, counts.changed, counts.removed, counts.failed),
        (19, 1, 0, 1)
    );
    let lines = bench.lines();
    assert!(
        lines.contains(&format!("products {}", product(4, "x").body)),
        "the old one"
    );
    assert!(lines.contains(&format!("products {}", product(5, "new").body)));
    assert_eq!(lines.len(), 21);

    // The mark of the one that was set aside is left, so that it is read again by itself.
    bench.catalog.make_readable(bad);
    bench.clock.advance(std::time::Duration::from_mins(1));
    let report = bench.run().await.expect("its mark is left");
    assert_eq!(report.counts["product"].changed, 1);
    let lines = bench.lines();
    assert!(lines.contains(&format!("products {}", product(4, "new").body)));
    assert!(bench.state.is_settled());
}

/// Its stock was named by a delivery before the scan, which cannot read what the stock belongs to.
#[tokio::test]
async fn the_mark_of_an_inventory_item_is_left_when_its_product_is_set_aside() {
    let bench = with_products(3).await;
    let stock = key(ItemKind::InventoryItem, 70);
    let with_stock = |level: u32| Item {
        references: vec![stock],
        ..item(
            key(ItemKind::Product, 3),
            &format!(r#"{{"available":{level}}}"#),
        )
    };
    bench.catalog.put(with_stock(5));
    bench.scan().await;
    bench.catalog.put(with_stock(4));
    bench.catalog.make_unreadable(key(ItemKind::Product, 3));
    bench.deliver("w1", stock).await;
    bench.scan().await;
    bench.catalog.make_readable(key(ItemKind::Product, 3));
    bench.clock.advance(std::time::Duration::from_mins(1));
    assert!(published(
        &bench.run().await.expect("its mark is left").outcome
    ));
    assert!(
        bench
            .lines()
            .contains(&r#"products {"available":4}"#.to_owned())
    );
}

/// It is in the shop's count, and in no mirror: the rest is published, and the report says that one is missing.
#[tokio::test]
async fn a_new_item_that_cannot_be_read_is_left_out_and_counted() {
    let bench = with_products(3).await;
    bench.catalog.make_unreadable(key(ItemKind::Product, 2));
    let report = bench.scan().await;
    assert!(published(&report.outcome), "{report:?}");
    let counts = report.counts["product"];
    assert_eq!(
        (counts.expected, counts.read, counts.failed),
        (Some(3), 2, 1)
    );
    assert_eq!(bench.lines().len(), 3);
}

/// One that is missing without a word is not covered by one that cannot be read.
#[tokio::test]
async fn what_is_set_aside_does_not_make_up_for_what_is_missing() {
    let bench = with_products(5).await;
    bench.catalog.make_unreadable(key(ItemKind::Product, 2));
    bench.catalog.hide(key(ItemKind::Product, 3));
    let report = bench.scan().await;
    let Outcome::Failed { error, will_retry } = &report.outcome else {
        panic!("{report:?}");
    };
    assert!(
        error.contains("5 product items, but 4 were read") && *will_retry,
        "{error}"
    );
    assert_eq!(bench.snapshots.uploads(), 0);
}

/// Then it is the shop's answers, or this program, and no matter of single items.
#[tokio::test]
async fn too_many_that_cannot_be_read_are_a_failure() {
    for (unreadable, too_many) in [(20, false), (21, true)] {
        let bench = with_products(100).await;
        bench.scan().await;
        let before = bench.lines();
        for id in 1..=unreadable {
            bench.catalog.make_unreadable(key(ItemKind::Product, id));
        }
        bench.catalog.put(product(50, "new"));
        let report = bench.scan().await;
        let failed = Outcome::Failed {
            error: "could not read the items: the answer makes no sense".to_owned(),
            will_retry: false,
        };
        assert_eq!(report.outcome == failed, too_many, "{report:?}");
        assert_eq!(bench.lines() == before, too_many);
    }
}

#[tokio::test]
async fn a_plan_counts_what_cannot_be_read_as_there() {
    let bench = with_products(3).await;
    bench.scan().await;
    bench.catalog.make_unreadable(key(ItemKind::Product, 2));
    bench.catalog.remove(key(ItemKind::Product, 3));
    let silent = sync_core::progress::NoopObserver;
    let plan = bench.engine.plan(&Bench::shop(), &silent).await.unwrap();
    let counts = plan.counts["product"];
    assert_eq!((counts.read, counts.removed, counts.failed), (1, 1, 1));
}
