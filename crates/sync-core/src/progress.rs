//! How a run tells what it is doing.

use crate::item::ItemKind;
use crate::run::{RunId, RunReport, Trigger};
use crate::shop::ShopDomain;

/// A step of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// It began.
    Started {
        /// What set it off.
        trigger: Trigger,
        /// Whether the whole catalogue is read.
        full: bool,
    },
    /// Items of a kind are being read. The first step of a kind comes before its first item.
    Read {
        /// The kind.
        kind: ItemKind,
        /// How many so far.
        done: u64,
        /// How many the shop says there are.
        expected: Option<u64>,
    },
    /// The document is being written and compared.
    Publishing,
    /// It ended.
    Finished(RunReport),
}

/// Is told about the steps of runs. Called from within the run: it must return quickly.
pub trait Observer: Send + Sync {
    /// A step was reached. Dry runs have no number.
    fn observe(&self, shop: &ShopDomain, run: Option<RunId>, progress: &Progress);
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopObserver;

impl Observer for NoopObserver {
    fn observe(&self, _: &ShopDomain, _: Option<RunId>, _: &Progress) {}
}
