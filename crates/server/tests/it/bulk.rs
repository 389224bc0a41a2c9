//! Tests shops that are read by bulk operations.

use std::sync::Arc;

use shopify_client::bulk::BulkOptions;
use shopify_client::{Client, Endpoint, ShopClient, StaticToken};
use shopify_sim::{
    BucketSize, BulkBehaviour, BulkOutcome, CatalogSpec, Fault, FaultKind, FaultTarget,
};
use sync_core::Outcome;
use sync_core::ports::ShopRegistry;

use crate::catalogue::many_pages;
use crate::support::{World, WorldBuilder};

const STRATEGY: &str = "SHOPSYNC__SHOPIFY__SCAN_STRATEGY";

/// The first poll of an operation comes after a thirtieth of this time, which is longer than any test waits.
const ONLY_THE_WEBHOOK: (&str, &str) = ("SHOPSYNC__SHOPIFY__BULK_POLL", "24h");

/// The number of operations of a full scan: one for each kind, six for discounts.
const OPERATIONS: usize = 1 + 1 + 6 + 1;

fn bulk_world() -> WorldBuilder {
    World::builder()
        .set(STRATEGY, "bulk")
        .set("SHOPSYNC__SHOPIFY__BULK_POLL", "300ms")
}

fn bulk_ending_with(outcome: BulkOutcome) -> BulkBehaviour {
    BulkBehaviour {
        outcome,
        ..BulkBehaviour::default()
    }
}

/// Requests a full scan and waits until it has started a bulk operation.
async fn start_scan(world: &World) {
    let before = world.shop.calls().bulk_operations;
    world.request_scan().await;
    world
        .shop
        .wait_for_calls(|calls| calls.bulk_operations > before)
        .await;
}

