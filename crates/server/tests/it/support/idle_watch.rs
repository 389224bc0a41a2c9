//! Detects that the service has no work left, from the results of its claims instead of from the clock.

use std::sync::Arc;

use async_trait::async_trait;
use sync_core::ports::Inbox;
use sync_core::{
    ClaimOutcome, Delivery, DirtyItem, Lease, PortError, RecordOutcome, Settlement, ShopDomain,
    Timestamp, WorkKind, WorkOutcome, WorkRequest,
};
use tokio::sync::watch;

/// Observes the results of the workers' claims. If a claim finds no work, neither now nor later, no work request is left and
/// no run is going on: either would give a time for the next claim. A claim does not see another claim that is in flight,
/// so claims that overlap count together. A claim that skips a locked row returns a time in the past, so it does not count
/// as idle.
#[derive(Clone, Debug)]
pub(crate) struct IdleWatch(Arc<watch::Sender<ClaimCounts>>);

#[derive(Clone, Copy, Debug, Default)]
struct ClaimCounts {
    /// How many claims have begun.
    begun: u64,
    /// How many of them have not ended.
    in_flight: u64,
    /// The latest begun claim among those that overlap, if all of them so far have found no work; else 0.
    possibly_idle: u64,
    /// The latest begun claim that certainly found no work.
    idle: u64,
    /// How many claims skipped a shop whose row was locked.
    locked: u64,
    /// How often a lease was renewed.
    renewed: u64,
}

impl ClaimCounts {
    fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.in_flight += 1;
        self.begun
    }

    fn end(&mut self, number: u64, found_nothing: bool) {
        self.in_flight -= 1;
        self.possibly_idle = if found_nothing {
            self.possibly_idle.max(number)
        } else {
            0
        };
        if self.in_flight == 0 {
            self.idle = self.idle.max(std::mem::take(&mut self.possibly_idle));
        }
    }
}

impl Default for IdleWatch {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(ClaimCounts::default())))
    }
}

impl IdleWatch {
    /// Wraps an inbox so that its claims are observed.
    pub(crate) fn wrap(&self, inbox: Arc<dyn Inbox>) -> Arc<dyn Inbox> {
        let watch = self.clone();
        Arc::new(WatchedInbox { inbox, watch })
    }

    /// Waits for a claim that begins after this call and finds no work. `wake` wakes an idle worker: once for the first
    /// claim, and again after each that skipped a locked row, since no timer fires while the test's clock stands still.
    pub(crate) async fn wait(&self, wake: impl Fn()) {
        let before = self.0.borrow().begun;
        let mut counts = self.0.subscribe();
        loop {
            let locked = self.0.borrow().locked;
            wake();
            let found = counts
                .wait_for(|counts| counts.idle > before || counts.locked > locked)
                .await;
            let found = found.expect("the watch lives as long as its inbox");
            if found.idle > before {
                return;
            }
        }
    }

    /// Waits until leases have been renewed `count` more times.
    pub(crate) async fn leases_renewed(&self, count: u64) {
        let enough = self.0.borrow().renewed + count;
        let mut counts = self.0.subscribe();
        let found = counts.wait_for(|counts| counts.renewed >= enough).await;
        found.expect("the watch lives as long as its inbox");
    }
}

struct WatchedInbox {
    inbox: Arc<dyn Inbox>,
    watch: IdleWatch,
}

#[async_trait]
impl Inbox for WatchedInbox {
    async fn record(
        &self,
        delivery: &Delivery,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<RecordOutcome, PortError> {
        self.inbox.record(delivery, request, run_after).await
    }

    async fn request(
        &self,
        shop: &ShopDomain,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<(), PortError> {
        self.inbox.request(shop, request, run_after).await
    }

    async fn claim(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<ClaimOutcome, PortError> {
        let mut number = 0;
        self.watch.0.send_modify(|counts| number = counts.begin());
        let outcome = self.inbox.claim(only, now, until).await;
        let found_nothing = matches!(outcome, Ok(ClaimOutcome::Idle { next: None }));
        if matches!(outcome, Ok(ClaimOutcome::Idle { next: Some(next) }) if next <= now) {
            self.watch.0.send_modify(|counts| counts.locked += 1);
        }
        let found_nothing = found_nothing && only.is_none();
        self.watch
            .0
            .send_modify(|counts| counts.end(number, found_nothing));
        outcome
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError> {
        let renewed = self.inbox.renew(lease, until).await;
        if renewed.is_ok() {
            self.watch.0.send_modify(|counts| counts.renewed += 1);
        }
        renewed
    }

    async fn dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, PortError> {
        self.inbox.dirty(lease, now, limit).await
    }

    async fn settle(&self, lease: &Lease, settlement: &Settlement) -> Result<bool, PortError> {
        self.inbox.settle(lease, settlement).await
    }

    async fn release(
        &self,
        lease: &Lease,
        outcomes: &[(WorkKind, WorkOutcome)],
    ) -> Result<(), PortError> {
        self.inbox.release(lease, outcomes).await
    }
}
