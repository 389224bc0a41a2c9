//! One shop: its catalogue, its grants, its limits and its post.

mod bulk;
mod post;
mod truth;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, watch};

use crate::app::SimApp;
use crate::bucket::{Bucket, BucketSize};
use crate::bulk::Bulk;
use crate::call_counts::CallCounts;
use crate::catalog::Catalog;
use crate::catalog::change::{ChangeError, Event};
use crate::catalog::model::Seconds;
use crate::clock::SimClock;
use crate::fault::{FaultKind, Faults, Route};
use crate::graphql::{Context, Executed, Prepared};
use crate::locks::{lock, read, write};
use crate::oauth::{Access, Granted, Grants, Refusal};
use crate::seeded::Seeded;
use crate::tasks::Tasks;
use crate::webhook::subscription::Subscription;
use crate::webhook::{Outbox, Sender, body};

/// How many webhooks of a shop are under way at once.
const LANES: usize = 32;

/// What all shops of a simulator share.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) app: Arc<SimApp>,
    pub(crate) clock: Arc<dyn SimClock>,
    pub(crate) sender: Arc<Sender>,
    pub(crate) tasks: Tasks,
    pub(crate) bucket: BucketSize,
    pub(crate) requires_expiring_tokens: bool,
    /// What is listened on.
    pub(crate) address: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) domain: String,
    around: Surroundings,
    seeded: Seeded,
    catalog: RwLock<Catalog>,
    subscriptions: RwLock<Vec<Subscription>>,
    bulk: RwLock<Bulk>,
    grants: Mutex<Grants>,
    bucket: Mutex<Bucket>,
    faults: Mutex<Faults>,
    calls: watch::Sender<CallCounts>,
    outbox: Outbox,
    lanes: Semaphore,
    shuffle: AtomicU64,
    events: AtomicU64,
    deliveries: AtomicU64,
    requests: AtomicU64,
}

impl Shop {
    pub(crate) fn new(catalog: Catalog, seed: u64, around: Surroundings) -> Self {
        let domain = catalog.shop.domain.clone();
        let seeded = Seeded::new(seed, &domain);
        let now = around.clock.now();
        Self {
            bulk: RwLock::new(Bulk::new(
                seeded.clone(),
                format!("http://{}/{domain}", around.address),
            )),
            subscriptions: RwLock::default(),
            grants: Mutex::new(Grants::new(seeded.clone())),
            bucket: Mutex::new(Bucket::new(around.bucket, now)),
            faults: Mutex::default(),
            calls: watch::Sender::default(),
            outbox: Outbox::new(),
            lanes: Semaphore::new(LANES),
            shuffle: AtomicU64::new(0),
            events: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            catalog: RwLock::new(catalog),
            domain,
            seeded,
            around,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.around.clock.now()
    }

    pub(crate) fn requires_expiring_tokens(&self) -> bool {
        self.around.requires_expiring_tokens
    }

    pub(crate) fn app(&self) -> &SimApp {
        &self.around.app
    }

    /// `X-Request-Id` of the next answer.
    pub(crate) fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        self.seeded.uuid("request", number)
    }

    pub(crate) fn look<T>(&self, at: impl FnOnce(&Catalog) -> T) -> T {
        at(&read(&self.catalog))
    }

    /// Changes the catalogue and, unless `quiet`, tells the subscribers.
    pub(crate) fn change<T>(
        self: &Arc<Self>,
        quiet: bool,
        change: impl FnOnce(&mut Catalog, Seconds) -> Result<(T, Vec<Event>), ChangeError>,
    ) -> Result<T, ChangeError> {
        let now = self.now().timestamp();
        let mut catalog = write(&self.catalog);
        let (outcome, events) = change(&mut catalog, now)?;
        // While the catalogue is locked, so that events go out in the order of the changes.
        if !quiet {
            self.announce(&events);
        }
        Ok(outcome)
    }

