//! Runs the worker: claims a shop and carries out its work, kind by kind.

mod plan;
mod publish;
mod refresh;
mod run;
mod scan;
mod subscribe;
mod tally;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::ports::{
    CatalogSource, Clock, Inbox, Mirror, Publications, Publisher, RunLog, ShopRegistry,
};
use crate::progress::{Event, Observer};
use crate::{ClaimOutcome, PortError, RunId, RunReport, ShopDomain, Timestamp};

/// The pause before a shop that is due but locked by another transaction is claimed again.
const LOCKED_PAUSE: Duration = Duration::from_millis(25);

/// The ports that the engine uses.
#[derive(Clone)]
pub struct Ports {
    /// Reads the shops' catalogues.
    pub catalog: Arc<dyn CatalogSource>,
    /// Publishes the mirror in the Space.
    pub publisher: Arc<dyn Publisher>,
    /// Stores shops and their status.
    pub registry: Arc<dyn ShopRegistry>,
    /// Stores work requests, dirty items and leases.
    pub inbox: Arc<dyn Inbox>,
    /// Stores the mirrored items.
    pub mirror: Arc<dyn Mirror>,
    /// Records what was published last.
    pub publications: Arc<dyn Publications>,
    /// Records runs.
    pub runs: Arc<dyn RunLog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// The engine's time limits, batch sizes and deletion limits.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// How long a lease lasts unless it is renewed. A shop whose worker died is claimed by another worker after this time.
    pub lease_duration: Duration,
    /// How long an idle worker waits before it looks for work that another process has requested.
    pub idle_poll: Duration,
    /// The most dirty items that one run reads; the rest follow in the next run.
    pub dirty_per_run: u32,
    /// How many items are fetched, and written to the mirror, together.
    pub batch_size: usize,
    /// How many items are read from the mirror at a time while the document is written.
    pub page_size: u32,
    /// In percent of a kind's items: the run halts if more are missing from a full scan, and fails if more cannot be
    /// read.
    pub disappearance_limit: u8,
    /// This many missing or unreadable items of a kind are always accepted.
    pub disappearance_floor: u64,
    /// The delay after the first failure of a kind of work. It doubles with each further one.
    pub retry_base: Duration,
    /// The longest delay between failures.
    pub retry_max: Duration,
    /// The delay before an unavailable shop is tried again.
    pub unavailable_recheck: Duration,
    /// How long a run may continue after shutdown was requested.
    pub drain_timeout: Duration,
}

impl EngineConfig {
    /// Whether `count` of `all` items of a kind exceed the limit for missing or unreadable items.
    fn is_too_many(&self, count: u64, all: u64) -> bool {
        let limit = all.saturating_mul(self.disappearance_limit.into()) / 100;
        count > limit.max(self.disappearance_floor)
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            lease_duration: Duration::from_secs(15),
            idle_poll: Duration::from_secs(1),
            dirty_per_run: 1_000,
            batch_size: 50,
            page_size: 100,
            disappearance_limit: 20,
            disappearance_floor: 10,
            retry_base: Duration::from_secs(5),
            retry_max: Duration::from_mins(15),
            unavailable_recheck: Duration::from_hours(1),
            drain_timeout: Duration::from_secs(20),
        }
    }
}

/// The result of [`Engine::run_next`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A run was carried out.
    Ran {
        /// The shop.
        shop: ShopDomain,
        /// The run.
        run: RunId,
        /// Its report.
        report: RunReport,
    },
    /// No shop could be claimed.
    Idle {
        /// The earliest time at which a shop becomes claimable without a new request; see
        /// [`ClaimOutcome::Idle`].
        next: Option<Timestamp>,
    },
}

/// Carries out runs. Any number of workers in any number of processes may share the same state.
#[derive(Debug, Clone)]
pub struct Engine {
    ports: Ports,
    config: EngineConfig,
    wake: Arc<Notify>,
    claims: Arc<AtomicU64>,
}

impl Engine {
    /// Creates an engine. Notifying `wake` makes an idle worker look for work at once.
    pub fn new(ports: Ports, config: EngineConfig, wake: Arc<Notify>) -> Self {
        Self {
            ports,
            config,
            wake,
            claims: Arc::default(),
        }
    }

    /// Carries out runs until `shutdown` is cancelled, one shop at a time; sleeps while no shop can be claimed.
    pub async fn work(&self, observer: &dyn Observer, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            let next = match self.run_next(None, observer, shutdown).await {
                Ok(Step::Ran { .. }) => continue,
                Ok(Step::Idle { next }) => next,
                Err(error) => {
                    log::error!(
                        "The worker could not use the state database; trying again: {}",
                        error.chain()
                    );
                    None
                }
            };
            let now = self.ports.clock.now();
            let poll = now + self.config.idle_poll;
            let until = next.map_or(poll, |next| next.max(now + LOCKED_PAUSE).min(poll));
            tokio::select! {
                () = self.wake.notified() => {}
                () = self.ports.clock.sleep_until(until) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Claims a shop (`only` this one, if given) and carries out the work requested from it.
    ///
    /// A failed run is not an error: it is recorded and reported, then retried later or given up.
    ///
    /// # Errors
    /// When the state database fails before or after the run.
    pub async fn run_next(
        &self,
        only: Option<&ShopDomain>,
        observer: &dyn Observer,
        shutdown: &CancellationToken,
    ) -> Result<Step, PortError> {
        let now = self.ports.clock.now();
        let until = now + self.config.lease_duration;
        let claim = self.claims.fetch_add(1, Ordering::Relaxed);
        if only.is_none() {
            observer.observe(&Event::Claiming { claim });
        }
        match self.ports.inbox.claim(only, now, until).await? {
            ClaimOutcome::Claimed(claim) => self.run(&claim, observer, shutdown).await,
            ClaimOutcome::Idle { next } => {
                if only.is_none() {
                    observer.observe(&Event::Idle { claim, next });
                }
                Ok(Step::Idle { next })
            }
        }
    }
}
