//! Starts a simulator, and an HTTP client that knows nothing of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use shopify_sim::{
    BucketSize, CatalogSpec, ManualClock, ShopControl, SimApp, Simulator, SimulatorBuilder,
};

pub(crate) const KEY: &str = "app-key";
pub(crate) const SECRET: &str = "hush";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:5000/shopify/callback";
pub(crate) const SCOPES: [&str; 4] = [
    "read_products",
    "read_inventory",
    "read_locations",
    "read_discounts",
];

pub(crate) struct World {
    pub(crate) sim: Simulator,
    pub(crate) shop: ShopControl,
    pub(crate) clock: ManualClock,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(crate) fn app() -> SimApp {
    SimApp {
        api_key: KEY.to_owned(),
        api_secret: SECRET.to_owned(),
        redirect_uris: vec![REDIRECT.to_owned()],
        scopes: SCOPES.map(str::to_owned).into(),
    }
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(SimulatorBuilder) -> SimulatorBuilder) -> Self {
        let clock = ManualClock::new(noon());
        let builder = Simulator::builder()
            .seed(7)
            .shop("example", CatalogSpec::default())
            .app(app())
            .clock(Arc::new(clock.clone()))
            .bucket(BucketSize {
                maximum: 2_000.0,
                restore_rate: 100.0,
            });
        let sim = change(builder).start().await.unwrap();
        Self {
            shop: sim.control("example").unwrap(),
            http: client(),
            sim,
            clock,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let base = self
            .sim
            .endpoint()
            .replace("{shop}", "example.myshopify.com");
        format!("{base}{path}")
    }

    pub(crate) fn token(&self) -> String {
        self.shop.issue_token(SCOPES)
    }

    /// A request to Admin GraphQL, to be changed or sent.
    pub(crate) fn request(&self, token: &str, query: &str, variables: &Value) -> RequestBuilder {
        self.http
            .post(self.url("/admin/api/2026-10/graphql.json"))
            .header("X-Shopify-Access-Token", token)
            .json(&json!({"query": query, "variables": variables}))
    }

    /// The response body of a request that gets status 200.
    pub(crate) async fn graphql(&self, token: &str, query: &str, variables: Value) -> Value {
        let response = self.request(token, query, &variables).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Subscribes to a topic, by its enum value, and returns the subscription's id.
    pub(crate) async fn subscribe(&self, topic: &str, input: Value) -> String {
        let query = "mutation Subscribe($topic: WebhookSubscriptionTopic!, $input: WebhookSubscriptionInput!) {
            webhookSubscriptionCreate(topic: $topic, webhookSubscription: $input) {
                webhookSubscription { id } userErrors { field message }
            }
        }";
        let variables = json!({"topic": topic, "input": input});
        let response = self.graphql(&self.token(), query, variables).await;
        let created = &response["data"]["webhookSubscriptionCreate"];
        assert_eq!(created["userErrors"], json!([]), "{response}");
        created["webhookSubscription"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn authorize(&self, parameters: &[(&str, &str)]) -> Response {
        let url = self.url("/admin/oauth/authorize");
        let url = url::Url::parse_with_params(&url, parameters).unwrap();
        self.http.get(url).send().await.unwrap()
    }

    /// Passes the grant page and returns the parameters of the redirect.
    pub(crate) async fn callback(&self) -> HashMap<String, String> {
        let parameters = [
            ("client_id", KEY),
            ("redirect_uri", REDIRECT),
            ("state", "nonce-1"),
            ("scope", "read_products,read_inventory"),
        ];
        let response = self.authorize(&parameters).await;
        assert_eq!(response.status(), 302);
        let location = response.headers()["location"].to_str().unwrap();
        let location = url::Url::parse(location).unwrap();
        location.query_pairs().into_owned().collect()
    }

    /// Sends a request to the token endpoint, with the app's id and secret.
    pub(crate) async fn token_request(&self, mut parameters: Value) -> (StatusCode, Value) {
        for (name, value) in [("client_id", KEY), ("client_secret", SECRET)] {
            if parameters.get(name).is_none() {
                parameters[name] = value.into();
            }
        }
        let request = self.http.post(self.url("/admin/oauth/access_token"));
        let response = request.json(&parameters).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Installs the app and returns the token response.
    pub(crate) async fn install(&self) -> Value {
        let code = self.callback().await["code"].clone();
        let (status, granted) = self
            .token_request(json!({"code": code, "expiring": "1"}))
            .await;
        assert_eq!(status, 200, "{granted}");
        granted
    }

    /// Whether the shop accepts a token.
    pub(crate) async fn accepts_token(&self, token: &str) -> bool {
        let request = self.request(token, "query Name { shop { name } }", &json!({}));
        let status = request.send().await.unwrap().status();
        assert!([200, 401].contains(&status.as_u16()), "{status}");
        status == 200
    }

    pub(crate) fn control_url(&self, path: &str) -> String {
        format!("http://{}/_sim/example{path}", self.sim.address())
    }
}