    /// Runs an operation.
    pub(crate) fn execute(
        self: &Arc<Self>,
        prepared: &Prepared,
        scopes: &[String],
        version: &str,
    ) -> Executed {
        let catalog = read(&self.catalog);
        let context = Context {
            catalog: &catalog,
            subscriptions: &[],
            operations: &[],
            everything: false,
            scopes,
            now: self.now().timestamp(),
            shuffle: self.shuffle.load(Ordering::Relaxed),
            version,
        };
        if prepared.is_mutation() {
            let executed = prepared.mutate(
                &context,
                &mut write(&self.subscriptions),
                &mut write(&self.bulk),
            );
            drop(catalog);
            self.carry_on();
            executed
        } else {
            let (subscriptions, bulk) = (read(&self.subscriptions), read(&self.bulk));
            prepared.query(&Context {
                subscriptions: &subscriptions,
                operations: bulk.all(),
                ..context
            })
        }
    }

    /// From now on, what Shopify promises no order for comes in another one; 0 is the natural order.
    pub(crate) fn shuffle(&self, seed: u64) {
        self.shuffle.store(seed, Ordering::Relaxed);
    }

    pub(crate) fn subscriptions(&self) -> Vec<Subscription> {
        read(&self.subscriptions).clone()
    }

    pub(crate) fn access(&self, token: &str) -> Option<Access> {
        lock(&self.grants).access(token, self.now()).cloned()
    }

    /// Gives a token, and tells the subscribers when the app's scopes are others than before.
    pub(crate) fn grant(
        self: &Arc<Self>,
        give: impl FnOnce(&mut Grants, DateTime<Utc>) -> Result<Granted, Refusal>,
    ) -> Result<Granted, Refusal> {
        let now = self.now();
        let mut grants = lock(&self.grants);
        let granted = give(&mut grants, now)?;
        let current = grants.installed().unwrap_or_default().to_vec();
        drop(grants);
        if let Some(previous) = &granted.previous_scopes {
            let body = self
                .look(|catalog| body::scopes(&catalog.shop, previous, &current, now.timestamp()));
            self.announce(&[Event::new("app/scopes_update", body)]);
        }
        Ok(granted)
    }

    pub(crate) fn with_grants<T>(&self, act: impl FnOnce(&mut Grants, DateTime<Utc>) -> T) -> T {
        act(&mut lock(&self.grants), self.now())
    }

    /// Ends the installation with all tokens and subscriptions, and announces it.
    pub(crate) fn uninstall(self: &Arc<Self>) -> bool {
        if !lock(&self.grants).uninstall() {
            return false;
        }
        let body = self.look(|catalog| body::shop(&catalog.shop));
        self.announce(&[Event::new("app/uninstalled", body)]);
        write(&self.subscriptions).clear();
        true
    }

    pub(crate) fn with_bucket<T>(&self, act: impl FnOnce(&mut Bucket, DateTime<Utc>) -> T) -> T {
        act(&mut lock(&self.bucket), self.now())
    }

    pub(crate) fn with_faults<T>(&self, act: impl FnOnce(&mut Faults) -> T) -> T {
        act(&mut lock(&self.faults))
    }

    /// What goes wrong with a request, if anything.
    pub(crate) fn fault(&self, route: Route<'_>) -> Option<FaultKind> {
        let struck = lock(&self.faults).strike(route)?;
        self.count(|calls| calls.faults += 1);
        Some(struck)
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut CallCounts)) {
        self.calls.send_modify(count);
    }

    pub(crate) fn calls(&self) -> CallCounts {
        self.calls.borrow().clone()
    }

    /// Resolves once `enough` is true of the calls.
    pub(crate) async fn wait_for_calls(
        &self,
        mut enough: impl FnMut(&CallCounts) -> bool,
    ) -> CallCounts {
        let mut calls = self.calls.subscribe();
        // An error is impossible while `self` holds the sender.
        let _ = calls.wait_for(|calls| enough(calls)).await;
        self.calls()
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The catalogue straight from the model.
    pub(crate) fn truth(&self) -> serde_json::Value {
        let now = self.now().timestamp();
        self.look(|catalog| truth::truth(catalog, now))
    }

    /// The same as JSON text.
    pub(crate) fn truth_text(&self) -> String {
        let now = self.now().timestamp();
        self.look(|catalog| truth::text(catalog, now))
    }
}
