//! Starts the service in process and sends it requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use secrecy::SecretString;
use server::app::Application;
use server::service::{Overrides, Service};
use server::settings::{Environment, Settings};
use sync_core::ShopDomain;
use sync_core::ports::{CatalogSource, Clock};
use testkit::ManualClock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Relay;
use super::backends::Backends;
use super::idle_watch::{wait_for_renewals, wait_until_idle};

/// The app's client secret in tests.
pub(crate) const SECRET: &str = "hush-hush";

/// How long a test waits for an event before it fails.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Overrides of the service that a test needs.
#[derive(Default)]
pub(crate) struct TestAppBuilder {
    variables: BTreeMap<String, String>,
    clock: Option<ManualClock>,
    catalog: Option<Arc<dyn CatalogSource>>,
    relay: Option<Relay>,
}

impl TestAppBuilder {
    /// Sets a variable, as in `.env`.
    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Replaces the system clock with a manual one.
    pub(crate) fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// Replaces Shopify's catalogue.
    pub(crate) fn catalog(mut self, catalog: impl CatalogSource + 'static) -> Self {
        self.catalog = Some(Arc::new(catalog));
        self
    }

    /// Uses this relay as the public address of the service.
    pub(crate) fn relay(mut self, relay: Relay) -> Self {
        self.relay = Some(relay);
        self
    }

    /// Starts the service.
    pub(crate) async fn start(self) -> TestApp {
        let backends = Backends::new().await;
        let mut variables: BTreeMap<String, String> = [
            ("PORT", "0"),
            ("SHOPSYNC__SERVER__ADDRESS", "127.0.0.1"),
            ("SHOPSYNC__SYNC__DEBOUNCE", "0s"),
            ("SHOPSYNC__POLL__ENABLED", "false"),
            ("SHOPIFY_API_KEY", "test-app"),
            ("SHOPIFY_API_SECRET", SECRET),
            ("STATE_TOKEN_SECRET", "state-secret"),
            // Nothing listens there, so that no test reaches Shopify.
            ("SHOPIFY_ENDPOINT", "http://127.0.0.1:1/{shop}"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let relay = match self.relay {
            Some(relay) => relay,
            None => Relay::start().await,
        };
        for (name, path) in [
            ("SHOPIFY_REDIRECT_URI", "/shopify/callback"),
            ("SHOPIFY_WEBHOOK_ADDRESS", "/shopify/webhook"),
        ] {
            variables.insert(name.to_owned(), relay.url(path));
        }
        variables.extend(backends.variables());
        variables.extend(self.variables);
        let mut app = TestApp {
            backends,
            relay,
            variables,
            clock: self.clock,
            catalog: self.catalog,
            instance: None,
            earlier_uploads: 0,
            http: client(),
        };
        app.launch().await;
        app
    }
}

/// A running service with its database and bucket.
pub(crate) struct TestApp {
    /// Its database and bucket.
    pub(crate) backends: Backends,
    /// Its public address.
    pub(crate) relay: Relay,
    variables: BTreeMap<String, String>,
    clock: Option<ManualClock>,
    catalog: Option<Arc<dyn CatalogSource>>,
    instance: Option<Instance>,
    earlier_uploads: u64,
    http: reqwest::Client,
}

struct Instance {
    address: SocketAddr,
    service: Service,
    shutdown: CancellationToken,
    running: JoinHandle<std::io::Result<()>>,
}

impl TestApp {
    /// Returns a builder with default settings.
    pub(crate) fn builder() -> TestAppBuilder {
        TestAppBuilder::default()
    }

    /// The settings of the service.
    pub(crate) fn settings(&self) -> Settings {
        let variables = self.variables.iter();
        let environment = Environment::from_pairs(variables.map(|(n, v)| (n.as_str(), v.as_str())));
        let loaded = Settings::from_layers(None, &Environment::default(), &environment);
        loaded.unwrap().settings
    }

    async fn launch(&mut self) {
        let clock = self.clock.clone();
        let overrides = Overrides {
            clock: clock.map(|clock| Arc::new(clock) as Arc<dyn Clock>),
            catalog: self.catalog.clone(),
        };
        let built = Application::build(self.settings(), overrides).await;
        let application = built.unwrap();
        self.relay.forward_to(application.local_address());
        let shutdown = CancellationToken::new();
        self.instance = Some(Instance {
            address: application.local_address(),
            service: application.service().clone(),
            shutdown: shutdown.clone(),
            running: tokio::spawn(application.run_until(shutdown)),
        });
    }

    fn instance(&self) -> &Instance {
        self.instance.as_ref().expect("the service was stopped")
    }

    /// The parts of the running service.
    pub(crate) fn service(&self) -> &Service {
        &self.instance().service
    }

    /// The URL of a path of the service.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.instance().address)
    }

    /// Builds a GET request for a path. Redirects are not followed.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    /// Builds a HEAD request for a path.
    pub(crate) fn head(&self, path: &str) -> RequestBuilder {
        self.http.head(self.url(path))
    }

    /// Builds a POST request for a path.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url(path))
    }

