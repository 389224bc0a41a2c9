//! Defines work requests for a shop, the leases under which workers carry them out, and dirty items.

use crate::Timestamp;
use crate::item::ItemKey;
use crate::run::Trigger;
use crate::shop::ShopDomain;

/// The work requested from a shop's next run.
///
/// Pending requests of a shop are merged: requesting the same work twice has the effect of requesting it once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkRequest {
    /// Read the whole catalogue.
    pub full: Option<FullScan>,
    /// Read these items again (dirty items).
    pub dirty: Vec<ItemKey>,
    /// Erase all data of the shop from the state database and the Space.
    pub erase: bool,
}

impl WorkRequest {
    /// Requests a refresh of these items only.
    pub fn items(dirty: Vec<ItemKey>) -> Self {
        Self {
            dirty,
            ..Self::default()
        }
    }

    /// Requests a full scan without accepting mass deletions.
    pub fn full(trigger: Trigger) -> Self {
        Self {
            full: Some(FullScan {
                trigger,
                accept_deletions: false,
            }),
            ..Self::default()
        }
    }

    /// Requests the erasure of the shop's data.
    pub fn erase() -> Self {
        Self {
            erase: true,
            ..Self::default()
        }
    }

    /// Whether nothing is requested.
    pub fn is_empty(&self) -> bool {
        self.full.is_none() && self.dirty.is_empty() && !self.erase
    }
}

/// A requested scan of the whole catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullScan {
    /// What requested it first.
    pub trigger: Trigger,
    /// A person has confirmed that a mass deletion is intended: the run does not halt on one.
    pub accept_deletions: bool,
}

/// The exclusive right to work on a shop until the lease expires, with the fencing token for writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The shop.
    pub shop: ShopDomain,
    /// The fencing token. It grows with every claim of the shop; a write under an older token is rejected.
    pub token: i64,
}

/// A claimed shop and the work requested from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The lease.
    pub lease: Lease,
    /// The full scan requested at the time of the claim, if any.
    pub full: Option<FullScan>,
    /// Whether erasure was requested.
    pub erase: bool,
    /// How many consecutive runs failed before this one.
    pub attempts: u32,
}

/// The result of [`crate::ports::Inbox::claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// A shop was claimed.
    Claimed(Claim),
    /// No shop can be claimed now.
    Idle {
        /// The earliest time at which a shop becomes claimable without a new request: its work falls due or its
        /// lease expires. `None`: no work is pending. A time in the past: a shop is due, but another transaction has locked
        /// its row.
        next: Option<Timestamp>,
    },
}

/// An item that must be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyItem {
    /// The item.
    pub key: ItemKey,
    /// The sequence number of the last request for this item. Settling an older number leaves the item dirty.
    pub seq: i64,
    /// How often reading it has failed.
    pub attempts: u32,
}

/// A dirty item that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFailure {
    /// The item.
    pub item: DirtyItem,
    /// The error message, for the list of quarantined items.
    pub error: String,
    /// When to read it again.
    pub retry_at: Timestamp,
}

/// The result of [`crate::ports::Inbox::record`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The delivery and its work request were stored in one transaction.
    New,
    /// The delivery was already stored. Nothing changed.
    Duplicate,
}

/// How a worker releases a shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// The claimed work is done. Work requested since the claim stays pending.
    Done,
    /// The run failed; the claimed work stays pending and falls due again.
    Retry {
        /// When it falls due.
        at: Timestamp,
    },
    /// The run failed and a retry would fail again. The full scan is dropped; dirty items stay and are read when new
    /// work is requested.
    GiveUp,
}
