//! Tests that the daily poll finds changes without a webhook. The clock is manual.

use std::time::Duration;

use sync_core::{Run, Trigger};
use testkit::{ManualClock, at};

use crate::support::{World, WorldBuilder};

const DAY: Duration = Duration::from_hours(24);

fn polling(clock: &ManualClock) -> WorldBuilder {
    World::builder()
        .clock(clock)
        .set("SHOPSYNC__POLL__ENABLED", "true")
        .set("SHOPSYNC__POLL__SPREAD", "0s")
}

/// Installs the service and runs the poll that is due at the start.
async fn installed(builder: WorldBuilder) -> World {
    let world = builder.installed().await;
    world.app.run_due_jobs().await;
    world.app.settled().await;
    world
}

async fn polls(world: &World) -> usize {
    let is_poll = |run: &Run| run.trigger == Trigger::Poll;
    world.runs().await.into_iter().filter(is_poll).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_webhook_is_lost_arrives_by_the_poll() {
    let clock = ManualClock::new(at("2026-11-24T10:00:00Z"));
    let world = installed(polling(&clock)).await;
    let product = world.shop.product_ids()[0];
    world.shop.drop_deliveries(1_000);
    world.shop.set_price(product, None, "31.00").unwrap();
    world
        .shop
        .delete_product(world.shop.product_ids()[1])
        .unwrap();
    world.settled().await;
    world.document_matches_shop().await.unwrap_err();
    let (uploads, before) = (world.app.put_count(), polls(&world).await);

    clock.set(at("2026-11-24T23:59:59Z"));
    assert_eq!(world.app.run_due_jobs().await, None);
    clock.set(at("2026-11-25T00:00:00Z"));
    assert_eq!(world.app.run_due_jobs().await, Some(1));
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.app.put_count(), uploads + 1);
    assert_eq!(polls(&world).await, before + 1);
    assert_eq!(world.app.run_due_jobs().await, None, "once a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_at_the_start_covers_three_days_of_downtime() {
    let clock = ManualClock::new(at("2026-11-20T10:00:00Z"));
    let mut world = installed(polling(&clock)).await;
    let before = polls(&world).await;
    world.app.stop().await;
    world
        .shop
        .without_webhooks()
        .rename_shop("Renamed meanwhile")
        .unwrap();
    clock.advance(3 * DAY);
    world.app.restart().await;
    // The start also runs the periodic jobs; only the first of both begins the poll.
    world.app.run_due_jobs().await;
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(polls(&world).await, before + 1);
    clock.advance(Duration::from_hours(1));
    assert_eq!(world.app.run_due_jobs().await, None);
    assert_eq!(polls(&world).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_midnight_that_a_clock_change_skips_is_polled_after_the_change() {
    for (zone, morning, eve, jump, next) in [
        (
            "Africa/Cairo",
            "2026-04-23T10:00:00Z",
            "2026-04-23T21:59:59Z",
            "2026-04-23T22:00:00Z",
            "2026-04-24T21:00:00Z",
        ),
        (
            "America/Havana",
            "2026-03-07T15:00:00Z",
            "2026-03-08T04:59:59Z",
            "2026-03-08T05:00:00Z",
            "2026-03-09T04:00:00Z",
        ),
    ] {
        let clock = ManualClock::new(at(morning));
        let world = installed(polling(&clock).set("SHOPSYNC__POLL__TIMEZONE", zone)).await;
        let before = polls(&world).await;
        world
            .shop
            .without_webhooks()
            .rename_shop("Renamed")
            .unwrap();
        clock.set(at(eve));
        assert_eq!(world.app.run_due_jobs().await, None, "{zone}");
        clock.set(at(jump));
        assert_eq!(world.app.run_due_jobs().await, Some(1), "{zone}");
        world.settled().await;
        world.document_matches_shop().await.unwrap();
        assert_eq!(polls(&world).await, before + 1, "{zone}");
        // The next poll is at midnight again, one hour earlier in UTC.
        let next = at(next);
        clock.set(next - chrono::TimeDelta::seconds(1));
        assert_eq!(world.app.run_due_jobs().await, None, "{zone}");
        clock.set(next);
        assert_eq!(world.app.run_due_jobs().await, Some(1), "{zone}");
    }
}
