//! Tests the login and the callback with a scripted token endpoint and a fake catalogue.

mod report;
mod rotation;

use reqwest::Response;
use serde_json::{Value, json};
use sync_core::ports::ShopRegistry;
use sync_core::{ItemKey, ShopDomain};
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

/// Returns the callback path to which Shopify redirects the merchant.
fn callback(code: &str, state: &str) -> String {
    let query = [
        ("code", code),
        ("shop", SHOP),
        ("state", state),
        ("timestamp", "1795521600"),
    ];
    format!("/shopify/callback?{}", signed_query(SECRET, &query))
}

/// A service and a mock of Shopify's token endpoint.
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
        Mock::given(method("POST"))
            .and(body_partial_json(json!({"code": "narrow"})))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "access_token": TOKEN, "scope": "write_products,read_locations",
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

    /// Opens the login page and returns the OAuth state and its cookie.
    async fn begin_login(&self) -> (String, String) {
        let response = self.login("a").await;
        let cookie = header(&response, "set-cookie");
        let page = Url::parse(&header(&response, "location")).unwrap();
        let mut pairs = page.query_pairs();
        let (_, state) = pairs.find(|(name, _)| name == "state").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        (state.into_owned(), cookie)
    }

    /// Asserts the status and the code of the response, and that no request was sent to Shopify.
    async fn assert_refused(&self, path: &str, status: u16, code: &str) {
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
async fn the_login_redirects_to_the_grant_page() {
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
    let one = setup.begin_login().await;
    assert_ne!(one, setup.begin_login().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_shop_is_rejected_without_a_request_to_shopify() {
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
        setup.assert_refused(&path, 400, "invalid_shop").await;
        let escaped = shop.replace("%2F", "/");
        for route in ["install", "callback"] {
            let path = format!("/shopify/{route}?code=good&state=x&hmac=00&shop={escaped}");
            let code = if shop.is_empty() {
                "missing_parameter"
            } else {
                "invalid_shop"
            };
            setup.assert_refused(&path, 400, code).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_url_verifies_the_signature_and_redirects_to_the_grant_page() {
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
        .assert_refused(&format!("/shopify/install?{forged}"), 401, "bad_signature")
        .await;
    let unsigned = format!("/shopify/install?shop={SHOP}");
    setup.assert_refused(&unsigned, 401, "bad_signature").await;
    setup
        .assert_refused("/shopify/install", 400, "missing_parameter")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_verified_before_the_code_is_exchanged() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, cookie) = setup.begin_login().await;
    let good = callback("good", &state);
    for (name, value) in [("code", "good"), ("shop", SHOP), ("state", &state)] {
        let missing = good.replace(&format!("{name}={value}"), &format!("{name}="));
        setup
            .assert_refused(&missing, 400, "missing_parameter")
            .await;
    }
    let twice = format!("{good}&shop=b.myshopify.com");
    setup.assert_refused(&twice, 400, "malformed").await;
    let (unsigned, _) = good.split_once("&hmac=").unwrap();
    for bad in [
        unsigned.to_owned(),
        format!("{unsigned}&hmac="),
        format!("{unsigned}&hmac=00"),
        good.replace("code=good", "code=other"),
        good.replace(SHOP, "b.myshopify.com"),
        good.replace(&state, "1.2.3"),
    ] {
        setup.assert_refused(&bad, 401, "bad_signature").await;
    }
    for bad in ["x", "1.2.3", &format!("{state}x")] {
        let path = callback("good", bad);
        setup.assert_refused(&path, 400, "invalid_state").await;
    }
    // A state for another shop, with a valid signature.
    let query = [
        ("code", "good"),
        ("shop", "b.myshopify.com"),
        ("state", state.as_str()),
    ];
    let other = format!("/shopify/callback?{}", signed_query(SECRET, &query));
    setup.assert_refused(&other, 400, "invalid_state").await;
    // Another browser's cookie.
    let (name, _) = cookie.split_once('=').unwrap();
    let request = setup
        .app
        .get(&good)
        .header("Cookie", format!("{name}=AAAA"));
    assert_eq!(request.send().await.unwrap().status(), 400);
    assert!(setup.shopify.received_requests().await.unwrap().is_empty());
    assert!(!setup.installed().await);
    // No rejected callback has consumed the state; with its cookie it is accepted.
    let request = setup.app.get(&good).header("Cookie", cookie);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_can_be_required() {
    let required = TestApp::builder().set("SHOPSYNC__SHOPIFY__REQUIRE_STATE_COOKIE", "true");
    let setup = Setup::new(required).await;
    let (state, cookie) = setup.begin_login().await;
    let path = callback("good", &state);
    setup.assert_refused(&path, 400, "invalid_state").await;
    let request = setup.app.get(&path).header("Cookie", cookie);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_landing_page_names_the_service() {
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
