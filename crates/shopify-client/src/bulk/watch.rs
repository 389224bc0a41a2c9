//! Waits for the end of an operation and logs its progress.

use std::time::Duration;

use log::Level;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::poll::{PollIntervals, sleep_or_notified};
use super::slots::RunningOperation;
use super::{Bulk, BulkError, BulkOperation};
use crate::{Error, Gid, ShopDomain};

/// Logs the progress of an operation after a minute and then at growing intervals.
#[derive(Debug)]
struct ProgressLog {
    begin: Instant,
    next: Instant,
    intervals: PollIntervals,
}

impl ProgressLog {
    fn new() -> Self {
        let begin = Instant::now();
        let mut intervals = PollIntervals::between(Duration::from_mins(1), Duration::from_mins(15));
        Self {
            begin,
            next: begin + intervals.next(),
            intervals,
        }
    }

    /// The level at which a poll is logged now.
    fn level(&mut self) -> Level {
        let now = Instant::now();
        if now < self.next {
            return Level::Debug;
        }
        self.next = now + self.intervals.next();
        Level::Info
    }

    fn log(&mut self, shop: &ShopDomain, operation: &BulkOperation) {
        let level = self.level();
        let (id, status, objects) = (&operation.id, &operation.status, operation.object_count);
        let seconds = self.begin.elapsed().as_secs();
        log::log!(level, shop:%, id:%, status:?, objects, seconds; "A bulk operation is in progress");
    }
}

impl Bulk {
    /// Waits until an operation has completed and returns it.
    ///
    /// The operation is polled now, then at growing intervals, and at once when [`Bulk::notify_finished`] is called.
    /// Its progress is logged from time to time.
    ///
    /// # Errors
    /// [`Error::Bulk`] if it ended without a result. After [`BulkOptions::deadline`](super::BulkOptions::deadline) an
    /// operation of this program is cancelled.
    pub async fn wait(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let mut completions = self.shop.state.bulk.completions();
        // It may have ended before this subscription.
        completions.mark_changed();
        self.wait_for(id, completions).await
    }

    /// Waits for an operation that was started here.
    pub(super) async fn watch(&self, running: RunningOperation) -> Result<BulkOperation, Error> {
        self.wait_for(&running.id, running.completions.clone())
            .await
    }

    async fn wait_for(
        &self,
        id: &Gid,
        mut completions: watch::Receiver<u64>,
    ) -> Result<BulkOperation, Error> {
        let deadline = Instant::now() + self.options.deadline;
        let mut intervals = PollIntervals::new(&self.options);
        let mut progress = ProgressLog::new();
        loop {
            let next_look = sleep_or_notified(intervals.next(), &mut completions);
            if timeout_at(deadline, next_look).await.is_err() {
                self.abandon(id).await;
                return Err(BulkError::TimedOut { id: id.clone() }.into());
            }
            match self.operation(id).await {
                Ok(operation) if operation.outcome()? => {
                    let (shop, objects) = (&self.shop.shop, operation.object_count);
                    let seconds = progress.begin.elapsed().as_secs();
                    log::info!(shop:%, id:% = id, objects, seconds; "A bulk operation has completed");
                    return Ok(operation);
                }
                Ok(operation) => progress.log(&self.shop.shop, &operation),
                // The operation continues even if a poll fails.
                Err(error) if error.is_retryable() => {
                    log::warn!(id:% = id; "A bulk operation could not be polled: {error}; polling again later");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Cancels an operation that is no longer waited for, if this program started it.
    pub(super) async fn abandon(&self, id: &Gid) {
        if let Err(error) = self.cancel(id).await {
            log::warn!(id:% = id; "An abandoned bulk operation could not be cancelled: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_logged_at_growing_intervals() {
        let mut progress = ProgressLog::new();
        let mut logged = Vec::new();
        for minute in 0..=60 {
            if progress.level() == Level::Info {
                logged.push(minute);
            }
            tokio::time::advance(Duration::from_mins(1)).await;
        }
        assert_eq!(logged, [1, 3, 6, 10, 16, 24, 36, 51]);
    }
}
