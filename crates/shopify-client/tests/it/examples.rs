//! Runs the code of the examples against the simulator.

use std::sync::Arc;

use http::StatusCode;
use reqwest::redirect::Policy;
use secrecy::SecretString;
use shopify_client::oauth::AppCredentials;
use shopify_client::webhook::Verifier;
use shopify_client::{Client, Endpoint, ShopClient, ShopDomain, StaticToken};
use shopify_sim::{CatalogSpec, ShopControl, SimApp, Simulator};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

#[path = "../../examples/list_products.rs"]
#[expect(dead_code, reason = "its `main` is for the command line")]
mod list_products;
#[path = "../../examples/oauth_app.rs"]
#[expect(dead_code, reason = "its `main` is for the command line")]
mod oauth_app;
#[path = "../../examples/watch_webhooks.rs"]
#[expect(dead_code, reason = "its `main` is for the command line")]
mod watch_webhooks;

const SECRET: &str = "hush";

struct World {
    /// Ends with the test.
    sim: Simulator,
    shop: ShopControl,
    listener: TcpListener,
    /// The URL of the example under test.
    url: String,
}

impl World {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let spec = CatalogSpec {
            products: 5,
            ..CatalogSpec::default()
        };
        let app = SimApp {
            api_key: "key".to_owned(),
            api_secret: SECRET.to_owned(),
            redirect_uris: vec![format!("{url}/callback")],
            scopes: vec!["read_products".to_owned()],
        };
        let sim = Simulator::builder().seed(7).shop("example", spec).app(app);
        let sim = sim.start().await.unwrap();
        let shop = sim.control("example").unwrap();
        Self {
            sim,
            shop,
            listener,
            url,
        }
    }

    fn client(&self) -> Client {
        let endpoint = Endpoint::custom(&self.sim.endpoint()).unwrap();
        Client::builder().endpoint(endpoint).build().unwrap()
    }

    fn shop_client(&self) -> ShopClient {
        let scopes = [
            "read_products",
            "read_inventory",
            "read_locations",
            "read_discounts",
        ];
        let token = StaticToken::new(self.shop.issue_token(scopes));
        let domain = ShopDomain::parse("example").unwrap();
        self.client().shop(&domain, Arc::new(token))
    }
}

fn browser() -> reqwest::Client {
    let browser = reqwest::Client::builder().redirect(Policy::none());
    browser.no_proxy().build().unwrap()
}

#[tokio::test]
async fn products_are_listed_with_all_their_variants() {
    let world = World::start().await;
    let mut listed = Vec::new();
    let shop = world.shop_client();
    list_products::list(&shop, &mut listed).await.unwrap();
    let listed = String::from_utf8(listed).unwrap();
    let truth = world.shop.truth();
    let products = truth["products"].as_array().unwrap();
    assert!(!products.is_empty());
    let variants = |product: &serde_json::Value| product["variants"].as_array().unwrap().len();
    let expected = products.len() + products.iter().map(variants).sum::<usize>() + 1;
    assert_eq!(listed.lines().count(), expected, "{listed}");
    for product in products {
        assert!(
            listed.contains(product["title"].as_str().unwrap()),
            "{listed}"
        );
    }
    assert!(
        listed.lines().last().unwrap().contains(" requests, "),
        "{listed}"
    );
}

#[tokio::test]
async fn webhooks_are_watched_from_subscription_to_shutdown() {
    let world = World::start().await;
    let (shop, client) = (&world.shop, world.shop_client());
    let url = format!("{}/", world.url);
    let (send, mut lines) = unbounded_channel();
    let (secret, old) = (SecretString::from(SECRET), SecretString::from("old"));
    let verifier = Verifier::keyed([("current", &secret), ("previous", &old)]).unwrap();
    let app = watch_webhooks::receiver(verifier, move |line| {
        let _ = send.send(line);
    });
    let served = tokio::spawn(async move { axum::serve(world.listener, app).await });

    let ids = watch_webhooks::subscribe(&client, &url).await.unwrap();
    assert_eq!(ids.len(), 7);
    let again = watch_webhooks::subscribe(&client, &url).await.unwrap();
    assert_eq!(again, []);

    let product = shop.product_ids()[0];
    shop.set_price(product, None, "12.50").unwrap();
    let line = lines.recv().await.unwrap();
    let start = "example.myshopify.com products/update (key current): Product { ";
    assert!(
        line.starts_with(&format!("{start}id: {product}, ")),
        "{line}"
    );

    let forged = browser().post(&url).body("{}");
    let forged = forged.header("X-Shopify-Hmac-Sha256", "AAAA").send().await;
    assert_eq!(forged.unwrap().status(), StatusCode::UNAUTHORIZED);
    let line = lines.recv().await.unwrap();
    assert!(
        line.starts_with("rejected: the signature is wrong: "),
        "{line}"
    );

    watch_webhooks::unsubscribe(&client, &ids).await.unwrap();
    assert_eq!(shop.subscriptions(), []);
    served.abort();
}

#[tokio::test]
async fn a_merchant_installs_the_app() {
    let world = World::start().await;
    let credentials = AppCredentials {
        api_key: "key".to_owned(),
        api_secret: SecretString::from(SECRET),
    };
    let (url, shop) = (world.url.clone(), world.shop.clone());
    let app = oauth_app::App::new(world.client(), credentials, &url).pages();
    let served = tokio::spawn(async move { axum::serve(world.listener, app).await });
    let browser = browser();
    let get = async |url: &str, cookie: &str| {
        let response = browser
            .get(url)
            .header("Cookie", cookie)
            .send()
            .await
            .unwrap();
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|text| text.to_str().unwrap().to_owned())
        };
        let (location, cookie) = (header("location"), header("set-cookie"));
        let status = response.status();
        (status, location, cookie, response.text().await.unwrap())
    };

    let opened = format!("{url}/?{}", shop.install_query());
    let (status, grant_page, cookie, _) = get(&opened, "").await;
    assert_eq!(status, StatusCode::FOUND);
    let cookie = cookie.unwrap();
    let (status, callback, ..) = get(&grant_page.unwrap(), "").await;
    assert_eq!(status, StatusCode::FOUND);
    let callback = callback.unwrap();

    let (status, .., text) = get(&callback, "oauth_state=of-another-browser").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
    let (status, .., text) = get(&callback, cookie.split(';').next().unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(
        text.starts_with("Hello ") && text.ends_with(": 5 products"),
        "{text}"
    );
    assert!(shop.installed_scopes().is_some());

    let (status, ..) = get(&format!("{url}/?shop=example.myshopify.com"), "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    served.abort();
}
