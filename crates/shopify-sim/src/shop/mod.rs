//! Models one shop: its catalogue, grants, rate limit, faults and webhooks.

mod bulk;
mod delivery;
mod truth;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, watch};

use crate::app::SimApp;
use crate::bucket::{Bucket, BucketSize};
use crate::bulk::BulkOperations;
use crate::call_counts::CallCounts;
use crate::catalog::Catalog;
use crate::catalog::change::{ChangeError, Event};
use crate::catalog::model::Seconds;
use crate::clock::SimClock;
use crate::fault::{FaultKind, Faults, Route};
use crate::graphql::prepared::PreparedOperation;
use crate::graphql::{ExecutionResult, RequestContext};
use crate::id_generator::IdGenerator;
use crate::locks::{lock, read, write};
use crate::oauth::{AccessToken, Grants, TokenError, TokenResponse};
use crate::tasks::Tasks;
use crate::webhook::subscription::Subscription;
use crate::webhook::{DeliveryQueue, Sender, body};

/// How many webhooks of a shop are sent concurrently.
const MAX_CONCURRENT_DELIVERIES: usize = 32;

/// What all shops of a simulator share.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) app: Arc<SimApp>,
    pub(crate) clock: Arc<dyn SimClock>,
    pub(crate) sender: Arc<Sender>,
    pub(crate) tasks: Tasks,
    pub(crate) bucket: BucketSize,
    pub(crate) requires_expiring_tokens: bool,
    /// The address that the server listens on.
    pub(crate) address: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) domain: String,
    context: Context,
    ids: IdGenerator,
    catalog: RwLock<Catalog>,
    subscriptions: RwLock<Vec<Subscription>>,
    bulk: RwLock<BulkOperations>,
    grants: Mutex<Grants>,
    bucket: Mutex<Bucket>,
    faults: Mutex<Faults>,
    calls: watch::Sender<CallCounts>,
    delivery_queue: DeliveryQueue,
    delivery_permits: Semaphore,
    shuffle: AtomicU64,
    events: AtomicU64,
    deliveries: AtomicU64,
    requests: AtomicU64,
}

impl Shop {
    pub(crate) fn new(catalog: Catalog, seed: u64, context: Context) -> Self {
        let domain = catalog.shop.domain.clone();
        let ids = IdGenerator::new(seed, &domain);
        let now = context.clock.now();
        Self {
            bulk: RwLock::new(BulkOperations::new(
                ids.clone(),
                format!("http://{}/{domain}", context.address),
            )),
            subscriptions: RwLock::default(),
            grants: Mutex::new(Grants::new(ids.clone())),
            bucket: Mutex::new(Bucket::new(context.bucket, now)),
            faults: Mutex::default(),
            calls: watch::Sender::default(),
            delivery_queue: DeliveryQueue::new(),
            delivery_permits: Semaphore::new(MAX_CONCURRENT_DELIVERIES),
            shuffle: AtomicU64::new(0),
            events: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            catalog: RwLock::new(catalog),
            domain,
            ids,
            context,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }

    pub(crate) fn requires_expiring_tokens(&self) -> bool {
        self.context.requires_expiring_tokens
    }

    pub(crate) fn app(&self) -> &SimApp {
        &self.context.app
    }

    /// `X-Request-Id` of the next response.
    pub(crate) fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        self.ids.uuid("request", number)
    }

    pub(crate) fn with_catalog<T>(&self, act: impl FnOnce(&Catalog) -> T) -> T {
        act(&read(&self.catalog))
    }

    /// Changes the catalogue and, unless `quiet`, announces the events.
    pub(crate) fn change<T>(
        self: &Arc<Self>,
        quiet: bool,
        change: impl FnOnce(&mut Catalog, Seconds) -> Result<(T, Vec<Event>), ChangeError>,
    ) -> Result<T, ChangeError> {
        let now = self.now().timestamp();
        let mut catalog = write(&self.catalog);
        let (outcome, events) = change(&mut catalog, now)?;
        // Announced while the catalogue is locked, so that events are in the order of the changes.
        if !quiet {
            self.announce(&events);
        }
        Ok(outcome)
    }

