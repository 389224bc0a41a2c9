//! Defines work requests for a shop, the leases under which workers carry them out, and dirty items.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::item::ItemKey;
use crate::run::Trigger;
use crate::shop::ShopDomain;

/// A kind of work, in the order in which a run carries them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkKind {
    /// Erase all data of the shop from the state database and the Space.
    Erase,
    /// Make the shop's webhook subscriptions those that the service needs.
    Subscribe,
    /// Read the whole catalogue.
    Scan,
    /// Read the dirty items again.
    Refresh,
    /// Publish the mirror in the Space.
    Publish,
}

impl WorkKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 5] = [
        Self::Erase,
        Self::Subscribe,
        Self::Scan,
        Self::Refresh,
        Self::Publish,
    ];

    /// The word used in storage and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erase => "erase",
            Self::Subscribe => "subscribe",
            Self::Scan => "scan",
            Self::Refresh => "refresh",
            Self::Publish => "publish",
        }
    }
}

impl fmt::Display for WorkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is not one that [`WorkKind::as_str`] returns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of work `{0}`")]
pub struct UnknownWorkKind(pub String);

impl FromStr for WorkKind {
    type Err = UnknownWorkKind;

    fn from_str(word: &str) -> Result<Self, UnknownWorkKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownWorkKind(word.to_owned()))
    }
}

/// The arguments of all kinds of work; each kind reads its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkArguments {
    /// Of [`WorkKind::Scan`]: a person has confirmed that a mass deletion is intended; the scan does not halt on one.
    pub accept_deletions: bool,
}

/// The work requested from a shop.
///
/// Requests are merged with the waiting work of the same kind: requesting the same work twice has the effect of requesting
/// it once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkRequest {
    /// The kinds of work. With the default arguments, those of the waiting work stay.
    pub work: Vec<(WorkKind, WorkArguments)>,
    /// What requests it. The trigger of the first request is kept.
    pub trigger: Trigger,
    /// The items that [`WorkKind::Refresh`] reads again.
    pub dirty: Vec<ItemKey>,
}

impl WorkRequest {
    fn new(trigger: Trigger, kinds: &[WorkKind]) -> Self {
        let defaults = WorkArguments::default();
        Self {
            work: kinds.iter().map(|kind| (*kind, defaults)).collect(),
            trigger,
            dirty: Vec::new(),
        }
    }

    /// Requests a refresh of these items only.
    pub fn items(dirty: Vec<ItemKey>) -> Self {
        let kinds: &[_] = if dirty.is_empty() {
            &[]
        } else {
            &[WorkKind::Refresh]
        };
        Self {
            dirty,
            ..Self::new(Trigger::Webhook, kinds)
        }
    }

    /// Requests a full scan, and an audit of the webhook subscriptions before it.
    pub fn full(trigger: Trigger) -> Self {
        Self::new(trigger, &[WorkKind::Subscribe, WorkKind::Scan])
    }

    /// The same work, with the confirmation that a mass deletion is intended.
    #[must_use]
    pub fn accepting_deletions(mut self) -> Self {
        for (_, arguments) in &mut self.work {
            arguments.accept_deletions = true;
        }
        self
    }

    /// Requests the erasure of the shop's data.
    pub fn erase() -> Self {
        Self::new(Trigger::Webhook, &[WorkKind::Erase])
    }

    /// Whether nothing is requested.
    pub fn is_empty(&self) -> bool {
        self.work.is_empty()
    }
}

/// The exclusive right to work on a shop until the lease expires, with the fencing token for writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The shop.
    pub shop: ShopDomain,
    /// The fencing token. It grows with every claim of the shop; a write under an older token is rejected.
    pub token: i64,
}

/// A claimed shop and the claimed work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The lease.
    pub lease: Lease,
    /// The work, at most one of each kind, in the order of the kinds. Never empty.
    pub work: Vec<ClaimedWork>,
}

impl Claim {
    /// The claimed work of this kind.
    pub fn get(&self, kind: WorkKind) -> Option<&ClaimedWork> {
        self.work.iter().find(|work| work.kind == kind)
    }
}

/// Claimed work of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedWork {
    /// The kind.
    pub kind: WorkKind,
    /// What requested it first.
    pub trigger: Trigger,
    /// The arguments.
    pub arguments: WorkArguments,
    /// How many consecutive attempts have failed.
    pub attempts: u32,
}

/// The result of [`crate::ports::Inbox::claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// A shop was claimed.
    Claimed(Claim),
    /// No shop can be claimed now.
    Idle {
        /// The earliest time at which a shop may become claimable without a new request: its work falls due or its
        /// lease expires. `None`: no work is waiting and no run goes on. A time in the past: a shop is due, but another transaction has locked
        /// its lease.
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

/// What a scan or a refresh that has written to the mirror stores in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    /// The time of the settlement.
    pub at: Timestamp,
    /// The items that were read. They stay dirty if they were requested again since.
    pub done: Vec<DirtyItem>,
    /// The items that could not be read, and are postponed.
    pub failed: Vec<ItemFailure>,
    /// Records that a full scan of the shop has succeeded.
    pub scanned: bool,
    /// The claimed work that is done.
    pub finished: Option<WorkKind>,
    /// Claims [`WorkKind::Publish`] for the holder of the lease, unless publishing has failed and waits for its retry.
    pub publish: Option<Trigger>,
}

/// How claimed work of one kind ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkOutcome {
    /// It is done. Work of the kind that was requested since the claim stays.
    Done,
    /// It failed and falls due again.
    Retry {
        /// When it falls due.
        at: Timestamp,
        /// The error message.
        error: String,
    },
    /// It failed and a retry would fail again. It is kept and not due until a new request of the kind revives it.
    Dead {
        /// The error message.
        error: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_ordered_and_their_words_parse() {
        assert!(WorkKind::ALL.is_sorted());
        for kind in WorkKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("rest".parse::<WorkKind>().is_err());
    }
}
