use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveTime;
use chrono_tz::Tz;
use sync_core::Outcome;
use sync_core::schedule::Scheduler;
use testkit::{at, product};

use crate::bench::Bench;

fn scheduler(bench: &Bench, zone: Tz) -> Scheduler {
    Scheduler::new(
        Arc::new(bench.state.clone()),
        Arc::new(bench.clock.clone()),
        bench.wake.clone(),
        zone,
        NaiveTime::MIN,
        Duration::ZERO,
    )
}

/// A shop that was polled today and read since.
async fn polled(zone: Tz) -> (Bench, Scheduler) {
    let bench = Bench::new().await;
    bench.catalog.put(product(1, "x"));
    let scheduler = scheduler(&bench, zone);
    assert_eq!(scheduler.tick().await.unwrap(), Some(1));
    bench.run().await.unwrap();
    (bench, scheduler)
}

#[tokio::test]
async fn a_lost_webhook_is_made_good_by_the_poll() {
    let (bench, scheduler) = polled(Tz::UTC).await;
    bench.catalog.put(product(1, "changed without a word"));
    bench.clock.set(at("2026-11-24T23:59:59Z"));
    assert_eq!(scheduler.tick().await.unwrap(), None);
    assert!(bench.run().await.is_none());
    bench.clock.set(at("2026-11-25T00:00:00Z"));
    assert_eq!(scheduler.tick().await.unwrap(), Some(1));
    assert_eq!(scheduler.tick().await.unwrap(), None);
    let report = bench.run().await.unwrap();
    assert!(
        matches!(report.outcome, Outcome::Published { .. }),
        "{report:?}"
    );
    assert!(bench.lines()[0].contains("without a word"));
}

#[tokio::test]
async fn three_days_of_downtime_make_one_run_at_once() {
    let (bench, scheduler) = polled(Tz::UTC).await;
    bench.clock.set(at("2026-11-27T15:30:00Z"));
    assert_eq!(scheduler.tick().await.unwrap(), Some(1));
    assert!(bench.run().await.is_some());
    assert!(bench.run().await.is_none());
    assert_eq!(scheduler.tick().await.unwrap(), None);
    bench.clock.set(at("2026-11-28T00:00:00Z"));
    assert_eq!(
        scheduler.tick().await.unwrap(),
        Some(1),
        "the rhythm is kept"
    );
}

#[tokio::test]
async fn every_local_day_is_polled_once_where_midnight_does_not_exist() {
    // Clocks go from 23:59 to 01:00 on 2027-04-30 in Egypt and on 2027-03-14 in Cuba.
    for (zone, from, to) in [
        (
            Tz::Africa__Cairo,
            "2027-04-27T12:00:00Z",
            "2027-05-03T12:00:00Z",
        ),
        (
            Tz::America__Havana,
            "2027-03-11T12:00:00Z",
            "2027-03-17T12:00:00Z",
        ),
    ] {
        let (bench, scheduler) = polled(zone).await;
        bench.clock.set(at(from));
        scheduler.tick().await.unwrap();
        let mut runs = 0;
        while sync_core::ports::Clock::now(&bench.clock) < at(to) {
            bench.clock.advance(Duration::from_mins(1));
            if scheduler.tick().await.unwrap().is_some() {
                runs += 1;
            }
        }
        assert_eq!(runs, 6, "{zone}");
    }
}
