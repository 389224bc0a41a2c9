//! Tests that publishing is work of its own: it fails, waits and is retried without the catalogue being read again.

use std::time::Duration;

use futures::TryStreamExt;
use sync_core::ports::{MirrorReader, Publications, Publisher};
use sync_core::progress::NoopObserver;
use sync_core::{Disposition, ItemKind, Outcome, PortError, UnavailableReason};
use testkit::{key, product};
use tokio_util::sync::CancellationToken;

use crate::harness::Harness;

async fn with_product() -> Harness {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness
}

fn down() -> PortError {
    PortError::retry("upload the snapshot", "connection refused")
}

/// Whether the catalogue was read and not published.
fn unpublished(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed {
            will_retry: true,
            catalogue_read: true,
            ..
        }
    )
}

fn published(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Published { .. })
}

#[tokio::test]
async fn a_scan_is_published_once_the_space_is_back() {
    let harness = with_product().await;
    harness.snapshots.fail_next(down());
    let report = harness.scan().await;
    assert!(unpublished(&report.outcome), "{report:?}");
    let scans = harness.catalog.scans();
    let mut failed = 0;
    for _ in 0..3 {
        harness.snapshots.fail_next(down());
    }
    for _ in 0..120 {
        harness.clock.advance(Duration::from_secs(1));
        let Some(report) = harness.run().await else {
            continue;
        };
        if published(&report.outcome) {
            assert!(report.counts.is_empty(), "nothing was read");
            break;
        }
        assert!(unpublished(&report.outcome), "{report:?}");
        failed += 1;
    }
    assert_eq!(failed, 3);
    assert_eq!(harness.lines().len(), 1);
    assert_eq!(harness.catalog.scans(), scans, "the catalogue is read once");
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn refreshes_go_on_while_the_space_is_down() {
    let harness = with_product().await;
    harness.scan().await;
    harness.catalog.put(product(1, "new"));
    harness.snapshots.fail_next(down());
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    let report = harness.settle().await.unwrap();
    assert!(unpublished(&report.outcome), "{report:?}");

    // Read meanwhile, and not published before the retry is due.
    harness.catalog.put(product(2, "two"));
    harness.deliver("w2", key(ItemKind::Product, 2)).await;
    let report = harness.settle().await.unwrap();
    assert!(unpublished(&report.outcome), "{report:?}");
    assert_eq!(report.counts["product"].added, 1);
    let fetches = harness.catalog.fetches();
    assert_eq!((fetches, harness.snapshots.uploads()), (2, 1));

    harness.clock.advance(Duration::from_secs(10));
    let report = harness.run().await.unwrap();
    assert!(published(&report.outcome), "{report:?}");
    let lines = harness.lines();
    assert!(lines[0].contains("new") && lines[1].contains("two"));
    assert_eq!(harness.catalog.fetches(), fetches);
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn a_worker_that_dies_before_publishing_leaves_only_that() {
    let harness = with_product().await;
    let gate = harness.snapshots.hold_next();
    let engine = harness.engine.clone();
    let request = sync_core::WorkRequest::full(sync_core::Trigger::Manual);
    harness.request(&request).await;
    let worker = tokio::spawn(async move {
        let shutdown = CancellationToken::new();
        engine.run_next(None, &NoopObserver, &shutdown).await
    });
    gate.reached().await;
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
    assert_eq!(harness.snapshots.uploads(), 0);
    let scans = harness.catalog.scans();
    harness.clock.advance(Duration::from_secs(15));
    let report = harness.run().await.unwrap();
    assert!(published(&report.outcome), "{report:?}");
    assert_eq!(harness.catalog.scans(), scans);
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn an_older_publisher_that_ends_last_does_not_overwrite_the_record() {
    let harness = with_product().await;
    harness.scan().await;
    let gate = harness.snapshots.hold_next();
    harness.catalog.put(product(1, "older"));
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    harness.clock.advance(Duration::from_secs(1));
    let shutdown = CancellationToken::new();
    let mut slow = std::pin::pin!(harness.engine.run_next(None, &NoopObserver, &shutdown));
    tokio::select! {
        _ = &mut slow => panic!("it is held"),
        () = gate.reached() => {}
    }
    // Its process stands still, and its lease expires.
    harness.clock.advance(Duration::from_secs(15));
    harness.catalog.put(product(1, "newer"));
    harness.deliver("w2", key(ItemKind::Product, 1)).await;
    harness.clock.advance(Duration::from_secs(1));
    let report = harness.run().await.unwrap();
    assert!(published(&report.outcome), "{report:?}");
    let recorded = harness.publication().await;
    assert!(!recorded.is_behind());

    gate.open();
    slow.await.unwrap();
    assert_eq!(harness.publication().await, recorded);
    // What it may have uploaded is repaired by the next scan.
    harness.scan().await;
    assert!(harness.lines()[0].contains("newer"));
}

#[tokio::test]
async fn a_failing_scan_does_not_hold_back_a_due_publication() {
    let harness = with_product().await;
    harness.snapshots.fail_next(down());
    harness.scan().await;
    harness.clock.advance(Duration::from_mins(1));
    let broken = PortError::retry("read the products", "503");
    harness.catalog.fail_scan(ItemKind::Product, 0, broken);
    let report = harness.scan().await;
    let Outcome::Failed { error, .. } = &report.outcome else {
        panic!("{report:?}");
    };
    assert!(error.contains("read the products"), "{error}");
    assert_eq!(harness.lines().len(), 1);
    assert!(!harness.publication().await.is_behind());
}

#[tokio::test]
async fn a_shop_that_refuses_access_stops_the_run() {
    let harness = with_product().await;
    harness.snapshots.fail_next(down());
    harness.scan().await;
    harness.clock.advance(Duration::from_mins(1));
    let reason = UnavailableReason::Frozen;
    let refused = PortError::new("read", Disposition::ShopUnavailable { reason }, "402");
    harness.catalog.fail_audit(refused);
    let scans = harness.catalog.scans();
    harness.scan().await;
    assert_eq!(harness.catalog.scans(), scans, "nothing else was tried");
    assert!(harness.lines().is_empty());
    harness.clock.advance(Duration::from_mins(59));
    assert!(harness.run().await.is_none());
    harness.clock.advance(Duration::from_mins(1));
    assert!(published(&harness.run().await.unwrap().outcome));
}

#[tokio::test]
async fn a_halted_scan_holds_back_nothing_that_deliveries_named() {
    let harness = with_product().await;
    for id in 2..=100 {
        harness.catalog.put(product(id, "x"));
    }
    harness.scan().await;
    for id in 1..=21 {
        harness.catalog.remove(key(ItemKind::Product, id));
    }
    harness.catalog.put(product(50, "new"));
    harness.deliver("w1", key(ItemKind::Product, 50)).await;
    harness.clock.advance(Duration::from_secs(1));
    let report = harness.scan().await;
    assert!(
        matches!(report.outcome, Outcome::Halted { .. }),
        "{report:?}"
    );
    let lines = harness.lines();
    assert_eq!(lines.len(), 100, "nothing is tombstoned");
    assert!(lines.iter().any(|line| line.contains("new")));
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn a_failed_audit_of_the_subscriptions_is_retried_alone() {
    let harness = with_product().await;
    harness
        .catalog
        .fail_audit(PortError::retry("list the subscriptions", "503"));
    let report = harness.scan().await;
    assert!(published(&report.outcome), "{report:?}");
    let scans = harness.catalog.scans();
    harness.clock.advance(Duration::from_secs(10));
    assert_eq!(harness.run().await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(
        (harness.catalog.audits(), harness.catalog.scans()),
        (2, scans)
    );
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn a_layout_reads_items_and_changes_in_pages() {
    let harness = with_product().await;
    for id in 2..=5 {
        harness.catalog.put(product(id, "x"));
    }
    harness.scan().await;
    let before = harness.publication().await.revision;
    harness.catalog.put(product(2, "new"));
    harness.catalog.remove(key(ItemKind::Product, 4));
    harness.scan().await;
    let shop = Harness::shop();
    let state = harness
        .state
        .publication_state(&shop, harness.snapshots.layout())
        .await;
    let revision = state.unwrap().revision;
    let mirror = MirrorReader::new(&harness.state, &shop, revision, 2);
    assert_eq!(mirror.revision(), revision);
    let items: Vec<_> = mirror.items().try_collect().await.unwrap();
    assert_eq!(items.len(), 4);
    let changes: Vec<_> = mirror.changed_since(before).try_collect().await.unwrap();
    let changes: Vec<_> = changes
        .into_iter()
        .map(|change| (change.key.id.as_u64(), change.body.is_some()))
        .collect();
    assert_eq!(changes, [(2, true), (4, false)]);
    let all: Vec<_> = mirror.changed_since(0).try_collect().await.unwrap();
    assert_eq!(all.len(), 5);
}
