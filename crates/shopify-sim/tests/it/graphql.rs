//! Tests Admin GraphQL over HTTP: authentication, versions, throttling and rejected requests.

use std::time::Duration;

use serde_json::json;
use shopify_sim::BucketSize;

use crate::world::World;

const NAME: &str = "query Name { shop { name } }";
const PAGE: &str = "query Page($first: Int!) {
    products(first: $first, sortKey: ID) { nodes { id title variants(first: 50) { nodes { id price } } } }
}";

#[tokio::test]
async fn a_response_has_data_cost_version_and_request_id() {
    let world = World::start().await;
    let response = world.request(&world.token(), NAME, &json!({})).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-shopify-api-version"], "2026-10");
    assert_eq!(response.headers()["x-request-id"].len(), 36);
    let content_type = response.headers()["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("application/json"));
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["data"], json!({"shop": {"name": "Example"}}));
    let cost = &body["extensions"]["cost"];
    assert_eq!(cost["requestedQueryCost"], 1);
    assert_eq!(cost["actualQueryCost"], 1);
    let status =
        json!({"maximumAvailable": 2000.0, "currentlyAvailable": 1999.0, "restoreRate": 100.0});
    assert_eq!(cost["throttleStatus"], status);
    assert_eq!(body.get("errors"), None);
}

#[tokio::test]
async fn invalid_tokens_get_401() {
    let world = World::start().await;
    for token in ["", "shpat_0", "null"] {
        let response = world.request(token, NAME, &json!({})).send().await.unwrap();
        assert_eq!(response.status(), 401);
        let body: serde_json::Value = response.json().await.unwrap();
        let errors = "[API] Invalid API key or access token (unrecognized login or wrong password)";
        assert_eq!(body, json!({ "errors": errors }));
    }
    let url = world.url("/admin/api/2026-10/graphql.json");
    let request = world.http.post(url).json(&json!({"query": NAME}));
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn unknown_shops_versions_and_paths_get_404() {
    let world = World::start().await;
    let token = world.token();
    for path in [
        "/example.myshopify.com/admin/api/2027-01/graphql.json",
        "/example.myshopify.com/admin/api/unstable/graphql.json",
        "/example.myshopify.com/admin/api/2026-10/products.json",
        "/other.myshopify.com/admin/api/2026-10/graphql.json",
        "/example.myshopify.com.evil.example/admin/api/2026-10/graphql.json",
        "/",
    ] {
        let url = format!("http://{}{path}", world.sim.address());
        let request = world
            .http
            .post(url)
            .header("X-Shopify-Access-Token", &token);
        let response = request.json(&json!({"query": NAME})).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body, json!({"errors": "Not Found"}));
    }
}

#[tokio::test]
async fn a_closed_version_is_served_by_the_oldest_supported_one() {
    let world = World::start().await;
    for (requested, served) in [("2025-04", "2026-01"), ("2026-07", "2026-07")] {
        let url = world.url(&format!("/admin/api/{requested}/graphql.json"));
        let request = world.http.post(url).json(&json!({"query": NAME}));
        let request = request.header("X-Shopify-Access-Token", world.token());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-shopify-api-version"], served);
    }
}

