//! Tests the scripted transport, and the builder's settings for the network: proxy, bypass entries and validation.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shopify_client::oauth::AppCredentials;
use shopify_client::transport::{ScriptedResponse, ScriptedTransport};
use shopify_client::{
    API_VERSION, Client, ClientBuilder, Endpoint, Error, RetryPolicy, ShopClient, ShopDomain,
    StaticToken,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn shop(script: &ScriptedTransport) -> ShopClient {
    let client = Client::builder().transport(Arc::new(script.clone()));
    shop_of(client)
}

fn shop_of(client: ClientBuilder) -> ShopClient {
    let client = client.build().expect("a client");
    let domain = ShopDomain::parse("example").expect("a domain");
    client.shop(&domain, Arc::new(StaticToken::new("token")))
}

fn seven() -> ScriptedResponse {
    ScriptedResponse::data(json!({ "productsCount": { "count": 7, "precision": "EXACT" } }))
}

#[tokio::test(start_paused = true)]
async fn a_script_responds_to_expected_requests_and_records_them() {
    let script = ScriptedTransport::new();
    script
        .then("ProductsCount", ScriptedResponse::connect_failure())
        .then("ProductsCount", ScriptedResponse::connection_lost())
        .then("ProductsCount", ScriptedResponse::timeout())
        .then("ProductsCount", seven().truncated(9))
        .then("ProductsCount", seven());
    assert_eq!(shop(&script).products_count().await.unwrap().count, 7);

    let requests = script.finish();
    assert_eq!(requests.len(), 5);
    let last = requests.last().unwrap();
    assert_eq!(last.name, "ProductsCount");
    assert_eq!(
        last.url,
        format!("https://example.myshopify.com/admin/api/{API_VERSION}/graphql.json")
    );
    assert_eq!(last.token.as_ref().unwrap().expose_secret(), "token");
}

#[tokio::test]
async fn an_unexpected_request_fails_at_once_with_a_clear_error() {
    let script = ScriptedTransport::new();
    script.then("Shop", ScriptedResponse::status(200));
    let error = shop(&script).products_count().await.unwrap_err();
    let Error::Transport { source, .. } = &error else {
        panic!("{error:?}");
    };
    let sentence = source.source().unwrap().to_string();
    assert!(
        sentence.starts_with("the script expects Shop, but received `ProductsCount` with {"),
        "{sentence}"
    );
    assert_eq!(script.requests().len(), 1);
    let finish = std::panic::catch_unwind(|| script.finish()).unwrap_err();
    assert_eq!(finish.downcast_ref::<String>(), Some(&sentence));
}

#[tokio::test]
async fn a_step_that_never_came_fails_the_test() {
    let script = ScriptedTransport::new();
    script
        .always("ProductsCount", seven())
        .then("Shop", ScriptedResponse::status(500));
    for _ in 0..3 {
        assert_eq!(shop(&script).products_count().await.unwrap().count, 7);
    }
    let finish = std::panic::catch_unwind(|| script.finish()).unwrap_err();
    let sentence: &String = finish.downcast_ref().unwrap();
    assert_eq!(sentence, "never requested: Shop");
}

#[tokio::test]
async fn grants_go_through_the_transport_and_are_named_by_their_path() {
    let script = ScriptedTransport::new();
    let grant = json!({ "access_token": "shpat_1", "scope": "read_products", "expires_in": 3600 });
    script.then(
        "POST /admin/oauth/access_token",
        ScriptedResponse::json(200, grant),
    );
    let client = Client::builder()
        .endpoint(Endpoint::custom("http://127.0.0.1:9/{shop}").unwrap())
        .transport(Arc::new(script.clone()))
        .build()
        .unwrap();
    let app = AppCredentials {
        api_key: "key".to_owned(),
        api_secret: SecretString::from("secret"),
    };
    let domain = ShopDomain::parse("example").unwrap();
    let grant = client.oauth(&app).client_credentials(&domain).await;
    assert_eq!(grant.unwrap().access_token.expose_secret(), "shpat_1");
    let requests = script.finish();
    assert_eq!(requests[0].body["client_id"], "key");
    assert!(requests[0].variables.is_null());
}

#[tokio::test(start_paused = true)]
async fn the_client_rejects_a_response_above_the_size_limit() {
    let script = ScriptedTransport::new();
    script.then(
        "ProductsCount",
        ScriptedResponse::bytes(200, vec![b' '; 1001]),
    );
    let client = Client::builder()
        .max_response_size(1000)
        .transport(Arc::new(script.clone()));
    let shop = shop_of(client);
    let error = shop.products_count().await.unwrap_err();
    assert_eq!(
        error.source().unwrap().to_string(),
        "the response is larger than 1000 bytes"
    );
    script.finish();
}

#[test]
fn a_scripts_debug_text_holds_no_token() {
    let script = ScriptedTransport::new();
    script.then("Shop", ScriptedResponse::status(500));
    let client = Client::builder()
        .proxy("http://user:geheim@127.0.0.1:1")
        .transport(Arc::new(script));
    let text = format!("{client:?}");
    assert!(!text.contains("geheim"), "{text}");
    assert!(text.contains("pending: [\"Shop\"]"), "{text}");
}

/// A proxy that responds to the first request itself. Its task returns that request in lower case.
async fn proxy(response: String) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let whole = |request: &[u8]| {
            let tunnel = request.starts_with(b"CONNECT") && request.ends_with(b"\r\n\r\n");
            tunnel || request.ends_with(b"}")
        };
        while !whole(&request) {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        stream.write_all(response.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap().to_ascii_lowercase()
    });
    (address, served)
}

