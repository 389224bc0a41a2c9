//! Implements [`Inbox`] in memory.

use async_trait::async_trait;
use sync_core::ports::Inbox;
use sync_core::{
    Claim, ClaimOutcome, Delivery, DirtyItem, ItemFailure, Lease, PortError, RecordOutcome,
    Release, ShopDomain, ShopStatus, Timestamp, WorkRequest,
};

use super::{DirtyRow, MemoryState, PendingWork, Tables, Work};

#[async_trait]
impl Inbox for MemoryState {
    async fn record(
        &self,
        delivery: &Delivery,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<RecordOutcome, PortError> {
        let mut tables = self.tables();
        let key = (delivery.shop.clone(), delivery.id.0.clone());
        if tables.deliveries.contains_key(&key) {
            return Ok(RecordOutcome::Duplicate);
        }
        tables.deliveries.insert(key, delivery.received_at);
        tables.request_work(&delivery.shop, request, run_after);
        Ok(RecordOutcome::New)
    }

    async fn request(
        &self,
        shop: &ShopDomain,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<(), PortError> {
        self.tables().request_work(shop, request, run_after);
        Ok(())
    }

    async fn claim(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<ClaimOutcome, PortError> {
        let mut tables = self.tables();
        let mut due: Option<(Timestamp, ShopDomain)> = None;
        let mut next: Option<Timestamp> = None;
        for (shop, work) in &tables.work {
            if only.is_some_and(|only| only != shop) || !tables.is_served(shop, work) {
                continue;
            }
            let at = match only {
                Some(_) if !work.leased && tables.has_work(shop, work) => Some(now),
                _ => work.due_at,
            };
            let Some(at) = at else { continue };
            if at <= now {
                let candidate = (at, shop.clone());
                due = Some(due.map_or(candidate.clone(), |best| best.min(candidate)));
            } else {
                next = Some(next.map_or(at, |best| best.min(at)));
            }
        }
        let Some((_, shop)) = due else {
            return Ok(ClaimOutcome::Idle { next });
        };
        let work = tables.work.entry(shop.clone()).or_default();
        work.claim(now, until);
        Ok(ClaimOutcome::Claimed(Claim {
            lease: Lease {
                shop,
                token: work.lease_token,
            },
            full: work.claimed.full,
            erase: work.claimed.erase,
            attempts: work.attempts,
        }))
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError> {
        let mut tables = self.tables();
        tables.require_lease(lease, "renew the lease")?;
        if let Some(work) = tables.work.get_mut(&lease.shop) {
            work.due_at = Some(until);
        }
        Ok(())
    }

    async fn dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, PortError> {
        let tables = self.tables();
        tables.require_lease(lease, "read the dirty items")?;
        let mut dirty: Vec<DirtyItem> = tables
            .dirty_of(&lease.shop)
            .filter(|(_, dirty)| dirty.not_before.is_none_or(|at| at <= now))
            .map(|(key, dirty)| dirty.item(key))
            .collect();
        dirty.sort_by_key(|item| (item.seq, item.key));
        dirty.truncate(limit as usize);
        Ok(dirty)
    }

    async fn settle(
        &self,
        lease: &Lease,
        done: &[DirtyItem],
        failed: &[ItemFailure],
    ) -> Result<(), PortError> {
        let mut tables = self.tables();
        tables.require_lease(lease, "settle the dirty items")?;
        for item in done {
            let key = (lease.shop.clone(), item.key);
            if tables
                .dirty
                .get(&key)
                .is_some_and(|dirty| dirty.seq == item.seq)
            {
                tables.dirty.remove(&key);
            }
        }
        for failure in failed {
            let key = (lease.shop.clone(), failure.item.key);
            let dirty = tables.dirty.get_mut(&key);
            if let Some(dirty) = dirty.filter(|dirty| dirty.seq == failure.item.seq) {
                dirty.attempts += 1;
                dirty.not_before = Some(failure.retry_at);
            }
        }
        Ok(())
    }

    async fn release(&self, lease: &Lease, release: &Release) -> Result<(), PortError> {
        let mut tables = self.tables();
        tables.require_lease(lease, "end the lease")?;
        let tables = &mut *tables;
        let Some(work) = tables.work.get_mut(&lease.shop) else {
            return Ok(());
        };
        let dirty = tables.dirty.iter().filter(|((of, _), _)| *of == lease.shop);
        let (old, new): (Vec<_>, Vec<_>) = dirty
            .map(|(_, dirty)| dirty)
            .partition(|dirty| dirty.seq <= work.claimed_seq);
        let unsettled_due = old
            .iter()
            .map(|dirty| dirty.not_before.unwrap_or(work.claimed_at))
            .min();
        let has_new_work = !work.requested.is_empty() || !new.is_empty();
        let release_due = match release {
            Release::Done => unsettled_due,
            Release::Retry { at } => Some(*at),
            Release::GiveUp => None,
        };
        if let Release::Retry { .. } = release {
            work.attempts += 1;
        } else {
            work.attempts = 0;
            work.claimed = PendingWork::default();
        }
        work.leased = false;
        let new_due = work.requested_after.filter(|_| has_new_work);
        work.due_at = [new_due, release_due].into_iter().flatten().min();
        Ok(())
    }
}

impl Work {
    fn claim(&mut self, now: Timestamp, until: Timestamp) {
        // At least the time in microseconds, so that it also grows after an erasure, which deletes this row.
        self.lease_token = (self.lease_token + 1).max(now.timestamp_micros());
        self.leased = true;
        self.due_at = Some(until);
        self.claimed_seq = self.seq;
        self.claimed_at = now;
        self.claimed = self.claimed.and(self.requested);
        self.requested = PendingWork::default();
        self.requested_after = None;
    }
}

impl Tables {
    pub(super) fn request_work(
        &mut self,
        shop: &ShopDomain,
        request: &WorkRequest,
        run_after: Timestamp,
    ) {
        if request.is_empty() {
            return;
        }
        let work = self.work.entry(shop.clone()).or_default();
        let earlier = |known: Option<Timestamp>| known.map_or(run_after, |at| at.min(run_after));
        work.seq += 1;
        work.requested = work.requested.and(PendingWork {
            full: request.full,
            erase: request.erase,
        });
        work.requested_after = Some(earlier(work.requested_after));
        if !work.leased {
            work.due_at = Some(earlier(work.due_at));
        }
        let seq = work.seq;
        for key in &request.dirty {
            let dirty = self.dirty.entry((shop.clone(), *key));
            let dirty = dirty.or_insert(DirtyRow {
                seq,
                attempts: 0,
                not_before: None,
            });
            dirty.seq = seq;
            dirty.not_before = None;
        }
    }

    fn has_work(&self, shop: &ShopDomain, work: &Work) -> bool {
        !work.claimed.and(work.requested).is_empty() || self.dirty_of(shop).next().is_some()
    }

    fn is_served(&self, shop: &ShopDomain, work: &Work) -> bool {
        let Some(row) = self.shops.get(shop) else {
            return false;
        };
        match row.shop.status {
            ShopStatus::Active | ShopStatus::Unavailable(_) => true,
            ShopStatus::Paused | ShopStatus::Uninstalled => work.claimed.and(work.requested).erase,
        }
    }
}