#[tokio::test]
async fn invalid_request_bodies_are_rejected() {
    let world = World::start().await;
    let token = world.token();
    let json_type = "application/json";
    for (content_type, accept, body, status) in [
        (json_type, "*/*", "{", 400),
        (json_type, "*/*", "[]", 400),
        (json_type, "*/*", r#"{"query": 1}"#, 400),
        (
            json_type,
            "*/*",
            r#"{"query": "{ shop { name } }", "variables": 1}"#,
            400,
        ),
        (
            json_type,
            "text/html",
            r#"{"query": "{ shop { name } }"}"#,
            406,
        ),
        (
            "text/plain",
            "*/*",
            r#"{"query": "{ shop { name } }"}"#,
            415,
        ),
        (
            "application/json; charset=utf-8",
            "*/*",
            r#"{"query": "{ shop { name } }"}"#,
            200,
        ),
        ("application/graphql", json_type, "{ shop { name } }", 200),
    ] {
        let url = world.url("/admin/api/2026-10/graphql.json");
        let request = world
            .http
            .post(url)
            .header("X-Shopify-Access-Token", &token);
        let request = request.header("Content-Type", content_type);
        let request = request.header("Accept", accept).body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{content_type} {accept} {body}");
    }
    let url = world.url("/admin/api/2026-10/graphql.json");
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn invalid_operations_get_errors_without_data() {
    let world = World::start().await;
    let token = world.token();
    for query in [
        "{ shop { nme } }",
        "{ shop",
        "query A { shop { name } } query B { shop { name } }",
    ] {
        let body = world.graphql(&token, query, json!({})).await;
        assert!(!body["errors"].as_array().unwrap().is_empty(), "{body}");
        assert_eq!(body.get("data"), None);
    }
}

#[tokio::test]
async fn an_empty_bucket_throttles_until_it_fills_again() {
    let world = World::with(|builder| {
        builder.bucket(BucketSize {
            maximum: 40.0,
            restore_rate: 10.0,
        })
    })
    .await;
    let token = world.token();
    // The request costs fifty variants and returns three: the unused points are refunded.
    let first = world.graphql(&token, PAGE, json!({"first": 5})).await;
    let cost = &first["extensions"]["cost"];
    let requested = cost["requestedQueryCost"].as_f64().unwrap();
    let actual = cost["actualQueryCost"].as_f64().unwrap();
    let points = cost["actualQueryCost"].as_u64().unwrap();
    assert!(actual < requested, "{cost}");
    let left = cost["throttleStatus"]["currentlyAvailable"]
        .as_f64()
        .unwrap();
    assert!((left - (40.0 - actual)).abs() < 0.01, "{cost}");
    assert!(left < requested, "the second must not fit");

    let second = world.graphql(&token, PAGE, json!({"first": 5})).await;
    assert_eq!(second["errors"][0]["extensions"]["code"], "THROTTLED");
    assert_eq!(second.get("data"), None);
    let cost = &second["extensions"]["cost"];
    assert_eq!(cost["actualQueryCost"], json!(null));
    assert_eq!(cost["requestedQueryCost"].as_f64(), Some(requested));
    assert_eq!(cost["throttleStatus"]["currentlyAvailable"], left);

    let wait = (requested - left) / 10.0;
    world.clock.advance(Duration::from_secs_f64(wait));
    let third = world.graphql(&token, PAGE, json!({"first": 5})).await;
    assert_eq!(third.get("errors"), None, "{third}");
    let calls = world.shop.calls();
    assert_eq!((calls.requests, calls.throttled), (3, 1));
    assert_eq!(calls.operations["Page"], 3);
    assert_eq!(calls.points, 2 * points);
}

#[tokio::test]
async fn a_query_above_a_thousand_points_is_rejected_and_costs_nothing() {
    let world = World::start().await;
    let query = "query Expensive { products(first: 250) { nodes { variants(first: 250) { nodes {
        inventoryItem { inventoryLevels(first: 250) { nodes { location { name } } } } } } } } }";
    let body = world.graphql(&world.token(), query, json!({})).await;
    let extensions = &body["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "MAX_COST_EXCEEDED");
    assert_eq!(extensions["maxCost"], 1_000);
    assert!(extensions["cost"].as_u64().unwrap() > 1_000);
    assert_eq!(body.get("data"), None);
    assert_eq!(world.shop.calls().points, 0);
}

#[tokio::test]
async fn fields_behind_a_scope_that_was_not_granted_are_denied() {
    let world = World::start().await;
    let token = world.shop.issue_token(["read_locations"]);
    let body = world.graphql(&token, PAGE, json!({"first": 1})).await;
    let message = body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("read_products"), "{body}");
    assert_eq!(body["errors"][0]["extensions"]["code"], "ACCESS_DENIED");
}
