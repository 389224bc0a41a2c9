use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::{Bulk, BulkError, BulkOperation, BulkOptions};
use crate::{Error, Gid};

/// Pauses that grow by half from look to look.
#[derive(Debug)]
pub(super) struct Gaps {
    next: Duration,
    longest: Duration,
}

impl Gaps {
    pub(super) fn new(options: &BulkOptions) -> Self {
        Self {
            next: options.first_gap,
            longest: options.longest_gap,
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        let gap = self.next.min(self.longest);
        self.next = (gap + gap / 2).min(self.longest);
        gap
    }
}

impl Bulk {
    /// Waits until an operation has ended, and returns it if it has a result.
    ///
    /// It is looked at after growing pauses, and at once when [`Bulk::finished`] is called.
    ///
    /// # Errors
    /// [`Error::Bulk`] with the way in which it ended otherwise. After [`BulkOptions::deadline`] it is cancelled if it
    /// is ours.
    pub async fn wait(&self, id: &Gid) -> Result<BulkOperation, Error> {
        let deadline = Instant::now() + self.options.deadline;
        let mut gaps = Gaps::new(&self.options);
        let mut news = self.shop.state.bulk.news();
        loop {
            let gap = sleep(gaps.next());
            let next_look = async {
                tokio::select! {
                    () = gap => {}
                    _ = news.changed() => {}
                }
            };
            if timeout_at(deadline, next_look).await.is_err() {
                self.give_up(id).await;
                return Err(BulkError::TimedOut { id: id.clone() }.into());
            }
            match self.operation(id).await {
                Ok(operation) if operation.outcome()? => return Ok(operation),
                Ok(operation) => {
                    let (objects, status) = (operation.object_count, operation.status);
                    log::debug!(id:% = id, objects, status:?; "a bulk operation is under way");
                }
                // The operation runs on, whatever happens to a look at it.
                Err(error) if error.is_retryable() => {
                    log::warn!(id:% = id; "a bulk operation cannot be looked at now: {error}");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Cancels an operation that nobody waits for any more, if it is ours.
    pub(super) async fn give_up(&self, id: &Gid) {
        if let Err(error) = self.cancel(id).await {
            log::warn!(id:% = id; "a bulk operation was left behind: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_grow_up_to_the_longest() {
        let mut gaps = Gaps::new(&BulkOptions::default());
        let seconds: Vec<f64> = (0..12).map(|_| gaps.next().as_secs_f64()).collect();
        assert_eq!(seconds[..4], [1.0, 1.5, 2.25, 3.375]);
        assert_eq!(seconds[10..], [30.0, 30.0]);
    }
}
