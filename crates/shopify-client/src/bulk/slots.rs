//! The state of a shop's bulk operations in this process: slots and completion notifications.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::Gid;

/// The slots for a shop's bulk operations, and the notifications that operations have ended.
#[derive(Debug)]
pub(crate) struct BulkSlots {
    free: Arc<Semaphore>,
    /// The number of completion notifications. It is a count so that a notification during a poll is not lost.
    completions: watch::Sender<u64>,
}

impl BulkSlots {
    pub(crate) fn new(at_once: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(at_once.max(1))),
            completions: watch::Sender::new(0),
        }
    }

    /// Waits for a slot; dropping the permit frees it.
    pub(super) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so this always succeeds.
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    pub(super) fn notify(&self) {
        self.completions.send_modify(|count| *count += 1);
    }

    pub(super) fn completions(&self) -> watch::Receiver<u64> {
        self.completions.subscribe()
    }
}

/// An operation that was started here and holds a slot.
#[derive(Debug)]
pub(super) struct RunningOperation {
    pub(super) id: Gid,
    /// Subscribed before the start: a short operation may end before the response to its start arrives.
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
