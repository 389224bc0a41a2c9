//! Waiting for a run, whichever process carries it out.

use std::sync::Arc;
use std::time::Duration;

use sync_core::ports::RunLog;
use sync_core::{PortError, Run, RunId, ShopDomain};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::observe::Bulletin;

/// How often the record is read for runs of other processes. Those of this one are heard of at once.
const LOOK: Duration = Duration::from_secs(1);

/// How many runs are looked through.
const RECENT: u32 = 50;

/// Looks for finished runs in the record.
#[derive(Clone)]
pub struct RunWatch {
    runs: Arc<dyn RunLog>,
    bulletin: Bulletin,
}

impl std::fmt::Debug for RunWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunWatch").finish_non_exhaustive()
    }
}

impl RunWatch {
    /// Reads `runs`, and looks again whenever `bulletin` tells of something.
    pub fn new(runs: Arc<dyn RunLog>, bulletin: Bulletin) -> Self {
        Self { runs, bulletin }
    }

    /// The shop's newest run.
    ///
    /// # Errors
    /// When the state database cannot be read.
    pub async fn newest(&self, shop: &ShopDomain) -> Result<Option<RunId>, PortError> {
        let runs = self.runs.recent(Some(shop), 1).await?;
        Ok(runs.first().map(|run| run.id))
    }

    /// The first full run of the shop that began after the run `after` and has ended; waits for it until `deadline`.
    ///
    /// # Errors
    /// When the state database cannot be read.
    pub async fn full_run_after(
        &self,
        shop: &ShopDomain,
        after: Option<RunId>,
        deadline: Instant,
    ) -> Result<Option<Run>, PortError> {
        let mut heard = self.bulletin.listen();
        loop {
            let runs = self.runs.recent(Some(shop), RECENT).await?;
            let ended = |run: &Run| run.full && Some(run.id) > after && run.finished.is_some();
            if let Some(run) = runs.into_iter().rev().find(ended) {
                return Ok(Some(run));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let look = deadline.min(Instant::now() + LOOK);
            // Heard something, missed something, or nothing was said for a while: look again in each case.
            if let Ok(Err(tokio::sync::broadcast::error::RecvError::Closed)) =
                timeout_at(look, heard.recv()).await
            {
                sleep_until(look).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sync_core::progress::{Observer, Progress};
    use sync_core::{Outcome, RunReport, Timestamp, Trigger};
    use testkit::MemoryState;

    use super::*;

    fn report() -> RunReport {
        RunReport {
            outcome: Outcome::Unchanged,
            counts: BTreeMap::new(),
        }
    }

    fn now() -> Timestamp {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_full_run_is_found_when_it_ends() {
        let state = Arc::new(MemoryState::new());
        let bulletin = Bulletin::default();
        let watch = RunWatch::new(state.clone(), bulletin.clone());
        let shop: ShopDomain = "a.myshopify.com".parse().unwrap();
        let old = state
            .start(&shop, Trigger::Poll, true, now())
            .await
            .unwrap();
        state.finish(old, &report(), now()).await.unwrap();
        let after = watch.newest(&shop).await.unwrap();
        assert_eq!(after, Some(old));

        let soon = Instant::now() + Duration::from_secs(5);
        let waited = watch.full_run_after(&shop, after, soon).await.unwrap();
        assert_eq!(waited, None);
        assert_eq!(Instant::now(), soon);

        // A partial run is not what is waited for.
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
        let waiting = watch.full_run_after(&shop, after, late);
        let ending = async {
            tokio::task::yield_now().await;
            state.finish(full, &report(), now()).await.unwrap();
            bulletin.observe(&shop, Some(full), &Progress::Finished(report()));
        };
        let (waited, ()) = tokio::join!(waiting, ending);
        assert_eq!(waited.unwrap().unwrap().id, full);
    }
}
