//! Defines the events of deliveries, claims, runs and shops, and their observer.

use crate::Timestamp;
use crate::item::ItemKind;
use crate::run::{RunId, RunReport, Trigger};
use crate::shop::{ShopDomain, ShopStatus};

/// A progress event of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The run started.
    Started {
        /// What caused it.
        trigger: Trigger,
        /// Whether it is a full scan.
        full: bool,
    },
    /// Items of a kind are being read. The first event of a kind comes before its first item.
    Read {
        /// The kind.
        kind: ItemKind,
        /// The number of items read so far.
        done: u64,
        /// The number of items that the shop reports, if it does.
        expected: Option<u64>,
    },
    /// The document is being built and compared with the Space.
    Publishing,
    /// The run ended.
    Finished(RunReport),
}

/// Something that happened in this process.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A delivery that requests work was stored for the first time.
    Delivered {
        /// The shop.
        shop: ShopDomain,
        /// The topic, such as `products/update`.
        topic: String,
        /// When the shop changed, or else when the delivery arrived.
        changed_at: Timestamp,
    },
    /// A worker begins to look for a shop to claim, among all shops.
    Claiming {
        /// The number of the claim in this process.
        claim: u64,
    },
    /// That claim found no shop.
    Idle {
        /// The number of the claim in this process.
        claim: u64,
        /// See [`crate::ClaimOutcome::Idle`].
        next: Option<Timestamp>,
    },
    /// A worker has renewed the lease of its shop.
    LeaseRenewed {
        /// The shop.
        shop: ShopDomain,
    },
    /// A run started, has made progress or has finished.
    Run {
        /// The shop.
        shop: ShopDomain,
        /// The run; `None` for a dry run.
        run: Option<RunId>,
        /// The step.
        progress: Progress,
    },
    /// A shop's status has changed.
    StatusChanged {
        /// The shop.
        shop: ShopDomain,
        /// The new status.
        status: ShopStatus,
    },
}

impl Event {
    /// The report, if the event is the end of a run.
    pub fn finished(&self) -> Option<&RunReport> {
        match self {
            Self::Run {
                progress: Progress::Finished(report),
                ..
            } => Some(report),
            _ => None,
        }
    }
}

/// Receives events. It is called from within the work and must return quickly.
pub trait Observer: Send + Sync {
    /// Called for each event.
    fn observe(&self, event: &Event);
}

/// Ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopObserver;

impl Observer for NoopObserver {
    fn observe(&self, _: &Event) {}
}
