use std::time::Duration;

use sync_core::engine::Step;
use sync_core::ports::Inbox;
use sync_core::progress::NoopObserver;
use sync_core::{ClaimOutcome, Disposition, ItemKind, Outcome, PortError, Trigger, WorkRequest};
use testkit::{key, product};
use tokio_util::sync::CancellationToken;

use crate::bench::Bench;

async fn scanned() -> Bench {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    bench.scan().await;
    bench
}

#[tokio::test]
async fn a_worker_that_dies_before_the_upload_is_replaced() {
    let bench = scanned().await;
    bench.catalog.put(product(1, "new"));
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    bench.clock.advance(Duration::from_secs(1));
    // A worker claims the shop and is never heard of again.
    let until = bench.now() + chrono::TimeDelta::seconds(15);
    let claimed = bench.state.claim(None, bench.now(), until).await.unwrap();
    assert!(matches!(claimed, ClaimOutcome::Claimed(_)));
    bench.clock.advance(Duration::from_secs(14));
    assert!(bench.run().await.is_none());
    bench.clock.advance(Duration::from_secs(1));
    bench.run().await.unwrap();
    assert!(bench.lines()[0].contains("new"));
    assert!(bench.state.is_settled());
}

#[tokio::test]
async fn a_worker_that_dies_between_upload_and_note_is_not_repeated_in_effect() {
    let bench = scanned().await;
    bench.catalog.put(product(1, "new"));
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    // The upload succeeds and its answer is lost: the run fails, the document is there.
    bench
        .snapshots
        .fail_next(PortError::retry("upload", "reset"));
    let report = bench.settle().await.unwrap();
    assert!(
        matches!(
            report.outcome,
            Outcome::Failed {
                will_retry: true,
                ..
            }
        ),
        "{report:?}"
    );
    assert!(!bench.state.is_settled());
    bench.clock.advance(Duration::from_secs(10));
    let report = bench.run().await.unwrap();
    assert!(matches!(report.outcome, Outcome::Published { .. }));
    assert_eq!(bench.snapshots.uploads(), 2);
    assert!(bench.state.is_settled());
}

#[tokio::test]
async fn failures_wait_longer_each_time_and_are_forgotten_after_a_success() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    bench.request(&WorkRequest::full(Trigger::Backfill)).await;
    let mut waits = Vec::new();
    for _ in 0..5 {
        let down = PortError::retry("read the products", "503");
        bench.catalog.fail_scan(ItemKind::Product, 0, down);
        bench.run().await.unwrap();
        let mut waited = 0;
        while !due(&bench).await {
            bench.clock.advance(Duration::from_secs(1));
            waited += 1;
        }
        waits.push(waited);
    }
    assert!(
        waits.is_sorted() && waits[0] >= 5 && waits[4] >= 80,
        "{waits:?}"
    );
    assert!(matches!(
        bench.run().await.unwrap().outcome,
        Outcome::Published { .. }
    ));
}

async fn due(bench: &Bench) -> bool {
    let claiming = bench
        .state
        .claim(None, bench.now(), bench.now())
        .await
        .unwrap();
    // A lease that ends at once does not keep anybody out.
    matches!(claiming, ClaimOutcome::Claimed(_))
}

#[tokio::test]
async fn the_other_side_is_left_alone_for_as_long_as_it_asks() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    let after = Some(Duration::from_mins(10));
    let busy = PortError::new("read", Disposition::Retry { after }, "429");
    bench.catalog.fail_scan(ItemKind::Product, 0, busy);
    bench.scan().await;
    bench.clock.advance(Duration::from_secs(599));
    assert!(bench.run().await.is_none());
    bench.clock.advance(Duration::from_secs(1));
    assert!(bench.run().await.is_some());
}

/// Something on the way may answer any number; a date beyond the calendar must not end the worker.
#[tokio::test]
async fn a_day_is_the_longest_that_anybody_is_left_alone() {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    let after = Some(Duration::MAX);
    let busy = PortError::new("read", Disposition::Retry { after }, "429");
    bench.catalog.fail_scan(ItemKind::Product, 0, busy);
    bench.scan().await;
    bench
        .clock
        .advance(Duration::from_hours(24) - Duration::from_secs(1));
    assert!(bench.run().await.is_none());
    bench.clock.advance(Duration::from_secs(1));
    assert!(bench.run().await.is_some());
}

#[tokio::test]
async fn what_cannot_succeed_is_given_up_and_told() {
    let bench = Bench::new().await;
    let refused = PortError::fail("read the products", "no such field");
    bench.catalog.fail_scan(ItemKind::Product, 0, refused);
    bench.scan().await;
    let expected = Outcome::Failed {
        error: "could not read the products: no such field".to_owned(),
        will_retry: false,
    };
    assert_eq!(bench.last_outcome().await, expected);
    bench.clock.advance(Duration::from_hours(24));
    assert!(bench.run().await.is_none());
}

#[tokio::test]
async fn a_worker_stops_when_it_is_told_to() {
    let bench = scanned().await;
    let shutdown = CancellationToken::new();
    let engine = bench.engine.clone();
    let told = shutdown.clone();
    let worker = tokio::spawn(async move { engine.work(&NoopObserver, &told).await });
    shutdown.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn an_idle_worker_wakes_for_a_delivery() {
    let bench = scanned().await;
    let shutdown = CancellationToken::new();
    let engine = bench.engine.clone();
    let told = shutdown.clone();
    let worker = tokio::spawn(async move { engine.work(&NoopObserver, &told).await });
    bench.catalog.put(product(1, "new"));
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    bench.clock.advance(Duration::from_secs(1));
    while !bench.lines()[0].contains("new") {
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn one_shop_is_run_before_it_is_due() {
    let bench = scanned().await;
    bench.deliver("w1", key(ItemKind::Product, 1)).await;
    let shutdown = CancellationToken::new();
    let shop = Bench::shop();
    let step = bench
        .engine
        .run_next(Some(&shop), &NoopObserver, &shutdown)
        .await
        .unwrap();
    assert!(matches!(step, Step::Ran { .. }), "{step:?}");
    let step = bench
        .engine
        .run_next(Some(&shop), &NoopObserver, &shutdown)
        .await
        .unwrap();
    assert_eq!(step, Step::Idle { next: None });
}
