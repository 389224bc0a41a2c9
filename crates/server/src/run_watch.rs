//! Waits for a run to finish, whichever process executes it.

use std::sync::Arc;
use std::time::Duration;

use sync_core::ports::RunLog;
use sync_core::{PortError, Run, RunId, ShopDomain};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::run_events::RunEvents;

/// How often the run log is read for runs of other processes. Runs of this process are noticed at once, by their events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How many of the shop's newest runs are read.
const RECENT_RUNS: u32 = 50;

/// Waits for runs to finish, by run events and by reading the run log.
#[derive(Clone)]
pub struct RunWatch {
    runs: Arc<dyn RunLog>,
    run_events: RunEvents,
}

impl std::fmt::Debug for RunWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunWatch").finish_non_exhaustive()
    }
}

impl RunWatch {
    /// Creates a watch that reads `runs` at once, then after each event and each poll interval.
    pub fn new(runs: Arc<dyn RunLog>, run_events: RunEvents) -> Self {
        Self { runs, run_events }
    }

    /// The shop's newest run.
    ///
    /// # Errors
    /// When the state database cannot be read.
    pub async fn newest_run(&self, shop: &ShopDomain) -> Result<Option<RunId>, PortError> {
        let runs = self.runs.recent(Some(shop), 1).await?;
        Ok(runs.first().map(|run| run.id))
    }

    /// Waits until `deadline` for the shop's first full run after the run `after` to finish, and returns it.
    ///
    /// # Errors
    /// When the state database cannot be read.
    pub async fn wait_for_full_run(
        &self,
        shop: &ShopDomain,
        after: Option<RunId>,
        deadline: Instant,
    ) -> Result<Option<Run>, PortError> {
        let mut events = self.run_events.subscribe();
        loop {
            let runs = self.runs.recent(Some(shop), RECENT_RUNS).await?;
            let ended = |run: &Run| run.full && Some(run.id) > after && run.finished.is_some();
            if let Some(run) = runs.into_iter().rev().find(ended) {
                return Ok(Some(run));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let next_poll = deadline.min(Instant::now() + POLL_INTERVAL);
            // An event, missed events or the timeout: read the run log again in each case. Only a closed channel returns
            // at once, so wait for the next poll then.
            if let Ok(Err(tokio::sync::broadcast::error::RecvError::Closed)) =
                timeout_at(next_poll, events.recv()).await
            {
                sleep_until(next_poll).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::service::tests::database_in_memory;
    use sync_core::progress::{Event, Observer, Progress};
    use sync_core::{Outcome, RunReport, Timestamp, Trigger};

    fn report() -> RunReport {
        RunReport {
            outcome: Outcome::Unchanged,
            counts: BTreeMap::new(),
        }
    }

    fn now() -> Timestamp {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }

    #[tokio::test]
    async fn the_next_full_run_is_found_when_it_ends() {
        let state = Arc::new(database_in_memory().await);
        let run_events = RunEvents::default();
        let watch = RunWatch::new(state.clone(), run_events.clone());
        let shop: ShopDomain = "a.myshopify.com".parse().unwrap();
        let old = state
            .start(&shop, Trigger::Poll, true, now())
            .await
            .unwrap();
        state.finish(old, &report(), now()).await.unwrap();
        let after = watch.newest_run(&shop).await.unwrap();
        assert_eq!(after, Some(old));

        let soon = Instant::now() + Duration::from_millis(20);
        let waited = watch.wait_for_full_run(&shop, after, soon).await.unwrap();
        assert_eq!(waited, None);
        assert!(Instant::now() >= soon);

        // A partial run does not end the wait.
        let partial = state
            .start(&shop, Trigger::Webhook, false, now())
            .await
            .unwrap();
        state.finish(partial, &report(), now()).await.unwrap();
        let full = state
            .start(&shop, Trigger::Backfill, true, now())
            .await
            .unwrap();
        let late = Instant::now() + Duration::from_hours(1);
        let waiting = watch.wait_for_full_run(&shop, after, late);
        let ending = async {
            tokio::task::yield_now().await;
            state.finish(full, &report(), now()).await.unwrap();
            run_events.observe(&Event::Run {
                shop: shop.clone(),
                run: Some(full),
                progress: Progress::Finished(report()),
            });
        };
        let (waited, ()) = tokio::join!(waiting, ending);
        assert_eq!(waited.unwrap().unwrap().id, full);
    }
}
