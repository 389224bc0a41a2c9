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
    dirty: BTreeMap<(ShopDomain, ItemKey), Dirty>,
    items: BTreeMap<(ShopDomain, ItemKey), Mirrored>,
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

/// What is asked of a shop, and who holds it.
#[derive(Debug, Default)]
struct Work {
    /// When the shop can be claimed: its time has come, or the lease on it ends. `None`: not before something new
    /// is asked.
    due_at: Option<Timestamp>,
    /// Raised since the last claim.
    asked: Asked,
    /// When the first demand in `asked` wants to be met.
    asked_after: Option<Timestamp>,
    /// What the last claim took and has not ended yet, or was left by a run that failed.
    taken: Asked,
    /// Grows with every demand.
    seq: i64,
    /// The mark when the shop was claimed.
    claimed_seq: i64,
    claimed_at: Timestamp,
    lease_token: i64,
    leased: bool,
    attempts: u32,
}

/// Demands other than dirty items.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    full: Option<FullScan>,
    erase: bool,
}

impl Asked {
    fn is_empty(self) -> bool {
        self.full.is_none() && !self.erase
    }

    /// Both: the first trigger, and any confirmation.
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
struct Dirty {
    seq: i64,
    attempts: u32,
    not_before: Option<Timestamp>,
}

#[derive(Debug)]
struct Mirrored {
    item: Item,
    seen: Option<RunId>,
    deleted: bool,
}

impl MemoryState {
    /// Empty state.
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

    /// Whether anything is asked of any shop.
    pub fn is_settled(&self) -> bool {
        let tables = self.tables();
        let asked = |work: &Work| !work.taken.and(work.asked).is_empty();
        tables.dirty.is_empty() && !tables.work.values().any(asked)
    }
}

impl Tables {
    fn holds(&self, lease: &Lease, operation: &'static str) -> Result<(), PortError> {
        match self.work.get(&lease.shop) {
            Some(work) if work.lease_token == lease.token && work.leased => Ok(()),
            _ => Err(PortError::lease_lost(operation)),
        }
    }

    fn dirty_of(&self, shop: &ShopDomain) -> impl Iterator<Item = (ItemKey, &Dirty)> {
        let shop = shop.clone();
        self.dirty
            .iter()
            .filter(move |((of, _), _)| *of == shop)
            .map(|((_, key), dirty)| (*key, dirty))
    }
}

impl Dirty {
    fn item(&self, key: ItemKey) -> DirtyItem {
        DirtyItem {
            key,
            seq: self.seq,
            attempts: self.attempts,
        }
    }
}
