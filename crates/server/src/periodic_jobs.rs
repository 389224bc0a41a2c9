//! Runs the jobs of each minute: opens the daily poll when it is due, deletes old records, and seals tokens with the newest key.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use clokwerk::{AsyncScheduler, TimeUnits};
use sync_core::ports::{Clock, RunLog};
use sync_core::schedule::Scheduler;
use sync_db::Database;
use tokio_util::sync::CancellationToken;

use crate::token_resealing::TokenResealing;

/// How often clokwerk is polled for due jobs.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The jobs of each minute. Clokwerk only counts minutes, in UTC, which has no missing or doubled local times; whether the
/// daily poll is due is decided from stored state (`docs/adr/0006-poll-by-slots.md`).
#[derive(Clone)]
pub struct PeriodicJobs {
    scheduler: Option<Arc<Scheduler>>,
    runs: Arc<dyn RunLog>,
    token_resealing: Arc<TokenResealing>,
    clock: Arc<dyn Clock>,
    history: Duration,
}

impl std::fmt::Debug for PeriodicJobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeriodicJobs")
            .field("scheduler", &self.scheduler)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}

impl PeriodicJobs {
    /// Jobs for this scheduler (`None` if the poll is disabled). Records older than `history` are deleted; the tokens in
    /// `database` are sealed again when their key is not the newest.
    pub fn new(
        scheduler: Option<Scheduler>,
        runs: Arc<dyn RunLog>,
        database: Database,
        clock: Arc<dyn Clock>,
        history: Duration,
    ) -> Self {
        Self {
            scheduler: scheduler.map(Arc::new),
            runs,
            token_resealing: Arc::new(TokenResealing::new(database)),
            clock,
            history,
        }
    }

    /// Runs all jobs once. Returns the number of shops that the poll was opened for, or `None` if it was not due. A job
    /// that fails is retried a minute later.
    pub async fn run_due(&self) -> Option<u64> {
        let opened = match &self.scheduler {
            None => None,
            Some(scheduler) => scheduler.tick().await.unwrap_or_else(|error| {
                log::error!(
                    "The daily poll could not be opened; retrying in a minute: {}",
                    error.chain()
                );
                None
            }),
        };
        match self.runs.prune(self.clock.now() - self.history).await {
            Ok(0) => {}
            Ok(rows) => log::info!(rows; "Deleted {rows} old records of runs and deliveries"),
            Err(error) => log::warn!(
                "Old records could not be deleted; retrying in a minute: {}",
                error.chain()
            ),
        }
        self.token_resealing.run_if_due(&*self.clock).await;
        opened
    }

    /// Runs the jobs at once, so that a poll that became due during downtime starts without delay, then every minute until
    /// `shutdown`.
    pub async fn run(&self, shutdown: &CancellationToken) {
        self.run_due().await;
        let mut ticker = AsyncScheduler::with_tz(Utc);
        let jobs = self.clone();
        ticker.every(1.minute()).run(move || {
            let jobs = jobs.clone();
            async move {
                jobs.run_due().await;
            }
        });
        loop {
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => ticker.run_pending().await,
                () = shutdown.cancelled() => return,
            }
        }
    }
}
