//! Tests with the simulator that bulk operations return what paging returns.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::stream::BoxStream;
use serde::Serialize;
use shopify_client::bulk::{BulkOptions, Strategy};
use shopify_client::model::NewSubscription;
use shopify_client::{Client, Endpoint, Error, ShopClient, ShopDomain, StaticToken};
use shopify_sim::{
    BucketSize, BulkBehaviour, BulkOutcome, CatalogSpec, Fault, FaultKind, FaultTarget,
    ShopControl, Simulator,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

#[path = "../../examples/bulk_export.rs"]
#[expect(dead_code, reason = "its `main` is for the command line")]
mod bulk_export;

const SCOPES: [&str; 4] = [
    "read_products",
    "read_inventory",
    "read_locations",
    "read_discounts",
];

struct World {
    /// Ends with the test.
    sim: Simulator,
    control: ShopControl,
}

impl World {
    async fn start(spec: CatalogSpec) -> Self {
        let bucket = BucketSize {
            maximum: 1_000_000.0,
            restore_rate: 100_000.0,
        };
        let sim = Simulator::builder().seed(5).shop("example", spec);
        let sim = sim.bucket(bucket).start().await.unwrap();
        let control = sim.control("example").unwrap();
        Self { sim, control }
    }

    fn shop(&self, options: BulkOptions) -> ShopClient {
        let endpoint = Endpoint::custom(&self.sim.endpoint()).unwrap();
        let client = Client::builder().endpoint(endpoint).bulk(options).build();
        let token = StaticToken::new(self.control.issue_token(SCOPES));
        let domain = ShopDomain::parse("example").unwrap();
        client.unwrap().shop(&domain, Arc::new(token))
    }

    /// The number of requests for pages of all lists.
    fn page_count(&self) -> u64 {
        let lists = [
            "ProductsPage",
            "CollectionsPage",
            "DiscountsPage",
            "LocationsPage",
        ];
        lists.iter().map(|list| self.request_count(list)).sum()
    }

    fn request_count(&self, operation: &str) -> u64 {
        let calls = self.control.calls();
        calls.operations.get(operation).copied().unwrap_or_default()
    }
}

fn quick() -> BulkOptions {
    BulkOptions {
        initial_poll_interval: Duration::from_millis(2),
        max_poll_interval: Duration::from_millis(20),
        slot_timeout: Duration::from_millis(50),
        deadline: Duration::from_secs(20),
        // Small enough that files go to disk.
        memory_limit: 100_000,
        ..BulkOptions::default()
    }
}

async fn written<T: Serialize>(objects: BoxStream<'_, Result<T, Error>>) -> Vec<String> {
    let objects: Vec<T> = objects.try_collect().await.unwrap();
    let text = |object| serde_json::to_string(&object).unwrap();
    objects.into_iter().map(text).collect()
}

/// All objects of a shop, by kind.
async fn all(shop: &ShopClient, strategy: Strategy) -> [Vec<String>; 4] {
    [
        written(shop.products_by(strategy)).await,
        written(shop.collections_by(strategy)).await,
        written(shop.discounts_by(strategy)).await,
        written(shop.locations_by(strategy)).await,
    ]
}

#[tokio::test]
async fn bulk_and_paging_return_the_same_bytes() {
    let world = World::start(CatalogSpec::edge_cases()).await;
    let shop = world.shop(quick());
    let expected = all(&shop, Strategy::Paging).await;
    let pages = world.page_count();
    for (shuffle, levels_of_items) in [(0, false), (3, true)] {
        world.control.shuffle(shuffle);
        world.control.set_bulk_behaviour(BulkBehaviour {
            levels_of_items,
            ..BulkBehaviour::default()
        });
        assert_eq!(all(&shop, Strategy::Bulk).await, expected);
    }
    let operations = world.control.bulk_operations();
    assert_eq!(operations.len(), 2 * (1 + 1 + 6 + 1));
    assert!(operations.iter().all(|(_, status)| *status == "COMPLETED"));
    world.control.shuffle(0);
    let grouped = world.shop(BulkOptions {
        grouped: true,
        ..quick()
    });
    assert_eq!(all(&grouped, Strategy::Bulk).await, expected);
    assert_eq!(world.page_count(), pages, "read in bulk only");
}

#[tokio::test]
async fn the_auto_strategy_reads_a_large_catalogue_in_bulk() {
    let world = World::start(CatalogSpec {
        products: 2_600,
        ..CatalogSpec::default()
    })
    .await;
    let shop = world.shop(BulkOptions {
        max_paging_time: Duration::ZERO,
        ..quick()
    });
    let fault = Fault::new(FaultKind::Truncated).on(FaultTarget::BulkFile);
    world.control.inject_fault(fault.times(2)).unwrap();
    let products = written(shop.products_by(Strategy::Auto)).await;
    assert_eq!(products.len(), 2_600);
    assert_eq!(
        (
            world.request_count("BulkOperationRun"),
            world.request_count("ProductsPage")
        ),
        (1, 0)
    );
    assert!(world.control.faults().is_empty());
}

#[tokio::test]
async fn a_failed_bulk_operation_falls_back_to_paging() {
    let world = World::start(CatalogSpec::default()).await;
    let shop = world.shop(quick());
    let expected = written(shop.products()).await;
    let enabled = BulkBehaviour::default();
    for behaviour in [
        BulkBehaviour {
            enabled: false,
            ..enabled
        },
        BulkBehaviour {
            outcome: BulkOutcome::Fails,
            ..enabled
        },
        BulkBehaviour {
            outcome: BulkOutcome::TimesOut,
            ..enabled
        },
    ] {
        world.control.set_bulk_behaviour(behaviour);
        let pages = world.request_count("ProductsPage");
        assert_eq!(written(shop.products_by(Strategy::Bulk)).await, expected);
        assert!(world.request_count("ProductsPage") > pages, "{behaviour:?}");
    }
    world.control.set_bulk_behaviour(enabled);
    let expired = Fault::new(FaultKind::Status(403)).on(FaultTarget::BulkFile);
    world.control.inject_fault(expired).unwrap();
    assert_eq!(written(shop.products_by(Strategy::Bulk)).await, expected);
}

#[tokio::test]
async fn an_operation_that_never_ends_is_cancelled_before_the_fallback() {
    let world = World::start(CatalogSpec::default()).await;
    world.control.set_bulk_behaviour(BulkBehaviour {
        outcome: BulkOutcome::Never,
        ..BulkBehaviour::default()
    });
    let shop = world.shop(BulkOptions {
        deadline: Duration::from_millis(100),
        ..quick()
    });
    let products = written(shop.products_by(Strategy::Bulk)).await;
    assert_eq!(products, written(shop.products()).await);
    let statuses: Vec<_> = world
        .control
        .bulk_operations()
        .into_iter()
        .map(|it| it.1)
        .collect();
    assert_eq!(statuses, ["CANCELED"]);
}

#[tokio::test]
async fn the_webhook_of_the_end_ends_the_wait() {
    let world = World::start(CatalogSpec::default()).await;
    let shop = world.shop(BulkOptions {
        initial_poll_interval: Duration::from_hours(5),
        max_poll_interval: Duration::from_hours(5),
        deadline: Duration::from_hours(6),
        ..quick()
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let bulk = shop.bulk();
    let (send, mut received) = unbounded_channel();
    let receive_webhook = move |headers: http::HeaderMap, body: String| async move {
        let topic = headers["x-shopify-topic"].to_str().unwrap().to_owned();
        bulk.notify_finished();
        let _ = send.send((topic, body));
    };
    let app = axum::Router::new().fallback(receive_webhook);
    let served = tokio::spawn(async move { axum::serve(listener, app).await });
    let new = NewSubscription {
        uri: url,
        include_fields: Vec::new(),
    };
    let topic = "bulk_operations/finish";
    shop.create_webhook_subscription(topic, &new).await.unwrap();

    let products = written(shop.products_by(Strategy::Bulk)).await;
    assert_eq!(world.page_count(), 0, "read in bulk only");
    assert_eq!(products, written(shop.products()).await);
    let (received_topic, body) = received.recv().await.unwrap();
    assert_eq!(received_topic, topic);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body["status"], &body["type"]),
        (&"completed".into(), &"query".into())
    );
    served.abort();
}

#[tokio::test]
async fn the_example_exports_all_products() {
    let world = World::start(CatalogSpec::default()).await;
    let shop = world.shop(quick());
    let mut out = Vec::new();
    let count = bulk_export::export(&shop, &mut out).await.unwrap();
    let lines: Vec<&str> = std::str::from_utf8(&out).unwrap().lines().collect();
    assert_eq!(lines.len() as u64, count);
    assert_eq!(lines, written(shop.products()).await);
    assert_eq!(world.request_count("BulkOperationRun"), 1);
}
