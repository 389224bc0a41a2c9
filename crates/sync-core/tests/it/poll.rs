//! Tests the daily poll over lost webhooks, downtime and clock changes.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveTime;
use chrono_tz::Tz;
use sync_core::Outcome;
use sync_core::schedule::Scheduler;
use testkit::{at, product};

use crate::harness::Harness;

fn scheduler(harness: &Harness, zone: Tz) -> Scheduler {
    Scheduler::new(
        Arc::new(harness.state.clone()),
        Arc::new(harness.clock.clone()),
        harness.wake.clone(),
        zone,
        NaiveTime::MIN,
        Duration::ZERO,
    )
}

/// A shop that was polled and scanned today.
async fn polled(zone: Tz) -> (Harness, Scheduler) {
    let harness = Harness::new().await;
    harness.catalog.put(product(1, "x"));
    let scheduler = scheduler(&harness, zone);
    assert_eq!(scheduler.tick().await.unwrap(), Some(1));
    harness.run().await.unwrap();
    (harness, scheduler)
}

#[tokio::test]
async fn the_poll_finds_the_change_of_a_lost_webhook() {
    let (harness, scheduler) = polled(Tz::UTC).await;
    harness.catalog.put(product(1, "changed without a webhook"));
    harness.clock.set(at("2026-11-24T23:59:59Z"));
    assert_eq!(scheduler.tick().await.unwrap(), None);
    assert!(harness.run().await.is_none());
    harness.clock.set(at("2026-11-25T00:00:00Z"));
    assert_eq!(scheduler.tick().await.unwrap(), Some(1));
    assert_eq!(scheduler.tick().await.unwrap(), None);
    let report = harness.run().await.unwrap();
    assert!(
        matches!(report.outcome, Outcome::Published { .. }),
        "{report:?}"
    );
    assert!(harness.lines()[0].contains("without a webhook"));
}

#[tokio::test]
async fn three_days_of_downtime_make_one_run_at_once() {
    let (harness, scheduler) = polled(Tz::UTC).await;
    harness.clock.set(at("2026-11-27T15:30:00Z"));
    assert_eq!(scheduler.tick().await.unwrap(), Some(1));
    assert!(harness.run().await.is_some());
    assert!(harness.run().await.is_none());
    assert_eq!(scheduler.tick().await.unwrap(), None);
    harness.clock.set(at("2026-11-28T00:00:00Z"));
    assert_eq!(
        scheduler.tick().await.unwrap(),
        Some(1),
        "the schedule is kept"
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
        let (harness, scheduler) = polled(zone).await;
        harness.clock.set(at(from));
        scheduler.tick().await.unwrap();
        let mut runs = 0;
        while sync_core::ports::Clock::now(&harness.clock) < at(to) {
            harness.clock.advance(Duration::from_mins(1));
            if scheduler.tick().await.unwrap().is_some() {
                runs += 1;
            }
        }
        assert_eq!(runs, 6, "{zone}");
    }
}
