//! Runs a complete service beside a simulated shop.

use serde_json::Value;
use shopify_sim::{BucketSize, CatalogSpec, ShopControl, SimApp, Simulator};
use sync_core::ports::{RunLog, ShopRegistry};
use sync_core::{Outcome, Run, ShopDomain, Trigger, WorkRequest};
use testkit::ManualClock;

use super::{Relay, SECRET, TestApp, TestAppBuilder, comparable_document, comparable_shop};

/// The scopes that the service requests.
const SCOPES: [&str; 4] = [
    "read_products",
    "read_inventory",
    "read_locations",
    "read_discounts",
];

/// The operations of a full scan by pages.
const SCANNING: [&str; 4] = [
    "ProductsPage",
    "CollectionsPage",
    "DiscountsPage",
    "LocationsPage",
];

/// A service and a simulated shop that knows its app.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) shop: ShopControl,
    pub(crate) domain: ShopDomain,
    http: reqwest::Client,
    _simulator: Simulator,
}

/// Overrides of the service and the shop that a test needs.
pub(crate) struct WorldBuilder {
    app: TestAppBuilder,
    catalog: CatalogSpec,
    bucket: BucketSize,
}

impl WorldBuilder {
    /// Sets a variable of the service.
    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.app = self.app.set(name, value);
        self
    }

    /// Gives the service a manual clock. The shop uses the system clock.
    pub(crate) fn clock(mut self, clock: &ManualClock) -> Self {
        self.app = self.app.clock(clock);
        self
    }

    /// Sets the shop's catalogue.
    pub(crate) fn catalog(mut self, catalog: CatalogSpec) -> Self {
        self.catalog = catalog;
        self
    }

    /// Sets the shop's cost bucket.
    pub(crate) fn bucket(mut self, bucket: BucketSize) -> Self {
        self.bucket = bucket;
        self
    }

    /// Starts the shop, then the service, which is not installed yet.
    pub(crate) async fn start(self) -> World {
        let relay = Relay::start().await;
        let app = SimApp {
            api_key: "test-app".to_owned(),
            api_secret: SECRET.to_owned(),
            redirect_uris: vec![relay.url("/shopify/callback")],
            scopes: SCOPES.map(str::to_owned).into(),
        };
        let simulator = Simulator::builder()
            .seed(7)
            .shop("example", self.catalog)
            .app(app)
            .bucket(self.bucket)
            .retry_scale(0.001)
            .start()
            .await
            .unwrap();
        let app = self
            .app
            .set("SHOPIFY_ENDPOINT", simulator.endpoint())
            .relay(relay)
            .start()
            .await;
        let shop = simulator.control("example").unwrap();
        World {
            app,
            domain: shop.domain().parse().unwrap(),
            shop,
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            _simulator: simulator,
        }
    }

    /// Starts both, installs the service in the shop and waits for the first full scan.
    pub(crate) async fn installed(self) -> World {
        let world = self.start().await;
        let report = world.install().await;
        assert_eq!(report["upload_status"], "success", "{report}");
        world.settled().await;
        world
    }
}

impl World {
    /// Returns a builder with default settings.
    pub(crate) fn builder() -> WorldBuilder {
        WorldBuilder {
            app: TestApp::builder(),
            catalog: CatalogSpec::default(),
            bucket: BucketSize {
                maximum: 20_000.0,
                restore_rate: 20_000.0,
            },
        }
    }

