//! Knowing when nothing is left to do, without asking the clock.

use std::sync::Arc;

use async_trait::async_trait;
use sync_core::ports::Inbox;
use sync_core::{
    ClaimOutcome, Delivery, DirtyItem, ItemFailure, Lease, PortError, RecordOutcome, Release,
    ShopDomain, Timestamp, WorkRequest,
};
use tokio::sync::watch;

/// Watches what workers' claims find. A claim that finds nothing, now or later, says that no demand is left and no run is
/// going on: both would give it a time to come back at. Only a claim that is being made at the same moment is hidden from
/// it, so claims that overlap are judged together. A claim that passes over a locked row finds a time that has passed, which
/// is not nothing.
#[derive(Clone, Debug)]
pub(crate) struct Quiet(Arc<watch::Sender<Seen>>);

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// How many claims have begun.
    begun: u64,
    /// How many of them have not ended.
    under_way: u64,
    /// The latest begun of those under way together that has found nothing, if none has found anything.
    perhaps: u64,
    /// The latest begun claim that found nothing for sure.
    nothing: u64,
    /// How many claims passed over a shop whose row was locked.
    locked: u64,
    /// How often a lease was prolonged.
    prolonged: u64,
}

impl Seen {
    fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.under_way += 1;
        self.begun
    }

    fn end(&mut self, number: u64, found_nothing: bool) {
        self.under_way -= 1;
        self.perhaps = if found_nothing {
            self.perhaps.max(number)
        } else {
            0
        };
        if self.under_way == 0 {
            self.nothing = self.nothing.max(std::mem::take(&mut self.perhaps));
        }
    }
}

impl Default for Quiet {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Seen::default())))
    }
}

impl Quiet {
    /// Puts the watch around an inbox.
    pub(crate) fn around(&self, inbox: Arc<dyn Inbox>) -> Arc<dyn Inbox> {
        let seen = self.clone();
        Arc::new(WatchedInbox { inbox, seen })
    }

    /// Waits for a claim that begins after this call and finds nothing. `ring` wakes an idle worker: once for the
    /// first claim, and again after each that passed over a locked row, since a clock that stands still wakes nobody.
    pub(crate) async fn wait(&self, ring: impl Fn()) {
        let before = self.0.borrow().begun;
        let mut seen = self.0.subscribe();
        loop {
            let locked = self.0.borrow().locked;
            ring();
            let found = seen
                .wait_for(|seen| seen.nothing > before || seen.locked > locked)
                .await;
            let found = found.expect("the watch lives as long as its inbox");
            if found.nothing > before {
                return;
            }
        }
    }

    /// Waits until leases were prolonged `count` times more.
    pub(crate) async fn prolonged(&self, count: u64) {
        let enough = self.0.borrow().prolonged + count;
        let mut seen = self.0.subscribe();
        let found = seen.wait_for(|seen| seen.prolonged >= enough).await;
        found.expect("the watch lives as long as its inbox");
    }
}

struct WatchedInbox {
    inbox: Arc<dyn Inbox>,
    seen: Quiet,
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
        self.seen.0.send_modify(|seen| number = seen.begin());
        let claiming = self.inbox.claim(only, now, until).await;
        let found_nothing = matches!(claiming, Ok(ClaimOutcome::Idle { next: None }));
        if matches!(claiming, Ok(ClaimOutcome::Idle { next: Some(next) }) if next <= now) {
            self.seen.0.send_modify(|seen| seen.locked += 1);
        }
        let found_nothing = found_nothing && only.is_none();
        self.seen
            .0
            .send_modify(|seen| seen.end(number, found_nothing));
        claiming
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError> {
        let extended = self.inbox.renew(lease, until).await;
        if extended.is_ok() {
            self.seen.0.send_modify(|seen| seen.prolonged += 1);
        }
        extended
    }

    async fn dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, PortError> {
        self.inbox.dirty(lease, now, limit).await
    }

    async fn settle(
        &self,
        lease: &Lease,
        done: &[DirtyItem],
        failed: &[ItemFailure],
    ) -> Result<(), PortError> {
        self.inbox.settle(lease, done, failed).await
    }

    async fn release(&self, lease: &Lease, release: &Release) -> Result<(), PortError> {
        self.inbox.release(lease, release).await
    }
}
