//! Tests the control over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::world::World;

impl World {
    async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method, self.control_url(path));
        // The content type that `curl -d` sends.
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let request = match body {
            Value::Null => request,
            body => request.body(body.to_string()),
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.control(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{path}");
        body
    }

    async fn no_content(&self, method: Method, path: &str, body: Value) {
        let (status, response) = self.control(method, path, body).await;
        assert_eq!(status, 204, "{path}: {response}");
    }
}

#[tokio::test]
async fn a_product_is_created_changed_and_deleted() {
    let world = World::start().await;
    let change = json!({"title": "Lamp", "price": "12.50", "tags": ["new"]});
    let (status, created) = world.control(Method::POST, "/products", change).await;
    assert_eq!(status, 201);
    let id = created["id"].as_u64().unwrap();
    let path = format!("/products/{id}");
    let change = json!({"status": "DRAFT", "vendor": "Ferro"});
    world.no_content(Method::PUT, &path, change).await;
    let price = json!({"price": "9.00"});
    world
        .no_content(Method::PUT, &format!("{path}/price"), price)
        .await;
    let field = json!({"namespace": "custom", "key": "care", "value": "dry"});
    world
        .no_content(Method::PUT, &format!("{path}/metafield"), field)
        .await;
    let find = |truth: Value| {
        let products = truth["products"].as_array().unwrap().clone();
        products.into_iter().find(|product| product["id"] == id)
    };
    let product = find(world.get("/truth").await).unwrap();
    assert_eq!(product["title"], "Lamp");
    assert_eq!(product["status"], "DRAFT");
    assert_eq!(product["tags"], json!(["new"]));
    assert_eq!(product["variants"][0]["price"], "9.00");
    assert_eq!(product["metafields"][0]["value"], "dry");
    world.no_content(Method::DELETE, &path, Value::Null).await;
    assert_eq!(find(world.get("/truth").await), None);
}

