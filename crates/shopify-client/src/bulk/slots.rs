use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

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
