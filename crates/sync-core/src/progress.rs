//! Defines the progress events of a run and their observer.

use crate::item::ItemKind;
use crate::run::{RunId, RunReport, Trigger};
use crate::shop::ShopDomain;

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

/// Receives the progress events of runs. It is called from within the run and must return quickly.
pub trait Observer: Send + Sync {
    /// Called for each event. `run` is `None` in a dry run.
    fn observe(&self, shop: &ShopDomain, run: Option<RunId>, progress: &Progress);
}

/// Ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopObserver;

impl Observer for NoopObserver {
    fn observe(&self, _: &ShopDomain, _: Option<RunId>, _: &Progress) {}
}
