//! Tests `POST /shopify/webhook` and the health routes.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sync_core::ports::{RunLog, ShopRegistry};
use sync_core::{ShopDomain, ShopStatus, Trigger};
use testkit::{FakeCatalog, ManualClock, at};

use crate::support::{SECRET, TestApp, TestAppBuilder, sign};

const SHOP: &str = "a.myshopify.com";
const BODY: &str = r#"{"id":1}"#;

fn shop() -> ShopDomain {
    SHOP.parse().unwrap()
}

/// A service with one shop, after its first full scan.
async fn with_shop(builder: TestAppBuilder) -> (TestApp, FakeCatalog) {
    let catalog = FakeCatalog::new();
    catalog.put(testkit::product(1, "First"));
    catalog.put(testkit::item(sync_core::ItemKey::SHOP, r#"{"name":"A"}"#));
    let app = builder.catalog(catalog.clone()).start().await;
    let service = app.service();
    let installation = testkit::installation(&shop(), service.clock.now());
    service.database.install(&installation).await.unwrap();
    let request = sync_core::WorkRequest::full(Trigger::Backfill);
    let now = service.clock.now();
    let inbox = &service.ports.inbox;
    inbox.request(&shop(), &request, now).await.unwrap();
    app.settled().await;
    let runs = app.service().database.recent(None, 9).await.unwrap();
    assert_eq!(app.put_count(), 1, "{runs:?}");
    (app, catalog)
}

async fn response_of(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

/// Asserts that the request gets this status and causes no work.
async fn assert_refused(
    app: &TestApp,
    catalog: &FakeCatalog,
    request: RequestBuilder,
    status: u16,
) {
    let (runs, fetches) = (runs(app).await, catalog.fetches());
    let (got, body) = response_of(request).await;
    assert_eq!(got, status, "{body}");
    assert!(
        body["detail"].is_string() && body["code"].is_string(),
        "{body}"
    );
    app.settled().await;
    assert_eq!((self::runs(app).await, catalog.fetches()), (runs, fetches));
    assert_eq!(app.put_count(), 1);
}

async fn runs(app: &TestApp) -> usize {
    let runs = app.service().database.recent(None, 1_000).await;
    runs.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_reaches_the_document() {
    let (app, catalog) = with_shop(TestApp::builder()).await;
    catalog.put(testkit::product(1, "Renamed"));
    let delivery = app.delivery(SHOP, "products/update", "w1", BODY);
    assert_eq!(
        response_of(delivery).await,
        (200, json!({"status": "success"}))
    );
    app.settled().await;
    let document = app.document(&shop()).await.unwrap();
    assert!(document.to_string().contains("Renamed"), "{document}");
    assert_eq!(app.put_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_finish_delivery_is_recorded_and_requests_no_work() {
    let (app, catalog) = with_shop(TestApp::builder()).await;
    let before = (runs(&app).await, catalog.fetches(), catalog.scans());
    catalog.put(testkit::product(1, "Renamed"));
    let body = r#"{"admin_graphql_api_id":"gid://shopify/BulkOperation/1","status":"completed"}"#;
    for _ in 0..2 {
        let delivery = app.delivery(SHOP, "bulk_operations/finish", "w1", body);
        assert_eq!(
            response_of(delivery).await,
            (200, json!({"status": "success"}))
        );
        app.settled().await;
    }
    let after = (runs(&app).await, catalog.fetches(), catalog.scans());
    assert_eq!(after, before);
    assert_eq!(app.put_count(), 1);
    let kept = app.backends.raw_state(app.variables());
    let topic = b"bulk_operations/finish";
    assert!(kept.windows(topic.len()).any(|text| text == topic));
    let forged = app
        .delivery(SHOP, "bulk_operations/finish", "w2", body)
        .body("{}");
    assert_refused(&app, &catalog, forged, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_fifty_times_is_one() {
    let (app, catalog) = with_shop(TestApp::builder()).await;
    for _ in 0..50 {
        let (status, _) = response_of(app.delivery(SHOP, "products/update", "w1", BODY)).await;
        assert_eq!(status, 200);
        app.settled().await;
    }
    assert_eq!(catalog.fetches(), 1);
    // Without a webhook id each delivery counts.
    for times in 1..=2 {
        let unnamed = app
            .post("/shopify/webhook")
            .header("X-Shopify-Topic", "products/update")
            .header("X-Shopify-Shop-Domain", SHOP)
            .header("X-Shopify-Hmac-Sha256", sign(SECRET, BODY.as_bytes()))
            .body(BODY);
        assert_eq!(response_of(unnamed).await.0, 200);
        app.settled().await;
        assert_eq!(catalog.fetches(), 1 + times);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_unsigned_deliveries_are_rejected() {
    let (app, catalog) = with_shop(TestApp::builder()).await;
    let unsigned = || {
        app.post("/shopify/webhook")
            .header("X-Shopify-Topic", "products/update")
            .header("X-Shopify-Shop-Domain", SHOP)
            .body(BODY)
    };
    assert_refused(&app, &catalog, unsigned(), 401).await;
    for signature in [
        String::new(),
        "not base64!".to_owned(),
        sign("another secret", BODY.as_bytes()),
        sign(SECRET, b"{\"id\":2}"),
    ] {
        let forged = unsigned().header("X-Shopify-Hmac-Sha256", signature);
        assert_refused(&app, &catalog, forged, 401).await;
    }
    // The key derived for OAuth states does not sign webhooks.
    let keys = server::keys::Keyring::derive(&"state-secret".into(), "oauth state");
    let tag = keys.sign(BODY.as_bytes());
    let derived = unsigned().header("X-Shopify-Hmac-Sha256", base64(tag.as_ref()));
    assert_refused(&app, &catalog, derived, 401).await;
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_deliveries_are_rejected() {
    let (app, catalog) = with_shop(TestApp::builder()).await;
    for body in ["", "null", "[]", "\"x\"", "{", "{}x", "\u{feff}{}", "id=1"] {
        let delivery = app.delivery(SHOP, "products/update", "w1", body);
        assert_refused(&app, &catalog, delivery, 400).await;
    }
    for shop in ["evil.example", "a.myshopify.com.evil.example", "a", ""] {
        let delivery = app.delivery(shop, "products/update", "w1", BODY);
        assert_refused(&app, &catalog, delivery, 400).await;
    }
    let no_topic = app.delivery(SHOP, "", "w1", BODY);
    assert_refused(&app, &catalog, no_topic, 400).await;
    let no_shop = app
        .post("/shopify/webhook")
        .header("X-Shopify-Topic", "products/update")
        .header("X-Shopify-Hmac-Sha256", sign(SECRET, BODY.as_bytes()))
        .body(BODY);
    assert_refused(&app, &catalog, no_shop, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_deliveries_are_rejected_with_or_without_a_content_length() {
    let limited = TestApp::builder().set("SHOPSYNC__SERVER__WEBHOOK_BODY_LIMIT", "65536");
    let (app, catalog) = with_shop(limited).await;
    let largest = format!("{{\"id\":1,\"x\":\"{}\"}}", "x".repeat(65_536 - 15));
    assert_eq!(largest.len(), 65_536);
    let fits = app.delivery(SHOP, "products/update", "w1", &largest);
    assert_eq!(response_of(fits).await.0, 200);
    app.settled().await;

    let larger = largest.replace("xx", "xxx");
    let announced = app.delivery(SHOP, "products/update", "w2", &larger);
    assert_refused(&app, &catalog, announced, 413).await;
    let chunks: Vec<_> = larger.as_bytes().chunks(1000).map(<[u8]>::to_vec).collect();
    let stream = futures::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
    let chunked = app
        .delivery(SHOP, "products/update", "w2", "")
        .body(reqwest::Body::wrap_stream(stream));
    assert_refused(&app, &catalog, chunked, 413).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_families_of_headers_and_both_secrets_are_accepted() {
    let rotating = TestApp::builder().set("SHOPIFY_API_SECRET_PREVIOUS", "older");
    let (app, catalog) = with_shop(rotating).await;
    let delivery = app
        .post("/shopify/webhook")
        .header("Shopify-Topic", "products/update")
        .header("Shopify-Shop-Domain", SHOP)
        .header("Shopify-Webhook-Id", "w1")
        .header("Shopify-Hmac-Sha256", sign("older", BODY.as_bytes()))
        .body(BODY);
    assert_eq!(response_of(delivery).await.0, 200);
    app.settled().await;
    assert_eq!(catalog.fetches(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_of_unknown_shops_and_topics_are_accepted_and_change_nothing() {
    let (app, catalog) = with_shop(TestApp::builder()).await;
    let before = runs(&app).await;
    for (shop, topic) in [
        ("stranger.myshopify.com", "products/update"),
        (SHOP, "orders/create"),
        (SHOP, "customers/data_request"),
        (SHOP, "customers/redact"),
    ] {
        let (status, body) = response_of(app.delivery(shop, topic, topic, BODY)).await;
        assert_eq!(
            (status, &body["status"]),
            (200, &json!("success")),
            "{topic}"
        );
    }
    app.settled().await;
    assert_eq!((catalog.fetches(), runs(&app).await), (0, before));
    let stranger = "stranger.myshopify.com".parse().unwrap();
    assert_eq!(app.service().database.find(&stranger).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninstallation_stops_the_syncs_and_a_redaction_erases_the_shop() {
    let clock = ManualClock::new(at("2026-11-24T10:00:00Z"));
    let (app, catalog) = with_shop(TestApp::builder().clock(&clock)).await;
    let database = &app.service().database;
    let late = app
        .delivery(SHOP, "app/uninstalled", "w0", "{}")
        .header("X-Shopify-Triggered-At", "2026-11-24T09:59:59Z");
    assert_eq!(response_of(late).await.0, 200);
    let found = database.find(&shop()).await.unwrap().unwrap();
    assert_eq!(found.status, ShopStatus::Active);

    let uninstalled = app.delivery(SHOP, "app/uninstalled", "w1", "{}");
    assert_eq!(response_of(uninstalled).await.0, 200);
    let found = database.find(&shop()).await.unwrap().unwrap();
    assert_eq!(found.status, ShopStatus::Uninstalled);
    assert!(database.token(&shop()).await.unwrap().is_none());
    assert_eq!(
        response_of(app.delivery(SHOP, "products/update", "w2", BODY))
            .await
            .0,
        200
    );
    assert!(app.document(&shop()).await.is_some());
    assert_eq!(catalog.fetches(), 0);

    let named = format!(r#"{{"shop_id":1,"shop_domain":"{SHOP}"}}"#);
    let redact = app.delivery(SHOP, "shop/redact", "w3", &named);
    assert_eq!(response_of(redact).await.0, 200);
    app.settled().await;
    assert_eq!(database.find(&shop()).await.unwrap(), None);
    assert_eq!(app.document(&shop()).await, None);
}

/// Headers are not signed: without this check, any signed body could be replayed as the erasure of any shop.
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_is_erased_only_if_the_signed_body_names_it() {
    let (app, catalog) = with_shop(TestApp::builder()).await;
    for (topic, body) in [
        ("shop/redact", BODY),
        ("shop/redact", r#"{"shop_domain":"other.myshopify.com"}"#),
        ("shop/redact", r#"{"shop_domain":"evil.example"}"#),
        (
            "app/uninstalled",
            r#"{"myshopify_domain":"other.myshopify.com"}"#,
        ),
        (
            "shop/update",
            r#"{"myshopify_domain":"other.myshopify.com"}"#,
        ),
    ] {
        let replayed = app.delivery(SHOP, topic, "w1", body);
        assert_refused(&app, &catalog, replayed, 400).await;
    }
    let found = app.service().database.find(&shop()).await.unwrap();
    assert_eq!(found.unwrap().status, ShopStatus::Active);
    assert!(app.document(&shop()).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_delivery_is_stored() {
    let (mut app, catalog) = with_shop(TestApp::builder()).await;
    catalog.fail_next(sync_core::PortError::retry(
        "read",
        "the shop is unavailable",
    ));
    catalog.put(testkit::product(1, "Renamed"));
    assert_eq!(
        response_of(app.delivery(SHOP, "products/update", "w1", BODY))
            .await
            .0,
        200
    );
    // Whether or not the first attempt was made before the stop, the work request is still stored.
    app.stop().await;
    app.restart().await;
    let service = app.service();
    let step = service
        .engine
        .run_next(
            Some(&shop()),
            &service.run_events,
            &tokio_util::sync::CancellationToken::new(),
        )
        .await;
    step.unwrap();
    app.settled().await;
    let document = app.document(&shop()).await.unwrap();
    assert!(document.to_string().contains("Renamed"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_service_responds_503_with_retry_after() {
    let (app, _) = with_shop(TestApp::builder()).await;
    assert_eq!(
        response_of(app.get("/readyz")).await,
        (200, json!({"status": "ready"}))
    );
    app.service().database.close().await;
    let response = app.delivery(SHOP, "products/update", "w1", BODY);
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], "unavailable");
    assert!(body["request_id"].is_string());
    assert_eq!(response_of(app.get("/readyz")).await.0, 503);
    assert_eq!(
        response_of(app.get("/healthz")).await,
        (200, json!({"status": "ok"}))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_paths_are_rejected() {
    let app = TestApp::builder().catalog(FakeCatalog::new()).start().await;
    for (path, status) in [("/", 200), ("/healthz", 200), ("/shopify/a/login", 405)] {
        let head = app.head(path).send().await;
        assert_eq!(head.unwrap().status(), status, "{path}");
    }
    for path in ["/", "/healthz", "/shopify/a/login", "/shopify/callback"] {
        let response = app.post(path).send().await.unwrap();
        assert_eq!(response.status(), 405, "{path}");
        assert_eq!(response.headers()["allow"], "GET");
    }
    let response = app.get("/shopify/webhook").send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
    for path in ["/shopify", "/shopify/webhook/x", "/nothing"] {
        let (status, body) = response_of(app.get(path)).await;
        assert_eq!(
            (status, &body["code"]),
            (404, &json!("not_found")),
            "{path}"
        );
    }
}