    /// Builds a delivery as Shopify sends it, signed with the app's secret.
    pub(crate) fn delivery(&self, shop: &str, topic: &str, id: &str, body: &str) -> RequestBuilder {
        let signature = sign(SECRET, body.as_bytes());
        self.post("/shopify/webhook")
            .header("X-Shopify-Topic", topic)
            .header("X-Shopify-Shop-Domain", shop)
            .header("X-Shopify-Webhook-Id", id)
            .header("X-Shopify-Hmac-Sha256", signature)
            .header("Content-Type", "application/json")
            .body(body.to_owned())
    }

    /// Waits until no work request is left and no run is going on. Items with a later retry count as requested work.
    pub(crate) async fn settled(&self) {
        let idle = wait_until_idle(self.service());
        let settled = tokio::time::timeout(TIMEOUT, idle).await;
        settled.expect("the service should settle");
    }

    /// Reads the shop's document from the Space; `None` if there is none.
    pub(crate) async fn document(&self, shop: &ShopDomain) -> Option<serde_json::Value> {
        let bytes = self.document_bytes(shop).await?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    /// Reads the bytes of the shop's document from the Space.
    pub(crate) async fn document_bytes(&self, shop: &ShopDomain) -> Option<Vec<u8>> {
        let prefix = spaces_store::ShopPrefix::new(shop.as_str()).unwrap();
        let key = spaces_store::SnapshotKey::single(&prefix);
        // Not through the service's own store, which counts requests and may be stopped.
        let settings = self.settings();
        let space = server::service::spaces_config(&settings.spaces, &settings.network).unwrap();
        let store = spaces_store::Store::new(space.connect().unwrap());
        let stored = store.read(&key).await.unwrap()?;
        Some(stored.into_vec().await.unwrap())
    }

    /// The number of objects that the service has written since the test began.
    pub(crate) fn put_count(&self) -> u64 {
        self.earlier_uploads + self.service().store.requests().uploads()
    }

    /// Runs the periodic jobs once, as the timer does each minute. Returns the number of shops that a daily poll covers, if
    /// one began.
    pub(crate) async fn run_due_jobs(&self) -> Option<u64> {
        self.service().periodic_jobs().run_due().await
    }

    /// Stops the service as SIGTERM does, and waits for its end.
    pub(crate) async fn stop(&mut self) {
        self.earlier_uploads = self.put_count();
        let instance = self.instance.take().expect("the service was stopped");
        self.relay.disconnect();
        instance.shutdown.cancel();
        let stopped = tokio::time::timeout(TIMEOUT, instance.running).await;
        stopped.expect("the service should stop").unwrap().unwrap();
    }

    /// Aborts the service as a crash would, in the middle of its work.
    pub(crate) async fn crash(&mut self) {
        self.earlier_uploads = self.put_count();
        let instance = self.instance.take().expect("the service was stopped");
        self.relay.disconnect();
        instance.running.abort();
        // Cancelled, or already ended.
        let _ = instance.running.await;
    }

    /// Waits until workers have renewed their leases `count` more times.
    pub(crate) async fn leases_renewed(&self, count: u64) {
        let renewed = wait_for_renewals(self.service(), count);
        let renewed = tokio::time::timeout(TIMEOUT, renewed).await;
        renewed.expect("the lease should be renewed");
    }

    /// Sets a variable for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// The variables that the service is started with.
    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Stops the service, if it is running, and starts it again with the same database and bucket.
    pub(crate) async fn restart(&mut self) {
        if self.instance.is_some() {
            self.stop().await;
        }
        self.launch().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take() {
            instance.shutdown.cancel();
        }
    }
}

/// Signs a body as Shopify does.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    shopify_client::webhook::sign(&SecretString::from(secret), body)
}

fn client() -> reqwest::Client {
    // Fails if another test of this process has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .unwrap()
}