    /// Installs the service as a merchant does, from the login to the callback. Returns the callback's report.
    pub(crate) async fn install(&self) -> Value {
        let login = format!("/shopify/{}/login", self.domain.name());
        let mut response = self.get(&self.app.relay.url(&login)).await;
        for _ in 0..2 {
            assert_eq!(response.status(), 302, "{}", response.url());
            let next = response.headers()["location"].to_str().unwrap().to_owned();
            response = self.get(&next).await;
        }
        let (status, body) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Sends a GET request to any address. Redirects are not followed.
    pub(crate) async fn get(&self, url: &str) -> reqwest::Response {
        self.http.get(url).send().await.unwrap()
    }

    /// Waits until all webhooks are delivered and all work that they request is done.
    pub(crate) async fn settled(&self) {
        self.shop.settled().await;
        self.app.settled().await;
    }

    /// Requests a full scan, as `shopsync sync` does, and waits until all work is done.
    pub(crate) async fn sync(&self) {
        self.request_scan().await;
        self.app.settled().await;
    }

    /// Requests a full scan.
    pub(crate) async fn request_scan(&self) {
        let service = self.app.service();
        let request = WorkRequest::full(Trigger::Manual);
        let (inbox, now) = (&service.ports.inbox, service.clock.now());
        inbox.request(&self.domain, &request, now).await.unwrap();
        service.wake.notify_one();
    }

    /// Requests a full scan and returns the outcome of the next finished run, even if it will be retried.
    pub(crate) async fn next_run(&self) -> Outcome {
        let finished = self.finished_run();
        self.request_scan().await;
        finished.await
    }

    /// Returns the outcome of the next run that finishes after this call.
    pub(crate) fn finished_run(&self) -> impl Future<Output = Outcome> + use<> {
        let mut events = self.app.service().run_events.subscribe();
        async move {
            loop {
                let event = events.recv().await.unwrap();
                if let Some(report) = event.finished() {
                    return report.outcome.clone();
                }
            }
        }
    }

    /// The shop's document.
    pub(crate) async fn document(&self) -> Value {
        let document = self.app.document(&self.domain).await;
        document.expect("there is a document")
    }

    /// Compares the document with the shop, item by item. The error is the first difference.
    pub(crate) async fn document_matches_shop(&self) -> Result<(), String> {
        let (found, truth) = (
            comparable_document(&self.document().await),
            comparable_shop(&self.shop.truth()),
        );
        first_difference("", &found, &truth).map_or(Ok(()), Err)
    }

    /// The bytes of the shop's document.
    pub(crate) async fn document_bytes(&self) -> Vec<u8> {
        let bytes = self.app.document_bytes(&self.domain).await;
        bytes.expect("there is a document")
    }

    /// The runs of the shop, newest first.
    pub(crate) async fn runs(&self) -> Vec<Run> {
        let runs = self
            .app
            .service()
            .database
            .recent(Some(&self.domain), 1_000);
        runs.await.unwrap()
    }

    /// How often the operation was called.
    pub(crate) fn calls(&self, operation: &str) -> u64 {
        let calls = self.shop.calls();
        calls.operations.get(operation).copied().unwrap_or_default()
    }

    /// The number of pages that full scans have read.
    pub(crate) fn scanned_pages(&self) -> u64 {
        SCANNING.iter().map(|operation| self.calls(operation)).sum()
    }

    /// Whether the shop is known.
    pub(crate) async fn is_known(&self) -> bool {
        let found = self.app.service().database.find(&self.domain).await;
        found.unwrap().is_some()
    }
}

/// Returns the path and the values of the first difference.
fn first_difference(path: &str, found: &Value, truth: &Value) -> Option<String> {
    match (found, truth) {
        (Value::Object(found), Value::Object(truth)) => {
            let names: std::collections::BTreeSet<_> = found.keys().chain(truth.keys()).collect();
            names.into_iter().find_map(|name| {
                let (found, truth) = (found.get(name), truth.get(name));
                let nothing = Value::Null;
                let (found, truth) = (found.unwrap_or(&nothing), truth.unwrap_or(&nothing));
                first_difference(&format!("{path}/{name}"), found, truth)
            })
        }
        (Value::Array(found), Value::Array(truth)) if found.len() == truth.len() => {
            let mut pairs = found.iter().zip(truth).enumerate();
            pairs.find_map(|(index, (found, truth))| {
                first_difference(&format!("{path}/{index}"), found, truth)
            })
        }
        (Value::Array(found), Value::Array(truth)) => Some(format!(
            "{path}: {} items instead of {}",
            found.len(),
            truth.len()
        )),
        _ if found == truth => None,
        _ => Some(format!("{path}: {found} instead of {truth}")),
    }
}
