//! Tests dying workers, retries, permanent failures and shutdown.

use std::time::Duration;

use sync_core::engine::Step;
use sync_core::ports::Inbox;
use sync_core::progress::NoopObserver;
use sync_core::{ClaimOutcome, Disposition, ItemKind, Outcome, PortError, Trigger, WorkRequest};
use testkit::{key, product};
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, until};

async fn scanned() -> Harness {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.scan().await;
    harness
}

#[tokio::test]
async fn a_worker_that_dies_before_the_upload_is_replaced() {
    let harness = scanned().await;
    harness.catalog.put(product(1, "new"));
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    harness.clock.advance(Duration::from_secs(1));
    // A worker claims the shop and dies.
    let until = harness.now() + chrono::TimeDelta::seconds(15);
    let claimed = harness
        .state
        .claim(None, harness.now(), until)
        .await
        .unwrap();
    assert!(matches!(claimed, ClaimOutcome::Claimed(_)));
    harness.clock.advance(Duration::from_secs(14));
    assert!(harness.run().await.is_none());
    harness.clock.advance(Duration::from_secs(1));
    harness.run().await.unwrap();
    assert!(harness.lines()[0].contains("new"));
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn a_run_repeated_after_its_upload_uploads_nothing() {
    let harness = scanned().await;
    harness.catalog.put(product(1, "new"));
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    // The document is uploaded, and the worker never learns of it.
    harness
        .snapshots
        .fail_after_upload(PortError::retry("upload", "reset"));
    let report = harness.settle().await.unwrap();
    assert!(
        matches!(
            report.outcome,
            Outcome::Failed {
                will_retry: true,
                catalogue_read: true,
                ..
            }
        ),
        "{report:?}"
    );
    assert_eq!(harness.snapshots.uploads(), 2);
    assert!(harness.lines()[0].contains("new"));
    assert!(!harness.is_settled().await);
    let fetches = harness.catalog.fetches();
    harness.clock.advance(Duration::from_secs(10));
    let report = harness.run().await.unwrap();
    assert_eq!(report.outcome, Outcome::Unchanged);
    assert_eq!(harness.snapshots.uploads(), 2);
    assert_eq!(harness.catalog.fetches(), fetches);
    assert!(!harness.publication().await.is_behind());
    assert!(harness.is_settled().await);
}

#[tokio::test]
async fn retry_delays_grow_until_a_success() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    harness.request(&WorkRequest::full(Trigger::Backfill)).await;
    let mut waits = Vec::new();
    for _ in 0..5 {
        let unavailable = PortError::retry("read the products", "503");
        harness.catalog.fail_scan(ItemKind::Product, 0, unavailable);
        harness.run().await.unwrap();
        let mut waited = 0;
        while !due(&harness).await {
            harness.clock.advance(Duration::from_secs(1));
            waited += 1;
        }
        waits.push(waited);
    }
    assert!(
        waits.is_sorted() && waits[0] >= 5 && waits[4] >= 80,
        "{waits:?}"
    );
    assert!(matches!(
        harness.run().await.unwrap().outcome,
        Outcome::Published { .. }
    ));
}

async fn due(harness: &Harness) -> bool {
    let claiming = harness
        .state
        .claim(None, harness.now(), harness.now())
        .await
        .unwrap();
    // The lease ends at once, so it excludes no other worker.
    matches!(claiming, ClaimOutcome::Claimed(_))
}

#[tokio::test]
async fn a_retry_waits_for_the_requested_delay() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    let after = Some(Duration::from_mins(10));
    let busy = PortError::new("read", Disposition::Retry { after }, "429");
    harness.catalog.fail_scan(ItemKind::Product, 0, busy);
    harness.scan().await;
    harness.clock.advance(Duration::from_secs(599));
    assert!(harness.run().await.is_none());
    harness.clock.advance(Duration::from_secs(1));
    assert!(harness.run().await.is_some());
}

/// A proxy may send any `Retry-After`; a time outside the calendar's range must not crash the worker.
#[tokio::test]
async fn a_requested_delay_is_limited_to_a_day() {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    let after = Some(Duration::MAX);
    let busy = PortError::new("read", Disposition::Retry { after }, "429");
    harness.catalog.fail_scan(ItemKind::Product, 0, busy);
    harness.scan().await;
    harness
        .clock
        .advance(Duration::from_hours(24) - Duration::from_secs(1));
    assert!(harness.run().await.is_none());
    harness.clock.advance(Duration::from_secs(1));
    assert!(harness.run().await.is_some());
}

#[tokio::test]
async fn a_permanent_failure_is_recorded_and_given_up() {
    let harness = Harness::new().await;
    let refused = PortError::fail("read the products", "no such field");
    harness.catalog.fail_scan(ItemKind::Product, 0, refused);
    harness.scan().await;
    let expected = Outcome::Failed {
        error: "could not read the products: no such field".to_owned(),
        will_retry: false,
        catalogue_read: false,
    };
    assert_eq!(harness.last_outcome().await, expected);
    harness.clock.advance(Duration::from_hours(24));
    assert!(harness.run().await.is_none());
}

#[tokio::test]
async fn a_sleeping_worker_stops_on_shutdown() {
    let harness = scanned().await;
    let shutdown = CancellationToken::new();
    let worker = harness.start_worker(&shutdown);
    harness.worker_sleeps().await;
    assert!(!worker.is_finished());
    // The clock stands still: only the shutdown can wake it.
    shutdown.cancel();
    until(|| worker.is_finished()).await;
}

#[tokio::test]
async fn a_sleeping_worker_wakes_for_a_delivery() {
    let harness = scanned().await;
    let shutdown = CancellationToken::new();
    let worker = harness.start_worker(&shutdown);
    harness.worker_sleeps().await;
    harness.catalog.put(product(1, "new"));
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    // It would look by itself a day later.
    harness.clock.advance(Duration::from_secs(1));
    until(|| harness.lines()[0].contains("new")).await;
    shutdown.cancel();
    until(|| worker.is_finished()).await;
}

#[tokio::test]
async fn one_shop_is_run_before_it_is_due() {
    let harness = scanned().await;
    harness.deliver("w1", key(ItemKind::Product, 1)).await;
    let shutdown = CancellationToken::new();
    let shop = Harness::shop();
    let step = harness
        .engine
        .run_next(Some(&shop), &NoopObserver, &shutdown)
        .await
        .unwrap();
    assert!(matches!(step, Step::Ran { .. }), "{step:?}");
    let step = harness
        .engine
        .run_next(Some(&shop), &NoopObserver, &shutdown)
        .await
        .unwrap();
    assert_eq!(step, Step::Idle { next: None });
}
