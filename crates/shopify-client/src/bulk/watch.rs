use std::time::Duration;

use log::Level;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::poll::{PollIntervals, sleep_or_notified};
use super::slots::RunningOperation;
use super::{Bulk, BulkError, BulkOperation};
use crate::{Error, Gid, ShopDomain};

/// Says now and then how far an operation is: after a minute, and ever more rarely.
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

    /// How loud a look is to be told of now.
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
        log::log!(level, shop:%, id:%, status:?, objects, seconds; "a bulk operation is under way");
    }
}

impl Bulk {
    /// Waits until an operation has ended, and returns it if it has a result.
    ///
    /// It is looked at now, then after growing pauses, and at once when [`Bulk::notify_finished`] is called. Now and then a
    /// line in the log says how far it is.
    ///
    /// # Errors
    /// [`Error::Bulk`] with the way in which it ended otherwise. After [`BulkOptions::deadline`] it is cancelled if it
    /// is ours.
    pub async fn wait(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let mut completions = self.shop.state.bulk.completions();
        // It may have ended before anybody listened.
        completions.mark_changed();
        self.wait_for(id, completions).await
    }

    /// Waits for one that was started here.
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
                    log::info!(shop:%, id:% = id, objects, seconds; "a bulk operation has its result");
                    return Ok(operation);
                }
                Ok(operation) => progress.log(&self.shop.shop, &operation),
                // The operation runs on, whatever happens to a look at it.
                Err(error) if error.is_retryable() => {
                    log::warn!(id:% = id; "a bulk operation cannot be looked at now: {error}");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Cancels an operation that nobody waits for any more, if it is ours.
    pub(super) async fn abandon(&self, id: &Gid) {
        if let Err(error) = self.cancel(id).await {
            log::warn!(id:% = id; "a bulk operation was left behind: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_spoken_of_now_and_then() {
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
