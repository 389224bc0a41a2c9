//! What happens every minute: the daily poll is opened when it is due, and old records are forgotten.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use clokwerk::{AsyncScheduler, TimeUnits};
use sync_core::ports::{Clock, RunLog};
use sync_core::schedule::Scheduler;
use tokio_util::sync::CancellationToken;

/// How often clokwerk is asked whether its minute is over.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The beat and what it sets off. Clokwerk only counts ticker, in UTC, where none is missing or doubled; which day's
/// poll is due is decided on stored state (`docs/adr/0006-poll-by-slots.md`).
#[derive(Clone)]
pub struct PeriodicJobs {
    scheduler: Option<Arc<Scheduler>>,
    runs: Arc<dyn RunLog>,
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
    /// A beat for this scheduler (none if the poll is switched off). Records older than `history` are forgotten.
    pub fn new(
        scheduler: Option<Scheduler>,
        runs: Arc<dyn RunLog>,
        clock: Arc<dyn Clock>,
        history: Duration,
    ) -> Self {
        Self {
            scheduler: scheduler.map(Arc::new),
            runs,
            clock,
            history,
        }
    }

    /// One beat. Returns how many shops the poll was opened for, if it was. What fails is tried again by the next beat.
    pub async fn run_due(&self) -> Option<u64> {
        let opened = match &self.scheduler {
            None => None,
            Some(scheduler) => scheduler.tick().await.unwrap_or_else(|error| {
                log::error!("The daily poll could not be opened: {}", error.chain());
                None
            }),
        };
        match self.runs.prune(self.clock.now() - self.history).await {
            Ok(0) => {}
            Ok(rows) => log::info!(rows; "Forgot {rows} old records of runs and deliveries"),
            Err(error) => log::warn!("Old records could not be removed: {}", error.chain()),
        }
        opened
    }

    /// Beats at once, so that what fell due during a downtime begins without delay, then every minute until `shutdown`.
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
