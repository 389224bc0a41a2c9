use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::Gid;

/// What is known about a shop's bulk operations while the process runs: how many may run, and when to look at them.
#[derive(Debug)]
pub(crate) struct BulkSlots {
    free: Arc<Semaphore>,
    /// FileCounts the news of ended operations. A count, so that news that come during a look are not lost.
    completions: watch::Sender<u64>,
}

impl BulkSlots {
    pub(crate) fn new(at_once: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(at_once.max(1))),
            completions: watch::Sender::new(0),
        }
    }

    /// Waits for a place; it is free again when the permit is dropped.
    pub(super) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed, so there is always one in the end.
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    pub(super) fn notify(&self) {
        self.completions.send_modify(|count| *count += 1);
    }

    pub(super) fn completions(&self) -> watch::Receiver<u64> {
        self.completions.subscribe()
    }
}

/// An operation of ours that has its place among those that may run at a time.
#[derive(Debug)]
pub(super) struct RunningOperation {
    pub(super) id: Gid,
    /// Heard since before it was started: a short one may end before the answer to its start has come.
    pub(super) completions: watch::Receiver<u64>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl RunningOperation {
    pub(super) fn new(
        id: Gid,
        completions: watch::Receiver<u64>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            id,
            completions,
            _permit: permit,
        }
    }
}
