//! Tests that a Space that is down does not make the shop be read again.

use std::net::SocketAddr;
use std::time::Duration;

use sync_core::Outcome;
use testkit::{ManualClock, at};

use crate::support::{Relay, World};

/// An installed world whose service reaches the Space through a relay.
async fn world_behind_relay(clock: &ManualClock) -> (World, Relay, SocketAddr) {
    let builder = World::builder().clock(clock);
    let builder = builder.set("SHOPSYNC__SPACES__MAX_RETRIES", "0");
    let mut world = builder.installed().await;
    let endpoint = &world.app.variables()["SPACES_ENDPOINT"];
    let address = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let space: SocketAddr = address.parse().unwrap();
    let relay = Relay::start().await;
    relay.forward_to(space);
    world.app.set("SPACES_ENDPOINT", &relay.url(""));
    world.app.restart().await;
    (world, relay, space)
}

fn is_unpublished(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed {
            will_retry: true,
            catalogue_read: true,
            ..
        }
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_full_scan_and_during_a_refresh() {
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let (world, relay, space) = world_behind_relay(&clock).await;
    let products = world.shop.product_ids();
    world
        .shop
        .without_webhooks()
        .set_price(products[0], None, "12.34")
        .unwrap();
    let pages = world.scanned_pages();
    relay.disconnect();
    let outcome = world.next_run().await;
    assert!(is_unpublished(&outcome), "{outcome:?}");
    let scanned = world.scanned_pages();
    assert_eq!(scanned, 2 * pages, "one scan each");

    // What a delivery names is read meanwhile.
    let fetched = world.calls("ProductsById");
    let finished = world.finished_run();
    world.shop.set_price(products[1], None, "56.78").unwrap();
    let outcome = finished.await;
    assert!(is_unpublished(&outcome), "{outcome:?}");
    world.shop.settled().await;
    assert_eq!(world.calls("ProductsById"), fetched + 1);
    assert_eq!(world.app.put_count(), 1);

    relay.forward_to(space);
    clock.advance(Duration::from_mins(2));
    world.app.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.scanned_pages(), scanned);
    assert_eq!(world.calls("ProductsById"), fetched + 1);
    assert_eq!(world.app.put_count(), 2);
}