fn statuses(world: &World) -> Vec<&'static str> {
    let operations = world.shop.bulk_operations().into_iter();
    operations.map(|(_, status)| status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_by_bulk_gives_the_same_bytes_as_one_by_pages() {
    let mut world = bulk_world()
        .catalog(many_pages())
        .set("SHOPSYNC__SHOPIFY__CALLBACK_WAIT", "5m")
        .installed()
        .await;
    world.document_matches_shop().await.unwrap();
    let bytes = world.document_bytes().await;
    assert_eq!(statuses(&world), ["COMPLETED"; OPERATIONS]);
    assert_eq!(world.scanned_pages(), 0);

    // Everything about the shop is erased, so that it is read for the first time again.
    let database = world.app.service().database.clone();
    database.erase(&world.domain).await.unwrap();
    world.app.set(STRATEGY, "paging");
    world.app.restart().await;
    let report = world.install().await;
    assert_eq!(report["upload_status"], "success", "{report}");
    world.settled().await;
    assert!(world.scanned_pages() > 0);
    assert_eq!(statuses(&world).len(), OPERATIONS);
    assert!(world.document_bytes().await == bytes);
    assert_eq!(world.app.put_count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_kinds_are_read_by_bulk_and_small_ones_by_pages() {
    let spec = CatalogSpec {
        products: 2_600,
        ..CatalogSpec::default()
    };
    // Pages would have to wait until the bucket refills.
    let slow = BucketSize {
        maximum: 1_000_000.0,
        restore_rate: 50.0,
    };
    let world = World::builder()
        .catalog(spec)
        .bucket(slow)
        .set("SHOPSYNC__SHOPIFY__CALLBACK_WAIT", "5m")
        .installed()
        .await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.shop.calls().bulk_operations, 1);
    assert_eq!(world.calls("ProductsPage"), 0);
    assert!(world.calls("CollectionsPage") > 0 && world.calls("DiscountsPage") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_whose_bulk_operations_are_denied_or_fail_is_read_by_pages() {
    let world = bulk_world().start().await;
    world.shop.set_bulk_behaviour(BulkBehaviour {
        enabled: false,
        ..BulkBehaviour::default()
    });
    let report = world.install().await;
    assert_eq!(report["upload_status"], "success", "{report}");
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert!(world.calls("BulkOperationRun") > 0 && world.scanned_pages() > 0);
    assert_eq!(world.shop.calls().bulk_operations, 0);

    for outcome in [BulkOutcome::Fails, BulkOutcome::TimesOut] {
        world.shop.set_bulk_behaviour(bulk_ending_with(outcome));
        let product = world.shop.product_ids()[0];
        let pages = world.scanned_pages();
        let price = format!("{pages}.25");
        let unannounced = world.shop.without_webhooks();
        unannounced.set_price(product, None, &price).unwrap();
        world.sync().await;
        world.document_matches_shop().await.unwrap();
        assert!(world.scanned_pages() > pages, "{outcome:?}");
    }
    assert!(statuses(&world).iter().all(|status| *status == "FAILED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_result_file_publishes_no_part() {
    let world = bulk_world()
        .catalog(many_pages())
        .set("SHOPSYNC__SHOPIFY__CALLBACK_WAIT", "5m")
        .installed()
        .await;
    let before = world.document_bytes().await;
    let products = world.shop.product_ids();
    let unannounced = world.shop.without_webhooks();
    unannounced.set_price(products[0], None, "12.34").unwrap();

    // Neither the file nor pages can be read.
    let missing = Fault::new(FaultKind::Status(404)).on(FaultTarget::BulkFile);
    world.shop.inject_fault(missing.always()).unwrap();
    let refused = Fault::new(FaultKind::Status(400)).on_operation("ProductsPage");
    world.shop.inject_fault(refused.always()).unwrap();
    let outcome = world.next_run().await;
    let given_up = matches!(&outcome, Outcome::Failed { will_retry, .. } if !will_retry);
    assert!(given_up, "{outcome:?}");
    assert!(world.document_bytes().await == before);
    assert_eq!(world.app.put_count(), 1);

    // The last object of each kind has lost its fields, which shows only after the others were returned. It keeps its last
    // version until a scan can read it.
    world.shop.clear_faults();
    world
        .shop
        .set_bulk_behaviour(bulk_ending_with(BulkOutcome::Corrupts));
    let last = *products.last().unwrap();
    unannounced.set_price(last, None, "56.78").unwrap();
    let pages = world.scanned_pages();
    let outcome = world.next_run().await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    let difference = world.document_matches_shop().await.unwrap_err();
    let place = format!("/products/{}/", products.len() - 1);
    assert!(difference.starts_with(&place), "{difference}");
    assert_eq!(world.scanned_pages(), pages);
    let uploads = world.app.put_count();

    // The download breaks off repeatedly, and the rest is fetched each time.
    world.shop.set_bulk_behaviour(BulkBehaviour::default());
    unannounced.set_price(products[0], None, "12.35").unwrap();
    let truncated = Fault::new(FaultKind::Truncated).on(FaultTarget::BulkFile);
    world.shop.inject_fault(truncated.times(2)).unwrap();
    world.sync().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.app.put_count(), uploads + 1);
    assert_eq!(world.scanned_pages(), pages);

    // The file is missing, and pages can be read.
    unannounced.set_price(products[0], None, "12.36").unwrap();
    let missing = Fault::new(FaultKind::Status(404)).on(FaultTarget::BulkFile);
    world.shop.inject_fault(missing.always()).unwrap();
    world.sync().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.app.put_count(), uploads + 2);
    assert!(world.scanned_pages() > pages);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_finish_webhook_wakes_the_scan() {
    let (poll, never) = ONLY_THE_WEBHOOK;
    let world = bulk_world().set(poll, never).installed().await;
    world.document_matches_shop().await.unwrap();
    let (runs, polls) = (world.runs().await.len(), world.calls("BulkOperationById"));

    world
        .shop
        .set_bulk_behaviour(bulk_ending_with(BulkOutcome::Never));
    start_scan(&world).await;
    world.shop.hold_deliveries();
    world.shop.set_bulk_behaviour(BulkBehaviour::default());
    assert_eq!(world.shop.finish_bulk_operations(), 1);
    // The webhook has not been delivered yet.
    assert_eq!(world.calls("BulkOperationById"), polls);
    assert_eq!(world.runs().await[0].finished, None);
    world.shop.release_deliveries();
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert!(world.calls("BulkOperationById") > polls);
    assert_eq!(world.scanned_pages(), 0);

    // Each operation was announced, and no announcement caused a run or an upload.
    world.settled().await;
    let deliveries = world.shop.deliveries();
    let mut announced = 0;
    for delivery in &deliveries {
        if delivery.topic == "bulk_operations/finish" {
            assert_eq!(delivery.last_status, Some(200));
            announced += 1;
        }
    }
    assert_eq!(announced, 2 * OPERATIONS);
    assert_eq!(world.runs().await.len(), runs + 1);
    assert_eq!(world.app.put_count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_finish_webhook_only_delays_the_scan() {
    let world = bulk_world().installed().await;
    world.shop.drop_deliveries(1_000);
    let product = world.shop.product_ids()[0];
    world.shop.set_price(product, None, "31.00").unwrap();
    world.sync().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(statuses(&world), ["COMPLETED"; 2 * OPERATIONS]);
    assert_eq!(world.scanned_pages(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_renewed_during_a_long_operation() {
    let (poll, never) = ONLY_THE_WEBHOOK;
    let world = bulk_world()
        .set(poll, never)
        .set("SHOPSYNC__SYNC__LEASE", "3s")
        .set("SHOPSYNC__SYNC__IDLE_POLL", "100ms")
        .installed()
        .await;
    let runs = world.runs().await.len();
    world
        .shop
        .set_bulk_behaviour(bulk_ending_with(BulkOutcome::Never));
    start_scan(&world).await;
    // A lease is renewed after each third of its time, so this is twice its time. Three more workers try to claim meanwhile.
    world.app.leases_renewed(6).await;
    assert_eq!(world.runs().await.len(), runs + 1);
    world.shop.set_bulk_behaviour(BulkBehaviour::default());
    world.shop.finish_bulk_operations();
    world.settled().await;
    let runs_after = world.runs().await;
    assert_eq!(runs_after.len(), runs + 1);
    let (_, report) = runs_after[0].finished.clone().unwrap();
    assert_eq!(report.outcome, Outcome::Unchanged);
    assert_eq!(world.scanned_pages(), 0);
}

/// The query of an operation.
const QUERY: &str = "{ products { edges { node { id } } } }";

/// A client of another program, with a token of the same app.
fn another_program(world: &World) -> ShopClient {
    let endpoint = Endpoint::custom(&world.app.settings().shopify.endpoint).unwrap();
    let options = BulkOptions {
        marker: "shopsync/other.example.com/00000000".to_owned(),
        ..BulkOptions::default()
    };
    let client = Client::builder().endpoint(endpoint).bulk(options).build();
    let token = StaticToken::new(world.shop.issue_token(["read_products"]));
    let domain = shopify_client::ShopDomain::parse_domain(world.shop.domain()).unwrap();
    client.unwrap().shop(&domain, Arc::new(token))
}

/// Starts an operation and abandons it.
async fn start_abandoned_operation(world: &World, shop: &ShopClient) {
    let before = world.shop.calls().bulk_operations;
    let bulk = shop.bulk();
    let run = tokio::spawn(async move { bulk.run(QUERY).await });
    world
        .shop
        .wait_for_calls(|calls| calls.bulk_operations > before)
        .await;
    run.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_abandoned_operations_of_this_service_are_cancelled() {
    let (poll, never) = ONLY_THE_WEBHOOK;
    let mut world = bulk_world()
        .set(poll, never)
        .set("SHOPSYNC__SYNC__DRAIN", "0s")
        .installed()
        .await;
    world
        .shop
        .set_bulk_behaviour(bulk_ending_with(BulkOutcome::Never));
    let others = another_program(&world);
    start_abandoned_operation(&world, &others).await;
    start_scan(&world).await;
    let service = world.app.service();
    let domain = shopify_client::ShopDomain::parse_domain(world.shop.domain()).unwrap();
    let ours = service.app.client();
    let ours = ours.shop(&domain, service.tokens.for_shop(&world.domain));
    for _ in 0..3 {
        start_abandoned_operation(&world, &ours).await;
    }
    world.app.stop().await;
    let left = statuses(&world).split_off(OPERATIONS);
    let runs_on = |status: &&str| ["CREATED", "RUNNING"].contains(status);
    assert!(left.len() == 5 && left.iter().all(runs_on), "{left:?}");

    // All five concurrent operations are in use now.
    world.shop.set_bulk_behaviour(BulkBehaviour::default());
    world
        .shop
        .without_webhooks()
        .rename_shop("Renamed meanwhile")
        .unwrap();
    world.app.restart().await;
    world.settled().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(world.scanned_pages(), 0);
    let since = statuses(&world).split_off(OPERATIONS);
    assert_eq!(since[0], "RUNNING", "the operation of the other program");
    assert_eq!(since[1..5], ["CANCELED"; 4]);
    assert_eq!(since[5..], ["COMPLETED"; OPERATIONS]);
}