    /// Executes an operation.
    pub(crate) fn execute(
        self: &Arc<Self>,
        prepared: &PreparedOperation,
        scopes: &[String],
        version: &str,
    ) -> ExecutionResult {
        let catalog = read(&self.catalog);
        let context = RequestContext {
            catalog: &catalog,
            subscriptions: &[],
            operations: &[],
            unpaged: false,
            scopes,
            now: self.now().timestamp(),
            shuffle: self.shuffle.load(Ordering::Relaxed),
            version,
        };
        if prepared.is_mutation() {
            let executed = prepared.execute_mutation(
                &context,
                &mut write(&self.subscriptions),
                &mut write(&self.bulk),
            );
            drop(catalog);
            self.process_bulk_operations();
            executed
        } else {
            let (subscriptions, bulk) = (read(&self.subscriptions), read(&self.bulk));
            prepared.execute_query(&RequestContext {
                subscriptions: &subscriptions,
                operations: bulk.all(),
                ..context
            })
        }
    }

    /// Sets the seed for shuffling results whose order Shopify does not specify; 0 is the natural order.
    pub(crate) fn shuffle(&self, seed: u64) {
        self.shuffle.store(seed, Ordering::Relaxed);
    }

    pub(crate) fn subscriptions(&self) -> Vec<Subscription> {
        read(&self.subscriptions).clone()
    }

    pub(crate) fn access(&self, token: &str) -> Option<AccessToken> {
        lock(&self.grants).access(token, self.now()).cloned()
    }

    /// Issues a token, and announces `app/scopes_update` if the app's scopes have changed.
    pub(crate) fn grant_token(
        self: &Arc<Self>,
        issue: impl FnOnce(&mut Grants, DateTime<Utc>) -> Result<TokenResponse, TokenError>,
    ) -> Result<TokenResponse, TokenError> {
        let now = self.now();
        let mut grants = lock(&self.grants);
        let granted = issue(&mut grants, now)?;
        let current = grants.installed().unwrap_or_default().to_vec();
        drop(grants);
        if let Some(previous) = &granted.previous_scopes {
            let body = self.with_catalog(|catalog| {
                body::scopes(&catalog.shop, previous, &current, now.timestamp())
            });
            self.announce(&[Event::new("app/scopes_update", body)]);
        }
        Ok(granted)
    }

    pub(crate) fn with_grants<T>(&self, act: impl FnOnce(&mut Grants, DateTime<Utc>) -> T) -> T {
        act(&mut lock(&self.grants), self.now())
    }

    /// Ends the installation, revokes all tokens, deletes all subscriptions, and announces it.
    pub(crate) fn uninstall(self: &Arc<Self>) -> bool {
        if !lock(&self.grants).uninstall() {
            return false;
        }
        let body = self.with_catalog(|catalog| body::shop(&catalog.shop));
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

    /// The fault for a request, if any.
    pub(crate) fn take_fault(&self, route: Route<'_>) -> Option<FaultKind> {
        let fault = lock(&self.faults).next_for(route)?;
        self.count(|calls| calls.faults += 1);
        Some(fault)
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut CallCounts)) {
        self.calls.send_modify(count);
    }

    pub(crate) fn calls(&self) -> CallCounts {
        self.calls.borrow().clone()
    }

    /// Completes when `enough` returns true for the counts.
    pub(crate) async fn wait_for_calls(
        &self,
        mut enough: impl FnMut(&CallCounts) -> bool,
    ) -> CallCounts {
        let mut calls = self.calls.subscribe();
        // An error is impossible while `self` holds the sender.
        let _ = calls.wait_for(|calls| enough(calls)).await;
        self.calls()
    }

    pub(crate) fn delivery_queue(&self) -> &DeliveryQueue {
        &self.delivery_queue
    }

    /// The catalogue, written directly from the model.
    pub(crate) fn truth(&self) -> serde_json::Value {
        let now = self.now().timestamp();
        self.with_catalog(|catalog| truth::truth(catalog, now))
    }

    /// The same as JSON text.
    pub(crate) fn truth_text(&self) -> String {
        let now = self.now().timestamp();
        self.with_catalog(|catalog| truth::text(catalog, now))
    }
}
