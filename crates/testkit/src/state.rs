//! Provides the state ports in memory.

mod inbox;
mod mirror;
mod registry;
mod runs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_core::{
    DeliveryId, DirtyItem, FullScan, Item, ItemKey, Lease, PortError, Run, RunId, Shop, ShopDomain,
    Timestamp, VersionedToken,
};

/// The state ports in memory: registry, inbox, mirror, poll schedule and run log over one set of tables.
#[derive(Debug, Clone, Default)]
pub struct MemoryState(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    shops: BTreeMap<ShopDomain, ShopRow>,
    deliveries: BTreeMap<(ShopDomain, String), Timestamp>,
    work: BTreeMap<ShopDomain, Work>,
    dirty: BTreeMap<(ShopDomain, ItemKey), DirtyRow>,
    items: BTreeMap<(ShopDomain, ItemKey), MirrorRow>,
    runs: BTreeMap<RunId, Run>,
    last_run: i64,
    slot: Option<Timestamp>,
}

#[derive(Debug)]
struct ShopRow {
    shop: Shop,
    token: Option<VersionedToken>,
    version: u64,
    revision: u64,
}

/// A shop's requested work and its lease.
#[derive(Debug, Default)]
struct Work {
    /// When the shop becomes claimable: its work is due or its lease ends. `None`: not before new work is requested.
    due_at: Option<Timestamp>,
    /// Work requested since the last claim.
    requested: PendingWork,
    /// When the earliest work in `requested` is due.
    requested_after: Option<Timestamp>,
    /// Work claimed by the current run, or left by a failed run.
    claimed: PendingWork,
    /// Incremented with every request.
    seq: i64,
    /// The value of `seq` at the last claim.
    claimed_seq: i64,
    claimed_at: Timestamp,
    lease_token: i64,
    leased: bool,
    attempts: u32,
}

/// Requested work other than dirty items.
#[derive(Debug, Clone, Copy, Default)]
struct PendingWork {
    full: Option<FullScan>,
    erase: bool,
}

impl PendingWork {
    fn is_empty(self) -> bool {
        self.full.is_none() && !self.erase
    }

    /// Merges two requests: the first trigger and any confirmation apply.
    fn and(self, later: Self) -> Self {
        let full = match (self.full, later.full) {
            (Some(first), Some(later)) => Some(FullScan {
                trigger: first.trigger,
                accept_deletions: first.accept_deletions || later.accept_deletions,
            }),
            (first, later) => first.or(later),
        };
        let erase = self.erase || later.erase;
        Self { full, erase }
    }
}

#[derive(Debug)]
struct DirtyRow {
    seq: i64,
    attempts: u32,
    not_before: Option<Timestamp>,
}

#[derive(Debug)]
struct MirrorRow {
    item: Item,
    seen: Option<RunId>,
    deleted: bool,
}

impl MemoryState {
    /// Creates empty state.
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a delivery is stored.
    pub fn has_delivery(&self, shop: &ShopDomain, id: &DeliveryId) -> bool {
        let key = (shop.clone(), id.0.clone());
        self.tables().deliveries.contains_key(&key)
    }

    /// Whether no shop has pending work.
    pub fn is_settled(&self) -> bool {
        let tables = self.tables();
        let requested = |work: &Work| !work.claimed.and(work.requested).is_empty();
        tables.dirty.is_empty() && !tables.work.values().any(requested)
    }
}

impl Tables {
    fn require_lease(&self, lease: &Lease, operation: &'static str) -> Result<(), PortError> {
        match self.work.get(&lease.shop) {
            Some(work) if work.lease_token == lease.token && work.leased => Ok(()),
            _ => Err(PortError::lease_lost(operation)),
        }
    }

    fn dirty_of(&self, shop: &ShopDomain) -> impl Iterator<Item = (ItemKey, &DirtyRow)> {
        let shop = shop.clone();
        self.dirty
            .iter()
            .filter(move |((of, _), _)| *of == shop)
            .map(|((_, key), dirty)| (*key, dirty))
    }
}

impl DirtyRow {
    fn item(&self, key: ItemKey) -> DirtyItem {
        DirtyItem {
            key,
            seq: self.seq,
            attempts: self.attempts,
        }
    }
}