fn seven_products() -> String {
    let body = r#"{"data":{"productsCount":{"count":7,"precision":"EXACT"}}}"#;
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn requests_go_through_the_proxy_with_its_password_and_the_user_agent() {
    let (address, served) = proxy(seven_products()).await;
    let client = Client::builder()
        .endpoint(Endpoint::custom("http://shop.invalid/{shop}").unwrap())
        .user_agent("a bot/1.0")
        .proxy(format!("http://user:ge%40heim@{address}"));
    let shop = shop_of(client);
    assert_eq!(shop.products_count().await.unwrap().count, 7);
    let request = served.await.unwrap();
    assert!(
        request.starts_with("post http://shop.invalid/example.myshopify.com/admin/api/"),
        "{request}"
    );
    // user:ge@heim
    assert!(
        request.contains("proxy-authorization: basic dxnlcjpnzubozwlt"),
        "{request}"
    );
    assert!(request.contains("user-agent: a bot/1.0"));
}

/// The proxy receives the request for a tunnel only: it sees neither path nor token.
#[tokio::test]
async fn an_https_address_is_reached_through_a_tunnel_and_errors_show_no_secret() {
    let forbidden = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let (address, served) = proxy(forbidden.to_owned()).await;
    let client = Client::builder()
        .retry(RetryPolicy {
            max_attempts: 1,
            ..RetryPolicy::default()
        })
        .proxy(format!("http://user:geheim@{address}"));
    let error = shop_of(client).products_count().await.unwrap_err();
    let request = served.await.unwrap();
    assert!(
        request.starts_with("connect example.myshopify.com:443 http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("proxy-authorization: basic "), "{request}");
    assert!(!request.contains("x-shopify-access-token"), "{request}");
    let mut text = format!("{error:?}");
    let mut cause = Some(&error as &dyn std::error::Error);
    while let Some(error) = cause {
        text += &error.to_string();
        cause = error.source();
    }
    assert!(
        !text.contains("geheim") && !text.contains("token\""),
        "{text}"
    );
}

#[tokio::test]
async fn what_bypasses_the_proxy_is_reached_directly() {
    for (bypass, direct) in [
        ("127.0.0.1", true),
        ("127.0.0.0/8", true),
        ("*", true),
        ("10.0.0.0/8", false),
        ("example.com", false),
    ] {
        // The shop itself, and a proxy with another response.
        let (shop_address, at_the_shop) = proxy(seven_products()).await;
        let other = seven_products().replace(":7,", ":8,");
        let (proxy_address, at_the_proxy) = proxy(other).await;
        let endpoint = format!("http://{shop_address}/{{shop}}");
        let client = Client::builder()
            .endpoint(Endpoint::custom(&endpoint).unwrap())
            .proxy(format!("http://{proxy_address}"))
            .proxy_bypass(["other.example", bypass]);
        let count = shop_of(client).products_count().await.unwrap().count;
        assert_eq!(count, if direct { 7 } else { 8 }, "{bypass}");
        at_the_shop.abort();
        at_the_proxy.abort();
    }
}

#[test]
fn a_bypass_entry_that_can_never_match_is_rejected() {
    for entry in [
        "",
        " ",
        ".",
        "a..b",
        "a b",
        "https://a.example",
        "a.example:443",
        "a.example/path",
        "*.a.example",
        "a,b",
        "10.0.0.0/33",
        "10.0.0.0/",
        "::1/129",
    ] {
        let built = Client::builder().proxy_bypass([entry]).build();
        let Err(error @ Error::Configuration { .. }) = built else {
            panic!("{entry}");
        };
        assert!(error.to_string().contains("proxy"), "{error}");
    }
    let good = [
        "a.example",
        ".a_b.example",
        "localhost",
        "::1",
        "fd00::/8",
        "10.1.2.3",
    ];
    Client::builder().proxy_bypass(good).build().unwrap();
}

#[test]
fn the_clients_debug_text_holds_no_password_of_the_proxy() {
    let builder = Client::builder().proxy("http://user:geheim@127.0.0.1:1");
    let text = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(!text.contains("geheim"), "{text}");
}

#[test]
fn an_invalid_proxy_is_rejected_without_quoting_it() {
    for url in [
        "",
        "geheim",
        "http://",
        "ftp:geheim",
        "socks5://u:geheim@127.0.0.1:1",
        "http://geheim:99999",
    ] {
        let error = Client::builder().proxy(url).build().unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("the proxy is not"), "{text}");
        assert!(!text.contains("geheim"), "{text}");
    }
}

#[test]
fn invalid_settings_are_rejected_by_name() {
    let build_error = |client: ClientBuilder| {
        let error = client.build().unwrap_err();
        assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
        error.to_string()
    };
    for headroom in [-0.1, 0.91, 10.0, f64::NAN, f64::INFINITY] {
        let error = build_error(Client::builder().headroom(headroom));
        assert!(error.contains("headroom"), "{error}");
    }
    let error = build_error(Client::builder().user_agent("a\nbot"));
    assert!(error.contains("user agent"), "{error}");
    for pem in [
        "",
        "geheim",
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    ] {
        let error = build_error(Client::builder().root_certificate(pem));
        assert!(error.contains("root certificate"), "{error}");
        assert!(!error.contains("geheim"), "{error}");
    }
}

#[tokio::test]
async fn reading_the_usage_of_a_shop_creates_no_state() {
    let client = Client::builder().build().unwrap();
    for number in 0..100 {
        let domain = ShopDomain::parse(&format!("shop-{number}")).unwrap();
        assert_eq!(client.usage(&domain).requests, 0);
    }
    let text = format!("{client:?}");
    assert!(!text.contains("shop-7"), "{text}");
}

/// After a rejected, throttled or lost request, the estimate of the bucket counts what Shopify may have charged.
#[tokio::test(start_paused = true)]
async fn every_reservation_is_settled_with_its_outcome() {
    let count = json!({ "productsCount": { "count": 7, "precision": "EXACT" } });
    let cost = json!({
        "requestedQueryCost": 100, "actualQueryCost": 0,
        "throttleStatus": {
            "maximumAvailable": 1000, "currentlyAvailable": 1000, "restoreRate": 0,
        },
    });
    for (name, response, left) in [
        ("denied", ScriptedResponse::status(403), 1000.0),
        (
            "too expensive",
            ScriptedResponse::error("MAX_COST_EXCEEDED", "no"),
            1000.0,
        ),
        ("never sent", ScriptedResponse::connect_failure(), 1000.0),
        // The bucket held fewer points than the request costs.
        (
            "throttled",
            ScriptedResponse::error("THROTTLED", "no"),
            100.0,
        ),
        ("throttled by status", ScriptedResponse::status(429), 100.0),
        // These may have been executed.
        ("lost", ScriptedResponse::connection_lost(), 900.0),
        ("too late", ScriptedResponse::timeout(), 900.0),
        ("failed", ScriptedResponse::status(502), 900.0),
        ("cut short", seven().truncated(9), 900.0),
    ] {
        let script = ScriptedTransport::new();
        script
            .then(
                "ProductsCount",
                ScriptedResponse::data_with_cost(count.clone(), cost.clone()),
            )
            .then("ProductsCount", response);
        let client = Client::builder()
            .headroom(0.0)
            .retry(RetryPolicy {
                max_attempts: 1,
                budget: Duration::ZERO,
                ..RetryPolicy::default()
            })
            .transport(Arc::new(script.clone()));
        let shop = shop_of(client);
        shop.products_count().await.unwrap();
        shop.products_count().await.unwrap_err();
        script.finish();
        let available = shop.governor().budget().unwrap().available;
        assert!((available - left).abs() < 0.1, "{name}: {available}");
    }
}
