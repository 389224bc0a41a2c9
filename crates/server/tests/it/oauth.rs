//! The login and the callback, with a scripted token endpoint and a fake catalogue.

use reqwest::Response;
use serde_json::{Value, json};
use sync_core::ports::ShopRegistry;
use sync_core::progress::Progress;
use sync_core::{Disposition, ItemKey, PortError, ShopDomain, ShopStatus, UnavailableReason};
use testkit::FakeCatalog;
use url::Url;
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{SECRET, TestApp, TestAppBuilder, signed_query};

const SHOP: &str = "a.myshopify.com";
const TOKEN: &str = "shpat_0123456789abcdef";
const REFRESH_TOKEN: &str = "shprt_0123456789abcdef";

fn shop() -> ShopDomain {
    SHOP.parse().unwrap()
}

/// The callback that Shopify would send the merchant back to.
fn callback(code: &str, state: &str) -> String {
    let query = [
        ("code", code),
        ("shop", SHOP),
        ("state", state),
        ("timestamp", "1795521600"),
    ];
    format!("/shopify/callback?{}", signed_query(SECRET, &query))
}

/// A service, and what stands for Shopify's token endpoint.
struct Setup {
    app: TestApp,
    shopify: MockServer,
    catalog: FakeCatalog,
}

impl Setup {
    async fn new(builder: TestAppBuilder) -> Self {
        let shopify = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path(format!("/{SHOP}/admin/oauth/access_token")))
            .and(body_partial_json(json!({
                "client_id": "test-app", "client_secret": SECRET, "code": "good", "expiring": "1",
            })))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "access_token": TOKEN, "scope": "read_products,read_inventory,read_locations,read_discounts",
                "expires_in": 3600, "refresh_token": REFRESH_TOKEN, "refresh_token_expires_in": 7_776_000,
            })))
            .mount(&shopify)
            .await;
        let refused = json!({"error": "invalid_request", "error_description": "no such code"});
        Mock::given(method("POST"))
            .and(body_partial_json(json!({"code": "bad"})))
            .respond_with(ResponseTemplate::new(400).set_body_json(refused))
            .mount(&shopify)
            .await;
        let catalog = FakeCatalog::new();
        catalog.put(testkit::product(1, "First"));
        catalog.put(testkit::item(ItemKey::SHOP, r#"{"name":"A"}"#));
        let app = builder
            .catalog(catalog.clone())
            .set("SHOPIFY_ENDPOINT", format!("{}/{{shop}}", shopify.uri()))
            .start()
            .await;
        Self {
            app,
            shopify,
            catalog,
        }
    }

    async fn login(&self, shop: &str) -> Response {
        let path = format!("/shopify/{shop}/login");
        self.app.get(&path).send().await.unwrap()
    }

    /// A state for the shop, and the cookie that came with it.
    async fn begun(&self) -> (String, String) {
        let response = self.login("a").await;
        let cookie = header(&response, "set-cookie");
        let page = Url::parse(&header(&response, "location")).unwrap();
        let mut pairs = page.query_pairs();
        let (_, state) = pairs.find(|(name, _)| name == "state").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        (state.into_owned(), cookie)
    }

    /// The path gets this status and this code, and nothing has been sent to Shopify.
    async fn refused(&self, path: &str, status: u16, code: &str) {
        let before = self.shopify.received_requests().await.unwrap().len();
        let response = self.app.get(path).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["code"], code, "{path}: {body}");
        let after = self.shopify.received_requests().await.unwrap().len();
        assert_eq!(before, after, "{path}");
    }

    async fn installed(&self) -> bool {
        let found = self.app.service().database.find(&shop()).await.unwrap();
        found.is_some()
    }
}

