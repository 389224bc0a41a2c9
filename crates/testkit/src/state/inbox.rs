use async_trait::async_trait;
use sync_core::ports::Inbox;
use sync_core::{
    Claim, Claiming, Delivery, Demand, DirtyItem, Failure, Lease, PortError, Recorded, Release,
    ShopDomain, ShopStatus, Timestamp,
};

use super::{Dirty, MemoryState, Tables, Work};

#[async_trait]
impl Inbox for MemoryState {
    async fn record(
        &self,
        delivery: &Delivery,
        demand: &Demand,
        run_after: Timestamp,
    ) -> Result<Recorded, PortError> {
        let mut tables = self.tables();
        let key = (delivery.shop.clone(), delivery.id.0.clone());
        if tables.deliveries.contains_key(&key) {
            return Ok(Recorded::Duplicate);
        }
        tables.deliveries.insert(key, delivery.received_at);
        tables.raise(&delivery.shop, demand, run_after);
        Ok(Recorded::New)
    }

    async fn demand(
        &self,
        shop: &ShopDomain,
        demand: &Demand,
        run_after: Timestamp,
    ) -> Result<(), PortError> {
        self.tables().raise(shop, demand, run_after);
        Ok(())
    }

    async fn claim(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claiming, PortError> {
        let mut tables = self.tables();
        let mut due: Option<(Timestamp, ShopDomain)> = None;
        let mut next: Option<Timestamp> = None;
        for (shop, work) in &tables.work {
            if only.is_some_and(|only| only != shop) || !tables.wants_work(shop, work) {
                continue;
            }
            let waits_for = match (work.lease_until.filter(|until| *until > now), only) {
                (Some(until), _) => Some(until),
                (None, Some(_)) => Some(work.run_after.unwrap_or(now).min(now)),
                (None, None) => work.run_after,
            };
            let Some(at) = waits_for else { continue };
            if at <= now {
                let candidate = (at, shop.clone());
                due = Some(due.map_or(candidate.clone(), |best| best.min(candidate)));
            } else {
                next = Some(next.map_or(at, |best| best.min(at)));
            }
        }
        let Some((_, shop)) = due else {
            return Ok(Claiming::Idle { next });
        };
        let work = tables.work.entry(shop.clone()).or_default();
        work.lease_token += 1;
        work.lease_until = Some(until);
        work.claimed_mark = work.mark;
        Ok(Claiming::Claimed(Claim {
            lease: Lease {
                shop,
                token: work.lease_token,
            },
            full: work.full,
            erase: work.erase,
            attempts: work.attempts,
        }))
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError> {
        let mut tables = self.tables();
        tables.holds(lease, "prolong the lease")?;
        if let Some(work) = tables.work.get_mut(&lease.shop) {
            work.lease_until = Some(until);
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
        tables.holds(lease, "read the dirty items")?;
        let mut dirty: Vec<DirtyItem> = tables
            .dirty_of(&lease.shop)
            .filter(|(_, dirty)| dirty.not_before.is_none_or(|at| at <= now))
            .map(|(key, dirty)| dirty.item(key))
            .collect();
        dirty.sort_by_key(|item| (item.mark, item.key));
        dirty.truncate(limit as usize);
        Ok(dirty)
    }

    async fn settle(
        &self,
        lease: &Lease,
        done: &[DirtyItem],
        failed: &[Failure],
    ) -> Result<(), PortError> {
        let mut tables = self.tables();
        tables.holds(lease, "settle the dirty items")?;
        for item in done {
            let key = (lease.shop.clone(), item.key);
            if tables
                .dirty
                .get(&key)
                .is_some_and(|dirty| dirty.mark == item.mark)
            {
                tables.dirty.remove(&key);
            }
        }
        for failure in failed {
            let key = (lease.shop.clone(), failure.item.key);
            let dirty = tables.dirty.get_mut(&key);
            if let Some(dirty) = dirty.filter(|dirty| dirty.mark == failure.item.mark) {
                dirty.attempts += 1;
                dirty.not_before = Some(failure.retry_at);
            }
        }
        Ok(())
    }

    async fn release(&self, lease: &Lease, release: &Release) -> Result<(), PortError> {
        let mut tables = self.tables();
        tables.holds(lease, "end the lease")?;
        let claimed = tables.work.get(&lease.shop).map(|work| work.claimed_mark);
        // Items marked since the claim have the time of their own demand. Others without a time may be read at
        // once: the beginning of time.
        let put_off = tables
            .dirty_of(&lease.shop)
            .filter(|(_, dirty)| Some(dirty.mark) <= claimed)
            .map(|(_, dirty)| dirty.not_before.unwrap_or(Timestamp::UNIX_EPOCH))
            .min();
        let Some(work) = tables.work.get_mut(&lease.shop) else {
            return Ok(());
        };
        let fresh = if work.mark > work.claimed_mark {
            work.run_after
        } else {
            None
        };
        work.lease_until = None;
        if !matches!(release, Release::Retry { .. }) && work.full_mark <= work.claimed_mark {
            work.full = None;
            work.erase = false;
        }
        let other = match release {
            Release::Done => put_off,
            Release::Retry { at } => Some(*at),
            Release::GiveUp => None,
        };
        work.run_after = [fresh, other].into_iter().flatten().min();
        work.attempts = match release {
            Release::Retry { .. } => work.attempts + 1,
            Release::Done | Release::GiveUp => 0,
        };
        Ok(())
    }
}

impl Tables {
    pub(super) fn raise(&mut self, shop: &ShopDomain, demand: &Demand, run_after: Timestamp) {
        if demand.is_empty() {
            return;
        }
        let idle = {
            let work = self.work.get(shop);
            // During a run, the first new demand sets the time afresh: what was due before is being done.
            let being_done = work
                .is_some_and(|work| work.lease_until.is_some() && work.mark == work.claimed_mark);
            being_done || !work.is_some_and(|work| self.asked(shop, work))
        };
        let work = self.work.entry(shop.clone()).or_default();
        work.mark += 1;
        if let Some(full) = demand.full {
            let accepted = work.full.is_some_and(|known| known.accept_deletions);
            let known = work.full.get_or_insert(full);
            known.accept_deletions = accepted || full.accept_deletions;
            work.full_mark = work.mark;
        }
        if demand.erase {
            work.erase = true;
            work.full_mark = work.mark;
        }
        work.run_after = Some(match work.run_after {
            Some(known) if !idle => known.min(run_after),
            _ => run_after,
        });
        let mark = work.mark;
        for key in &demand.dirty {
            let dirty = self.dirty.entry((shop.clone(), *key));
            let dirty = dirty.or_insert(Dirty {
                mark,
                attempts: 0,
                not_before: None,
            });
            dirty.mark = mark;
            dirty.not_before = None;
        }
    }

    fn asked(&self, shop: &ShopDomain, work: &Work) -> bool {
        work.full.is_some() || work.erase || self.dirty_of(shop).next().is_some()
    }

    fn wants_work(&self, shop: &ShopDomain, work: &Work) -> bool {
        let Some(row) = self.shops.get(shop) else {
            return false;
        };
        let served = match row.shop.status {
            ShopStatus::Active | ShopStatus::Unavailable(_) => true,
            ShopStatus::Paused | ShopStatus::Uninstalled => work.erase,
        };
        served && self.asked(shop, work)
    }
}
