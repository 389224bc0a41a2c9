//! Starts operations and runs them to their end.

use tokio::time::Instant;

use super::poll::{PollIntervals, sleep_or_notified};
use super::requests::StartFailure;
use super::slots::RunningOperation;
use super::{Bulk, BulkError, BulkOperation};
use crate::Error;

impl Bulk {
    /// Runs a bulk query and waits for its result.
    ///
    /// `query` starts with its first brace. Shopify allows one outermost connection, five connections in all, two
    /// nested levels and no variables. At most [`BulkOptions::max_concurrent`](super::BulkOptions::max_concurrent)
    /// operations run at the same time; others wait. When the caller stops waiting, the operation continues at Shopify,
    /// and [`Bulk::own_operations`] finds it.
    ///
    /// # Errors
    /// [`Error::Bulk`] if the operation was denied or rejected, if too many were running for
    /// [`BulkOptions::slot_timeout`](super::BulkOptions::slot_timeout), or if it ended without a result.
    pub async fn run(&self, query: &str) -> Result<BulkOperation, Error> {
        let running = self.start(query).await?;
        self.watch(running).await
    }

    /// Starts an operation. When the response is lost, the operation is searched by its marker, so that it is not
    /// started twice.
    pub(super) async fn start(&self, query: &str) -> Result<RunningOperation, Error> {
        let permit = self.shop.state.bulk.acquire().await;
        let completions = self.shop.state.bulk.completions();
        // An operation that ends frees a slot.
        let mut freed = completions.clone();
        let deadline = Instant::now() + self.options.slot_timeout;
        let (text, run) = self.marker.apply(query);
        let mut intervals = PollIntervals::new(&self.options);
        let mut lost_responses = 0;
        let id = loop {
            let failure = match self.try_start(&text).await {
                Ok(Ok(operation)) => break operation.id,
                Ok(Err(failure)) => failure,
                Err(error) => return Err(error),
            };
            if let StartFailure::Unknown(error) = &failure {
                if let Some(found) = self.find_run(&run).await? {
                    break found.id;
                }
                lost_responses += 1;
                if lost_responses >= self.shop.client.inner.http.retry.max_attempts {
                    log::warn!(shop:% = self.shop.shop; "A bulk operation could not be started: {error}");
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match failure {
                StartFailure::Busy if left.is_zero() => return Err(BulkError::Busy.into()),
                StartFailure::Busy => {
                    sleep_or_notified(intervals.next().min(left), &mut freed).await;
                }
                StartFailure::Unknown(error)
                    if lost_responses >= self.shop.client.inner.http.retry.max_attempts =>
                {
                    return Err(error);
                }
                StartFailure::Unknown(_) => sleep_or_notified(intervals.next(), &mut freed).await,
            }
        };
        log::info!(shop:% = self.shop.shop, id:% = id; "Started a bulk operation");
        Ok(RunningOperation::new(id, completions, permit))
    }

    async fn find_run(&self, run: &str) -> Result<Option<BulkOperation>, Error> {
        let mut own = self.list(None).await?.into_iter();
        Ok(own.find(|operation| self.marker.is_run(&operation.query, run)))
    }
}