fn header(response: &Response, name: &str) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_leads_to_the_grant_page() {
    let setup = Setup::new(TestApp::builder()).await;
    for name in ["a", "A", SHOP, "A.MyShopify.com"] {
        let response = setup.login(name).await;
        assert_eq!(response.status(), 302, "{name}");
        let page = Url::parse(&header(&response, "location")).unwrap();
        assert_eq!(page.path(), format!("/{SHOP}/admin/oauth/authorize"));
        let query: std::collections::BTreeMap<_, _> = page.query_pairs().collect();
        assert_eq!(query["client_id"], "test-app");
        assert_eq!(
            query["scope"],
            "read_products,read_inventory,read_locations,read_discounts"
        );
        assert_eq!(
            query["redirect_uri"],
            setup.app.relay.url("/shopify/callback")
        );
        let cookie = header(&response, "set-cookie");
        for part in [
            "Path=/shopify/callback",
            "HttpOnly",
            "SameSite=Lax",
            "Max-Age=600",
        ] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(header(&response, "cache-control"), "no-store");
    }
    let one = setup.begun().await;
    assert_ne!(one, setup.begun().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_shop_is_refused_before_any_request_leaves() {
    let setup = Setup::new(TestApp::builder()).await;
    for shop in [
        "evil.example",
        "a.myshopify.com.evil.example",
        "a.myshopify.com@evil",
        "a.myshopify.com@evil.example",
        "evil.example%23.myshopify.com",
        "evil.example%3F.myshopify.com",
        "a.myshopify.com:443",
        "a:443",
        "a.myshopify.com/admin",
        "a.myshopify.com%2Fadmin",
        "a.myshopify.com%2F",
        "a%2F",
        "a/b",
        "a%0A",
        "a.myshopify.com%0A",
        "a.myshopify.com%0D%0AHost:evil",
        "a%20b",
        "%00a",
        "%FF",
        "%D0%B0",
        "%EF%BD%81.myshopify.com",
        "a.myshopify%E3%80%82com",
        "-a",
        "a.b",
        "a_b",
        ".myshopify.com",
        "https:%2F%2Fa.myshopify.com",
        "",
    ] {
        let path = format!("/shopify/{shop}/login");
        setup.refused(&path, 400, "invalid_shop").await;
        let escaped = shop.replace("%2F", "/");
        for route in ["install", "callback"] {
            let path = format!("/shopify/{route}?code=good&state=x&hmac=00&shop={escaped}");
            let code = if shop.is_empty() {
                "missing_parameter"
            } else {
                "invalid_shop"
            };
            setup.refused(&path, 400, code).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_url_is_checked_and_leads_to_the_grant_page() {
    let setup = Setup::new(TestApp::builder().set("SHOPIFY_API_SECRET_PREVIOUS", "older")).await;
    let query = [("shop", SHOP), ("timestamp", "1795521600"), ("host", "abc")];
    for secret in [SECRET, "older"] {
        let path = format!("/shopify/install?{}", signed_query(secret, &query));
        let response = setup.app.get(&path).send().await.unwrap();
        assert_eq!(response.status(), 302);
        assert!(header(&response, "location").contains(&format!("/{SHOP}/admin/oauth/authorize?")));
    }
    let forged = signed_query("another", &query);
    setup
        .refused(&format!("/shopify/install?{forged}"), 401, "bad_signature")
        .await;
    let unsigned = format!("/shopify/install?shop={SHOP}");
    setup.refused(&unsigned, 401, "bad_signature").await;
    setup
        .refused("/shopify/install", 400, "missing_parameter")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callback_installs_the_shop_and_reports() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, _) = setup.begun().await;
    let response = setup.app.get(&callback("good", &state)).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(
        !text.contains("shpat_") && !text.contains("shprt_"),
        "{text}"
    );
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        report,
        json!({
            "shop": SHOP,
            "webhook_status": "success",
            "webhook_test": {"status": "success"},
            "polling_test": {"status": "success"},
            "upload_status": "success",
            "snapshot": "a.myshopify.com/shopify_data.json",
        })
    );
    let document = setup.app.document(&shop()).await.unwrap();
    assert_eq!(document["data"]["shop"]["name"], "A");
    let database = &setup.app.service().database;
    let found = database.find(&shop()).await.unwrap().unwrap();
    assert_eq!(found.status, ShopStatus::Active);
    assert_eq!(found.scopes.len(), 4);
    // The test delivery has left no work.
    setup.app.settled().await;
    assert_eq!((setup.catalog.fetches(), setup.app.put_count()), (0, 1));

    // The state is used up.
    setup
        .refused(&callback("good", &state), 400, "invalid_state")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_checked_before_the_code_is_exchanged() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, cookie) = setup.begun().await;
    let good = callback("good", &state);
    for (name, value) in [("code", "good"), ("shop", SHOP), ("state", &state)] {
        let missing = good.replace(&format!("{name}={value}"), &format!("{name}="));
        setup.refused(&missing, 400, "missing_parameter").await;
    }
    let twice = format!("{good}&shop=b.myshopify.com");
    setup.refused(&twice, 400, "malformed").await;
    let (unsigned, _) = good.split_once("&hmac=").unwrap();
    for bad in [
        unsigned.to_owned(),
        format!("{unsigned}&hmac="),
        format!("{unsigned}&hmac=00"),
        good.replace("code=good", "code=other"),
        good.replace(SHOP, "b.myshopify.com"),
        good.replace(&state, "1.2.3"),
    ] {
        setup.refused(&bad, 401, "bad_signature").await;
    }
    for bad in ["x", "1.2.3", &format!("{state}x")] {
        let path = callback("good", bad);
        setup.refused(&path, 400, "invalid_state").await;
    }
    // A state for another shop, well signed.
    let query = [
        ("code", "good"),
        ("shop", "b.myshopify.com"),
        ("state", state.as_str()),
    ];
    let other = format!("/shopify/callback?{}", signed_query(SECRET, &query));
    setup.refused(&other, 400, "invalid_state").await;
    // Another browser's cookie.
    let (name, _) = cookie.split_once('=').unwrap();
    let request = setup
        .app
        .get(&good)
        .header("Cookie", format!("{name}=AAAA"));
    assert_eq!(request.send().await.unwrap().status(), 400);
    assert!(setup.shopify.received_requests().await.unwrap().is_empty());
    assert!(!setup.installed().await);
    // None of this has used the state up, and its own cookie fits.
    let request = setup.app.get(&good).header("Cookie", cookie);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_can_be_required() {
    let required = TestApp::builder().set("SHOPSYNC__SHOPIFY__REQUIRE_STATE_COOKIE", "true");
    let setup = Setup::new(required).await;
    let (state, cookie) = setup.begun().await;
    let path = callback("good", &state);
    setup.refused(&path, 400, "invalid_state").await;
    let request = setup.app.get(&path).header("Cookie", cookie);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_shopify_refuses_installs_nothing() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, _) = setup.begun().await;
    let response = setup.app.get(&callback("bad", &state)).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], "exchange_refused");
    assert!(!setup.installed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_a_page_that_it_can_load_again() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, cookie) = setup.begun().await;
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    let request = setup.app.get(&callback("good", &state));
    let request = request.header("Accept", accept).header("Cookie", cookie);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 303);
    let location = header(&response, "location");
    assert!(location.starts_with("installed?report="), "{location}");
    setup.app.settled().await;
    for _ in 0..2 {
        let path = format!("/shopify/{location}");
        let page = setup.app.get(&path).header("Accept", accept).send().await;
        let page = page.unwrap();
        assert_eq!(page.status(), 200);
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&page, "cache-control"), "no-store");
        assert!(!page.headers().contains_key("refresh"));
        let page = page.text().await.unwrap();
        assert!(page.contains("a.myshopify.com/shopify_data.json"), "{page}");
        assert!(
            !page.contains("shpat_") && !page.contains(r#"class="failed""#),
            "{page}"
        );
    }
    let report: Value = setup
        .app
        .get(&format!("/shopify/{location}"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(report["upload_status"], "success");
    for forged in ["", "x.y", &location.replace("report=", "report=A")[17..]] {
        let path = format!("/shopify/installed?report={forged}");
        setup.refused(&path, 404, "not_found").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_no_delivery_reaches_is_reported() {
    // Nothing listens on port 1, and the second is somebody else's.
    for (address, says) in [
        ("http://127.0.0.1:1/shopify/webhook", "cannot be reached"),
        ("/shopify/elsewhere", "answered 404"),
        ("/", "answered 405"),
    ] {
        let stranger = MockServer::start().await;
        let address = if address.starts_with('/') {
            format!("{}{address}", stranger.uri())
        } else {
            address.to_owned()
        };
        if says.contains("405") {
            Mock::given(method("POST"))
                .respond_with(ResponseTemplate::new(405))
                .mount(&stranger)
                .await;
        }
        let builder = TestApp::builder().set("SHOPIFY_WEBHOOK_ADDRESS", &address);
        let setup = Setup::new(builder).await;
        let (state, _) = setup.begun().await;
        let report = setup.app.get(&callback("good", &state)).send().await;
        let report: Value = report.unwrap().json().await.unwrap();
        assert_eq!(report["webhook_test"]["status"], "failed", "{report}");
        let message = report["webhook_test"]["message"].as_str().unwrap();
        assert!(
            message.contains(says) && message.contains(&address),
            "{message}"
        );
        assert_eq!(report["polling_test"]["status"], "success");
        assert_eq!(report["upload_status"], "failed");
        assert_eq!(report["snapshot"], Value::Null);
        setup.app.settled().await;
        assert_eq!((setup.catalog.scans(), setup.app.put_count()), (0, 0));
        // The shop is known all the same: the next poll looks after it.
        assert!(setup.installed().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_another_service_is_reported() {
    let stranger = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_string("OK"))
        .mount(&stranger)
        .await;
    let setup = Setup::new(TestApp::builder().set("SHOPIFY_WEBHOOK_ADDRESS", stranger.uri())).await;
    let (state, _) = setup.begun().await;
    let report = setup.app.get(&callback("good", &state)).send().await;
    let report: Value = report.unwrap().json().await.unwrap();
    let message = report["webhook_test"]["message"].as_str().unwrap();
    assert!(message.contains("is it another one?"), "{message}");
    assert_eq!(report["upload_status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_cannot_be_read_is_reported_and_not_uploaded() {
    let setup = Setup::new(TestApp::builder()).await;
    setup.catalog.fail_next(PortError::new(
        "read the shop",
        Disposition::ShopUnavailable {
            reason: UnavailableReason::Forbidden,
        },
        "Access denied",
    ));
    let (state, _) = setup.begun().await;
    let report = setup.app.get(&callback("good", &state)).send().await;
    let report: Value = report.unwrap().json().await.unwrap();
    assert_eq!(report["webhook_test"]["status"], "success");
    assert_eq!(
        report["polling_test"],
        json!({"status": "error", "message": "could not read the shop: Access denied"})
    );
    assert_eq!(report["upload_status"], "failed");
    setup.app.settled().await;
    assert_eq!((setup.catalog.scans(), setup.app.put_count()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_failed_upload_goes_on_looking() {
    let setup = Setup::new(TestApp::builder()).await;
    setup.catalog.fail_scan(
        sync_core::ItemKind::Product,
        0,
        PortError::retry("read the products", "the shop is slow"),
    );
    let mut heard = setup.app.service().bulletin.listen();
    let (state, _) = setup.begun().await;
    let request = setup.app.get(&callback("good", &state));
    let response = request.header("Accept", "text/html").send().await.unwrap();
    while !matches!(heard.recv().await.unwrap().progress, Progress::Finished(_)) {}
    let path = format!("/shopify/{}", header(&response, "location"));
    let page = setup.app.get(&path).header("Accept", "text/html");
    let page = page.send().await.unwrap();
    assert!(page.headers().contains_key("refresh"));
    let page = page.text().await.unwrap();
    assert!(page.contains("it will be tried again"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_landing_page_says_what_this_is() {
    let setup = Setup::new(TestApp::builder()).await;
    let body: Value = setup
        .app
        .get("/")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(body["service"], "shopsync");
    let request = setup.app.get("/").header("Accept", "text/html");
    let page = request.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("healthz"), "{page}");
}
