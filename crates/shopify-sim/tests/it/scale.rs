//! Tests generated catalogues, and which simulators start.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use shopify_sim::{CatalogSpec, ManualClock, ProductChange, Simulator, StartError};

use crate::receiver::Receiver;
use crate::world::{World, app, noon};

pub(crate) async fn truth_of(seed: u64, spec: CatalogSpec) -> Value {
    let clock = Arc::new(ManualClock::new(noon()));
    let builder = Simulator::builder().seed(seed).clock(clock);
    let sim = builder.shop("example", spec).start().await.unwrap();
    sim.control("example.myshopify.com").unwrap().truth()
}

#[tokio::test]
async fn the_edge_cases_are_all_present() {
    let truth = truth_of(1, CatalogSpec::edge_cases()).await;
    let list = |name: &str| truth[name].as_array().unwrap();
    let products = list("products");
    assert_eq!(products.len(), 3_000);
    let variants = |product: &Value| product["variants"].as_array().unwrap().len();
    assert_eq!(products.iter().map(variants).max(), Some(2_048));
    let levels = products
        .iter()
        .flat_map(|product| product["variants"].as_array().unwrap())
        .map(|variant| variant["levels"].as_array().unwrap().len());
    assert_eq!(levels.filter(|count| *count == 30).count(), 3);
    let metafields = products
        .iter()
        .map(|product| product["metafields"].as_array().unwrap());
    let custom = metafields.map(|fields| {
        let custom = fields.iter().filter(|field| field["namespace"] == "custom");
        custom.count()
    });
    assert_eq!(custom.max(), Some(60));
    let mut kinds: Vec<_> = list("discounts")
        .iter()
        .map(|discount| discount["kind"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 8);
    let codes = list("discounts")
        .iter()
        .map(|discount| discount["codes"].as_array().unwrap().len());
    assert_eq!(codes.max(), Some(400));
    let members = list("collections")
        .iter()
        .map(|collection| collection["products"].as_array().unwrap().len());
    assert!(members.max() >= Some(1_200));
    let above_floats = products
        .iter()
        .filter(|product| product["id"].as_u64() > Some(1 << 53));
    assert_eq!(above_floats.count(), 5);
}

#[tokio::test]
async fn the_ground_truth_is_ordered_by_id_and_consistent() {
    let truth = truth_of(1, CatalogSpec::default()).await;
    for list in ["locations", "products", "discounts", "collections"] {
        let ids: Vec<_> = truth[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["id"].as_u64().unwrap())
            .collect();
        assert!(!ids.is_empty() && ids.is_sorted(), "{list}");
    }
    for product in truth["products"].as_array().unwrap() {
        let variants = product["variants"].as_array().unwrap();
        let mut tracked = 0;
        for variant in variants {
            let levels = variant["levels"].as_array().unwrap();
            let available: i64 = levels
                .iter()
                .map(|l| l["available"].as_i64().unwrap())
                .sum();
            assert_eq!(variant["inventory_quantity"], available);
            for level in levels {
                let parts = ["available", "committed"].map(|name| level[name].as_i64().unwrap());
                assert_eq!(level["on_hand"], parts[0] + parts[1]);
            }
            if variant["tracked"] == true {
                tracked += available;
            }
        }
        assert_eq!(product["total_inventory"], tracked);
    }
}

/// Installs the app, creates a product, and returns the token response and the ids.
async fn installation_and_change() -> (Value, Vec<String>) {
    let world = World::start().await;
    let hooks = Receiver::start().await;
    let granted = world.install().await;
    let input = json!({"uri": hooks.address});
    world.subscribe("PRODUCTS_CREATE", input).await;
    let change = ProductChange {
        title: Some("New".to_owned()),
        ..ProductChange::default()
    };
    let id = world.shop.create_product(&change).unwrap();
    world.shop.settled().await;
    let received = &hooks.received()[0];
    let mut ids = vec![id.to_string()];
    for header in ["x-shopify-webhook-id", "x-shopify-event-id"] {
        ids.push(received.header(header).to_owned());
    }
    (granted, ids)
}
#[tokio::test]
async fn the_same_seed_gives_the_same_shop_ids_and_tokens() {
    let spec = CatalogSpec::default;
    assert_eq!(truth_of(3, spec()).await, truth_of(3, spec()).await);
    assert_ne!(truth_of(3, spec()).await, truth_of(4, spec()).await);

    assert_eq!(
        installation_and_change().await,
        installation_and_change().await
    );
}

#[tokio::test]
async fn shops_of_one_simulator_differ() {
    let builder = Simulator::builder().app(app());
    let builder = builder.shop("a", CatalogSpec::default());
    let sim = builder.shop("b", CatalogSpec::default()).start().await;
    let sim = sim.unwrap();
    let (a, b) = (sim.control("a").unwrap(), sim.control("b").unwrap());
    assert_ne!(a.truth()["shop"]["id"], b.truth()["shop"]["id"]);
    let tokens = [
        a.issue_token(["read_products"]),
        b.issue_token(["read_products"]),
    ];
    assert_ne!(tokens[0], tokens[1]);
    assert!(sim.control("c").is_none());
}

#[tokio::test]
async fn invalid_simulators_do_not_start() {
    let start = async |names: &[&str], products| {
        let mut builder = Simulator::builder();
        for name in names {
            let spec = CatalogSpec {
                products,
                ..CatalogSpec::default()
            };
            builder = builder.shop(*name, spec);
        }
        builder.start().await.unwrap_err()
    };
    assert!(matches!(start(&[], 1).await, StartError::NoShop));
    assert!(matches!(
        start(&["a b"], 1).await,
        StartError::InvalidShopName(_)
    ));
    assert!(matches!(
        start(&["a", "A.myshopify.com"], 1).await,
        StartError::DuplicateShopName(_)
    ));
    assert!(matches!(
        start(&["a"], 200_001).await,
        StartError::TooManyProducts { .. }
    ));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let builder = Simulator::builder().shop("a", CatalogSpec::default());
    let error = builder.listen(taken.local_addr().unwrap()).start().await;
    assert!(matches!(error.unwrap_err(), StartError::Listen { .. }));
}

#[tokio::test]
async fn a_stopped_simulator_no_longer_listens() {
    let world = World::start().await;
    let url = world.control_url("");
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 200);
    world.sim.stop().await;
    assert!(world.http.get(&url).send().await.is_err());
}

#[tokio::test]
#[ignore = "a measurement: run it with --release --nocapture"]
async fn twenty_thousand_products_are_generated_quickly() {
    let spec = CatalogSpec {
        products: 20_000,
        ..CatalogSpec::default()
    };
    let start = Instant::now();
    let builder = Simulator::builder().shop("example", spec);
    let sim = builder.start().await.unwrap();
    let took = start.elapsed();
    let made = sim.control("example").unwrap().product_ids().len();
    assert_eq!(made, 20_000);
    assert!(took.as_secs() < 3, "{took:?}");
}