#[tokio::test]
async fn stock_discounts_collections_and_locations_change() {
    let world = World::start().await;
    let listed = world.get("/products?limit=1").await;
    let product = &listed["products"][0];
    let item = product["variants"][0]["inventory_item_id"]
        .as_u64()
        .unwrap();
    let (status, created) = world
        .control(Method::POST, "/locations", json!({"name": "Attic"}))
        .await;
    assert_eq!(status, 201);
    let location = created["id"].as_u64().unwrap();
    let stock = json!({"inventory_item_id": item, "location_id": location, "available": 7});
    world.no_content(Method::PUT, "/inventory", stock).await;
    let item_path = format!("/inventory_items/{item}");
    let change = json!({"sku": "NEW-1"});
    world.no_content(Method::PUT, &item_path, change).await;
    let find = async || {
        let truth = world.get("/truth").await;
        let variants = truth["products"][0]["variants"].as_array().unwrap().clone();
        let found = variants
            .into_iter()
            .find(|v| v["inventory_item_id"] == item);
        found.unwrap()
    };
    let variant = find().await;
    assert_eq!(variant["sku"], "NEW-1");
    let level = variant["levels"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (
            &level["location_name"],
            &level["available"],
            &level["on_hand"]
        ),
        (&json!("Attic"), &json!(7), &json!(7))
    );
    let path = format!("/inventory/{item}/{location}");
    world.no_content(Method::DELETE, &path, Value::Null).await;
    let variant = find().await;
    let levels = variant["levels"].as_array().unwrap();
    assert!(levels.iter().all(|level| level["location_id"] != location));
    let path = format!("/locations/{location}");
    world
        .no_content(Method::PUT, &path, json!({"active": false}))
        .await;
    world.no_content(Method::DELETE, &path, Value::Null).await;

    let offer = json!({"title": "Ten", "codes": ["A", "B"], "percentage": 0.1});
    let (_, created) = world.control(Method::POST, "/discounts", offer).await;
    let path = format!("/discounts/{}", created["id"]);
    let change = json!({"codes": ["B", "C"]});
    world.no_content(Method::PUT, &path, change).await;
    let truth = world.get("/truth").await;
    let discount = truth["discounts"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(discount["codes"], json!(["B", "C"]));
    assert_eq!(discount["percentage"], 0.1);
    world.no_content(Method::DELETE, &path, Value::Null).await;

    let group = json!({"title": "Best", "products": [product["id"]]});
    let (_, created) = world.control(Method::POST, "/collections", group).await;
    let path = format!("/collections/{}", created["id"]);
    world
        .no_content(Method::PUT, &path, json!({"title": "Better"}))
        .await;
    let truth = world.get("/truth").await;
    let collections = truth["collections"].as_array().unwrap();
    let collection = collections.last().unwrap();
    assert_eq!(collection["title"], "Better");
    assert_eq!(collection["products"][0]["id"], product["id"]);
    world.no_content(Method::DELETE, &path, Value::Null).await;
    world
        .no_content(Method::PUT, "", json!({"name": "Renamed"}))
        .await;
    assert_eq!(world.get("/truth").await["shop"]["name"], "Renamed");
}

#[tokio::test]
async fn invalid_requests_are_rejected_with_a_message() {
    let world = World::start().await;
    let id = world.shop.product_ids()[0];
    let before = world.shop.truth();
    let product = format!("/products/{id}");
    let price = format!("/products/{id}/price");
    let collection = format!("/collections/{}", world.shop.collection_ids()[0]);
    for (method, path, body, status) in [
        (Method::PUT, product.as_str(), json!({"titel": "Typo"}), 400),
        (Method::PUT, &product, json!({"title": " "}), 400),
        (
            Method::PUT,
            &product,
            json!({"title": "New", "status": "SOLD"}),
            400,
        ),
        (Method::PUT, &product, json!([1]), 400),
        (Method::PUT, &price, json!({"price": "1,5"}), 400),
        (Method::PUT, &price, json!({}), 400),
        (
            Method::PUT,
            &price,
            json!({"price": "1", "variant": 1}),
            404,
        ),
        (Method::PUT, "/products/1", json!({"title": "New"}), 404),
        (Method::PUT, "/products/one", json!({"title": "New"}), 400),
        (Method::DELETE, "/products/1", Value::Null, 404),
        (Method::POST, "/products", json!({}), 400),
        (Method::GET, "/products?limit=many", Value::Null, 400),
        (Method::PUT, &collection, json!({"products": [1]}), 404),
        (Method::POST, "/discounts", json!({"percentage": 2}), 400),
        (Method::POST, "/locations", json!({"name": ""}), 400),
        (Method::POST, "/faults", json!({"kind": "flood"}), 400),
        (
            Method::POST,
            "/faults",
            json!({"kind": {"status": 200}}),
            400,
        ),
        (
            Method::POST,
            "/comply",
            json!({"topic": "shop/redact", "address": "x"}),
            400,
        ),
        (Method::POST, "/tokens", json!({"scopes": ["all"]}), 400),
        (Method::GET, "/install?app_url=nowhere", Value::Null, 400),
        (
            Method::POST,
            "/deliveries/unknown/redeliver",
            json!({}),
            404,
        ),
        (Method::PUT, "/products/1?quiet=maybe", json!({}), 400),
        (Method::POST, "/truth", Value::Null, 405),
        (Method::GET, "/nothing", Value::Null, 404),
    ] {
        let (got, response) = world.control(method.clone(), path, body.clone()).await;
        assert_eq!(got, status, "{method} {path} {body}: {response}");
        if [400, 404].contains(&status) && path != "/nothing" {
            assert!(response["error"].as_str().unwrap().len() > 10, "{response}");
        }
    }
    assert_eq!(world.shop.truth(), before);
    let url = format!("http://{}/_sim/other/truth", world.sim.address());
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn shops_calls_and_faults_are_listed() {
    let world = World::start().await;
    let url = format!("http://{}/_sim", world.sim.address());
    let shops: Value = world
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(shops, json!({"shops": ["example.myshopify.com"]}));
    let summary = world.get("").await;
    assert_eq!(summary["products"], 20);
    assert_eq!(world.get("/truth").await, world.shop.truth());

    let scopes = json!({"scopes": ["read_products"]});
    let (_, issued) = world.control(Method::POST, "/tokens", scopes).await;
    let token = issued["access_token"].as_str().unwrap().to_owned();
    assert!(world.accepts_token(&token).await);
    assert_eq!(world.get("/calls").await["operations"], json!({"Name": 1}));
    let fault = json!({"kind": {"status": 503}, "on": {"operation": "Name"}});
    world.no_content(Method::POST, "/faults", fault).await;
    let faults = world.get("/faults").await;
    assert_eq!(faults["faults"][0]["kind"], json!({"status": 503}));
    world
        .no_content(Method::DELETE, "/faults", Value::Null)
        .await;
    assert!(world.accepts_token(&token).await);
    world
        .no_content(Method::DELETE, "/tokens", Value::Null)
        .await;
    assert!(!world.accepts_token(&token).await);
    world
        .no_content(Method::POST, "/shuffle", json!({"seed": 3}))
        .await;
}

#[tokio::test]
async fn deliveries_are_controlled_over_http() {
    let world = World::start().await;
    let hooks = Receiver::start().await;
    let input = json!({"uri": hooks.address});
    world.subscribe("PRODUCTS_UPDATE", input).await;
    let subscriptions = world.get("/subscriptions").await;
    assert_eq!(
        subscriptions["subscriptions"][0]["topic"],
        "products/update"
    );
    let path = format!("/products/{}", world.shop.product_ids()[0]);
    let change = || json!({"title": "Changed"});
    world
        .no_content(Method::PUT, &format!("{path}?quiet=true"), change())
        .await;
    world
        .no_content(Method::POST, "/deliveries/drop", json!({"count": 1}))
        .await;
    world.no_content(Method::PUT, &path, change()).await;
    world
        .no_content(Method::POST, "/deliveries/hold", Value::Null)
        .await;
    world.no_content(Method::PUT, &path, change()).await;
    world.shop.settled().await;
    assert_eq!(hooks.received().len(), 0);
    world
        .no_content(Method::POST, "/deliveries/release", json!({"shuffle": 5}))
        .await;
    world
        .no_content(Method::POST, "/deliveries/duplicate", json!({"count": 1}))
        .await;
    world.no_content(Method::PUT, &path, change()).await;
    world.shop.settled().await;
    assert_eq!(hooks.received().len(), 3);
    let deliveries = world.get("/deliveries").await;
    let deliveries = deliveries["deliveries"].as_array().unwrap();
    let states: Vec<_> = deliveries.iter().map(|each| &each["state"]).collect();
    assert_eq!(states, ["dropped", "delivered", "delivered"]);
    let again = format!(
        "/deliveries/{}/redeliver",
        deliveries[0]["webhook_id"].as_str().unwrap()
    );
    world
        .no_content(Method::POST, &again, json!({"times": 2}))
        .await;
    world.shop.settled().await;
    assert_eq!(hooks.received().len(), 5);

    let redaction = json!({"topic": "shop/redact", "address": hooks.address});
    let (done, _) = world.control(Method::POST, "/comply", redaction).await;
    assert_eq!(done, 200);
    let (_, response) = world.control(Method::POST, "/uninstall", Value::Null).await;
    assert_eq!(response, json!({"was_installed": true}));
    let install = world
        .get("/install?app_url=http://127.0.0.1:5000/shopify/install")
        .await;
    let url = install["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:5000/shopify/install?host="));
}

#[tokio::test]
async fn bulk_operations_are_ended_over_http() {
    let world = World::start().await;
    let hooks = Receiver::start().await;
    let input = json!({"uri": hooks.address});
    world.subscribe("BULK_OPERATIONS_FINISH", input).await;
    let statuses = async || {
        let expected_form = world.get("/bulk").await;
        let operations = expected_form["operations"].as_array().unwrap().clone();
        let statuses = operations.into_iter().map(|each| each["status"].clone());
        statuses.collect::<Vec<_>>()
    };
    let run = "mutation { bulkOperationRunQuery(query: \"{ products { edges { node { id title } } } }\") \
         { userErrors { message } } }";
    for end in ["never", "spoils"] {
        world
            .no_content(Method::PUT, "/bulk", json!({ "end": end }))
            .await;
        let response = world.graphql(&world.token(), run, json!({})).await;
        let errors = &response["data"]["bulkOperationRunQuery"]["userErrors"];
        assert_eq!(errors, &json!([]), "{response}");
    }
    hooks.until(1).await;
    assert_ne!(statuses().await[0], "COMPLETED");
    let finish = async || {
        world
            .control(Method::POST, "/bulk/finish", Value::Null)
            .await
    };
    assert_eq!(finish().await, (200, json!({"finished": 1})));
    assert_eq!(statuses().await, ["COMPLETED", "COMPLETED"]);
    assert_eq!(finish().await.1, json!({"finished": 0}));
    world.shop.settled().await;
    assert_eq!(hooks.received().len(), 2);
    let (rejected, _) = world
        .control(Method::PUT, "/bulk", json!({"end": "sometimes"}))
        .await;
    assert_eq!(rejected, 400);
}
