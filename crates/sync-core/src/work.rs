//! Demands for work on a shop, and the leases under which it is done.

use crate::Timestamp;
use crate::item::ItemKey;
use crate::run::Trigger;
use crate::shop::ShopDomain;

/// What is asked of a shop's next run. Demands add up; asking twice is asking once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkRequest {
    /// Read the whole catalogue.
    pub full: Option<FullScan>,
    /// Read these items again.
    pub dirty: Vec<ItemKey>,
    /// Erase everything known of the shop, here and in the Space.
    pub erase: bool,
}

impl WorkRequest {
    /// Nothing but these items.
    pub fn items(dirty: Vec<ItemKey>) -> Self {
        Self {
            dirty,
            ..Self::default()
        }
    }

    /// The whole catalogue.
    pub fn full(trigger: Trigger) -> Self {
        Self {
            full: Some(FullScan {
                trigger,
                accept_deletions: false,
            }),
            ..Self::default()
        }
    }

    /// Erasure.
    pub fn erase() -> Self {
        Self {
            erase: true,
            ..Self::default()
        }
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.full.is_none() && self.dirty.is_empty() && !self.erase
    }
}

/// A demanded reading of the whole catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullScan {
    /// What asked for it first.
    pub trigger: Trigger,
    /// A person has said that a mass disappearance is meant.
    pub accept_deletions: bool,
}

/// The exclusive right to work on a shop until a moment, and the number that fences writes made under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The shop.
    pub shop: ShopDomain,
    /// Grows with every claim of the shop. A write under an older token is refused.
    pub token: i64,
}

/// A claimed shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The right to work.
    pub lease: Lease,
    /// The full scan asked for when it was claimed.
    pub full: Option<FullScan>,
    /// Whether erasure was asked for.
    pub erase: bool,
    /// How many runs in a row have failed before this one.
    pub attempts: u32,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// A shop to work on.
    Claimed(Claim),
    /// Nothing can be claimed now.
    Idle {
        /// When that may change by time alone: the next demand falls due or a lease runs out. A time that has
        /// passed: a shop is due, but another transaction holds its row at this moment.
        next: Option<Timestamp>,
    },
}

/// An item to read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyItem {
    /// Which one.
    pub key: ItemKey,
    /// Grows each time it is marked; settling an older number leaves a newer mark in place.
    pub seq: i64,
    /// How often reading it has failed.
    pub attempts: u32,
}

/// A dirty item that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFailure {
    /// The item.
    pub item: DirtyItem,
    /// Why, for the list of quarantined items.
    pub error: String,
    /// When to try again.
    pub retry_at: Timestamp,
}

/// Whether a delivery is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// It was stored, and its demand raised, in one transaction.
    New,
    /// It had been stored before. Nothing changed.
    Duplicate,
}

/// How a worker gives a shop back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// All that was claimed is done. What was asked meanwhile stays asked.
    Done,
    /// The run failed; the demand stays and falls due again.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// The run failed in a way that trying again will not mend. The full scan is no longer asked for; the
    /// next demand starts afresh.
    GiveUp,
}
