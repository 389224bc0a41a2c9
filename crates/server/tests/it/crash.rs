//! Tests that a crashed service loses no acknowledged delivery and repeats no effect.

use std::time::Duration;

use shopify_sim::{Fault, FaultKind};
use testkit::{ManualClock, at};

use crate::support::{Process, World};

/// After this time another worker may claim the shop of a crashed worker.
const LEASE: Duration = Duration::from_secs(15);

/// Waits until the simulated shop has left a request without a response.
async fn request_hangs(world: &World) {
    world.shop.wait_for_calls(|calls| calls.faults > 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_response_and_the_run() {
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let debounced = World::builder()
        .clock(&clock)
        .set("SHOPSYNC__SYNC__DEBOUNCE", "1s");
    let mut world = debounced.installed().await;
    let product = world.shop.product_ids()[0];
    world.shop.set_price(product, None, "12.34").unwrap();
    world.shop.settled().await;
    world.app.crash().await;
    world.document_matches_shop().await.unwrap_err();
    world.app.restart().await;
    clock.advance(Duration::from_secs(1));
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.app.put_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_during_a_full_scan() {
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let mut world = World::builder().clock(&clock).installed().await;
    let product = world.shop.product_ids()[5];
    world
        .shop
        .without_webhooks()
        .set_price(product, None, "12.34")
        .unwrap();
    world
        .shop
        .without_webhooks()
        .delete_product(world.shop.product_ids()[6])
        .unwrap();
    let hang = Fault::new(FaultKind::Hang).on_operation("CollectionsPage");
    world.shop.inject_fault(hang).unwrap();
    world.request_scan().await;
    request_hangs(&world).await;
    world.app.crash().await;
    world.app.restart().await;
    clock.advance(LEASE);
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.app.put_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_during_a_refresh() {
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let mut world = World::builder().clock(&clock).installed().await;
    let hang = Fault::new(FaultKind::Hang).on_operation("ProductsById");
    world.shop.inject_fault(hang).unwrap();
    world
        .shop
        .set_price(world.shop.product_ids()[0], None, "12.34")
        .unwrap();
    world.shop.settled().await;
    request_hangs(&world).await;
    world.app.crash().await;
    world.app.restart().await;
    clock.advance(LEASE);
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.app.put_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_to_a_stopped_service_arrive_after_its_restart() {
    let mut world = World::builder().installed().await;
    world.app.crash().await;
    world
        .shop
        .set_price(world.shop.product_ids()[0], None, "12.34")
        .unwrap();
    // The simulator retries; its delays are a thousandth of the real ones.
    world.app.restart().await;
    world.settled().await;
    world.document_matches_shop().await.unwrap();
}

/// A world whose service is a separate process.
async fn process(debounce: &str) -> (World, Process) {
    let mut world = World::builder()
        .set("SHOPSYNC__SYNC__DEBOUNCE", debounce)
        .set("SHOPSYNC__SYNC__LEASE", "3s")
        .set("SHOPSYNC__LOG__FORMAT", "json")
        .start()
        .await;
    world.app.stop().await;
    let process = serve(&world).await;
    let report = world.install().await;
    assert_eq!(report["upload_status"], "success", "{report}");
    (world, process)
}

async fn serve(world: &World) -> Process {
    let folder = world.app.backends.dir.path();
    let process = Process::serve(world.app.variables(), folder).await;
    world.app.relay.forward_to(process.address());
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_response_and_the_run() {
    let (world, service) = process("2s").await;
    world
        .shop
        .set_price(world.shop.product_ids()[0], None, "12.34")
        .unwrap();
    world.shop.settled().await;
    let sent = world.shop.deliveries();
    assert_eq!(sent.last().unwrap().last_status, Some(200));
    world.app.relay.disconnect();
    let log = service.kill().await;
    assert!(
        !log.contains("ProductsById") && world.calls("ProductsById") == 0,
        "{log}"
    );
    world.document_matches_shop().await.unwrap_err();

    let mut service = serve(&world).await;
    service.logged("Run finished: uploaded").await;
    world.document_matches_shop().await.unwrap();
    let rest = service.kill().await;
    assert!(!rest.contains("uploaded"), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_during_a_run() {
    let (world, service) = process("0s").await;
    let hang = Fault::new(FaultKind::Hang).on_operation("ProductsById");
    world.shop.inject_fault(hang).unwrap();
    world
        .shop
        .set_price(world.shop.product_ids()[0], None, "12.34")
        .unwrap();
    world.shop.settled().await;
    request_hangs(&world).await;
    world.app.relay.disconnect();
    service.kill().await;
    world.document_matches_shop().await.unwrap_err();

    let mut service = serve(&world).await;
    service.logged("Run finished: uploaded").await;
    world.document_matches_shop().await.unwrap();
    // The stored token was used: no new installation was needed.
    assert_eq!(world.shop.calls().token_requests, 1);
    service.kill().await;
}
