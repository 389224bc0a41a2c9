//! Runs the worker: claims a shop, carries out the requested work and publishes what changed.

mod plan;
mod publish;
mod reconcile;
mod refresh;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::ports::{CatalogSource, Clock, Inbox, Mirror, RunLog, ShopRegistry, SnapshotStore};
use crate::progress::{Observer, Progress};
use crate::{
    Claim, ClaimOutcome, Disposition, ItemKey, ItemKind, KindCounts, Lease, Outcome, PortError,
    Release, RunId, RunReport, ShopDomain, ShopStatus, Timestamp, Trigger,
};

/// The longest `Retry-After` delay that is respected. A longer one is cut to this.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The pause before a shop that is due but locked by another transaction is claimed again.
const LOCKED_PAUSE: Duration = Duration::from_millis(25);

/// The ports that the engine uses.
#[derive(Clone)]
pub struct Ports {
    /// Reads the shops' catalogues.
    pub catalog: Arc<dyn CatalogSource>,
    /// Publishes snapshots in the Space.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// Stores shops and their status.
    pub registry: Arc<dyn ShopRegistry>,
    /// Stores work requests, dirty items and leases.
    pub inbox: Arc<dyn Inbox>,
    /// Stores the mirrored items.
    pub mirror: Arc<dyn Mirror>,
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
    /// The delay after the first failed run. It doubles with each further failure.
    pub retry_base: Duration,
    /// The longest delay between failed runs.
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
}

/// Why a run stopped before its end.
#[derive(Debug)]
enum RunError {
    /// A port failed.
    Port(PortError),
    /// More items are missing than the limit permits.
    Halted {
        kind: &'static str,
        missing: u64,
        known: u64,
    },
    /// The process is shutting down.
    Interrupted,
}

impl From<PortError> for RunError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// A run's counts by item kind.
type Counts = BTreeMap<&'static str, KindCounts>;

/// The items that could not be read, with the error. The mirror keeps their last version.
type Quarantine = BTreeMap<ItemKey, String>;

/// The state of a run in progress, shared by its steps.
struct RunContext<'a> {
    engine: &'a Engine,
    lease: &'a Lease,
    run: RunId,
    observer: &'a dyn Observer,
    counts: Counts,
    quarantined: Quarantine,
}

impl Engine {
    /// Creates an engine. Notifying `wake` makes an idle worker look for work at once.
    pub fn new(ports: Ports, config: EngineConfig, wake: Arc<Notify>) -> Self {
        Self {
            ports,
            config,
            wake,
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
        match self.ports.inbox.claim(only, now, until).await? {
            ClaimOutcome::Idle { next } => Ok(Step::Idle { next }),
            ClaimOutcome::Claimed(claim) => self.run(&claim, observer, shutdown).await,
        }
    }

    async fn run(
        &self,
        claim: &Claim,
        observer: &dyn Observer,
        shutdown: &CancellationToken,
    ) -> Result<Step, PortError> {
        let shop = &claim.lease.shop;
        let trigger = claim.full.map_or(Trigger::Webhook, |full| full.trigger);
        let full = claim.full.is_some();
        let clock = &self.ports.clock;
        let run = self
            .ports
            .runs
            .start(shop, trigger, full, clock.now())
            .await?;
        log::info!(shop:%, run:%, trigger:%, full; "Run started");
        observer.observe(shop, Some(run), &Progress::Started { trigger, full });

        let mut context = RunContext {
            engine: self,
            lease: &claim.lease,
            run,
            observer,
            counts: Counts::new(),
            quarantined: Quarantine::new(),
        };
        let result = tokio::select! {
            biased;
            lost = self.renew_lease(&claim.lease) => Err(RunError::Port(lost)),
            () = self.drain_deadline(shutdown) => Err(RunError::Interrupted),
            result = context.execute(claim) => result,
        };
        let counts = std::mem::take(&mut context.counts);
        let (outcome, release) = match result {
            Ok(outcome) => (outcome, Some(Release::Done)),
            Err(error) => self.handle_error(claim, error).await?,
        };
        let report = RunReport {
            outcome,
            counts: counts
                .into_iter()
                .map(|(kind, counts)| (kind.to_owned(), counts))
                .collect(),
        };
        log_outcome(shop, run, &report);
        if let (Outcome::Erased, Some(_)) = (&report.outcome, &release) {
            // The erasure has deleted the run's record and the lease.
            observer.observe(shop, Some(run), &Progress::Finished(report.clone()));
            return Ok(Step::Ran {
                shop: shop.clone(),
                run,
                report,
            });
        }
        self.ports.runs.finish(run, &report, clock.now()).await?;
        if let Some(release) = release {
            match self.ports.inbox.release(&claim.lease, &release).await {
                Err(error) if error.disposition == Disposition::LeaseLost => {}
                released => released?,
            }
        }
        observer.observe(shop, Some(run), &Progress::Finished(report.clone()));
        Ok(Step::Ran {
            shop: shop.clone(),
            run,
            report,
        })
    }

    /// Renews the lease every third of its duration. Returns only when the lease is lost.
    async fn renew_lease(&self, lease: &Lease) -> PortError {
        let clock = &self.ports.clock;
        loop {
            clock
                .sleep_until(clock.now() + self.config.lease_duration / 3)
                .await;
            let until = clock.now() + self.config.lease_duration;
            match self.ports.inbox.renew(lease, until).await {
                Err(error) if error.disposition == Disposition::LeaseLost => return error,
                Err(error) => {
                    log::warn!(shop:% = lease.shop; "Could not renew the lease; trying again: {}", error.chain());
                }
                Ok(()) => {}
            }
        }
    }

    async fn drain_deadline(&self, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        let clock = &self.ports.clock;
        clock
            .sleep_until(clock.now() + self.config.drain_timeout)
            .await;
    }

    /// Decides how a failed run is recorded and released. No release: the lease is lost.
    async fn handle_error(
        &self,
        claim: &Claim,
        error: RunError,
    ) -> Result<(Outcome, Option<Release>), PortError> {
        let now = self.ports.clock.now();
        let error = match error {
            RunError::Interrupted => {
                let outcome = failed("the service is shutting down".to_owned(), true);
                return Ok((outcome, Some(Release::Retry { at: now })));
            }
            RunError::Halted {
                kind,
                missing,
                known,
            } => {
                let kind = kind.to_owned();
                let outcome = Outcome::Halted {
                    kind,
                    missing,
                    known,
                };
                return Ok((outcome, Some(Release::GiveUp)));
            }
            RunError::Port(error) => error,
        };
        let chain = error.chain();
        Ok(match error.disposition {
            Disposition::LeaseLost => (failed(chain, true), None),
            Disposition::Fail => (failed(chain, false), Some(Release::GiveUp)),
            Disposition::Retry { after } => {
                let requested = after.unwrap_or_default().min(MAX_RETRY_AFTER);
                let wait = self.backoff(claim).max(requested);
                (failed(chain, true), Some(Release::Retry { at: now + wait }))
            }
            Disposition::ShopUnavailable { reason } => {
                let status = ShopStatus::Unavailable(reason);
                let shop = &claim.lease.shop;
                self.ports.registry.set_status(shop, status).await?;
                let at = now + self.config.unavailable_recheck;
                (failed(chain, true), Some(Release::Retry { at }))
            }
        })
    }

    /// The delay before the next run: doubles with each failure up to the limit, plus up to a quarter that depends on
    /// the shop, so that shops that failed together are not retried together.
    fn backoff(&self, claim: &Claim) -> Duration {
        let doubled = self
            .config
            .retry_base
            .saturating_mul(1 << claim.attempts.min(20))
            .min(self.config.retry_max);
        let mut hasher = DefaultHasher::new();
        (claim.lease.shop.as_str(), claim.attempts).hash(&mut hasher);
        let quarter = u32::try_from(hasher.finish() % 256).unwrap_or_default();
        doubled + doubled * quarter / 1024
    }
}

impl RunContext<'_> {
    async fn execute(&mut self, claim: &Claim) -> Result<Outcome, RunError> {
        if claim.erase && self.erase().await? {
            return Ok(Outcome::Erased);
        }
        let outcome = match claim.full {
            Some(full) => self.reconcile(full).await?,
            None => self.refresh().await?,
        };
        self.mark_available().await?;
        Ok(outcome)
    }

    /// Sets an unavailable shop to active after a successful run.
    async fn mark_available(&self) -> Result<(), PortError> {
        let registry = &self.engine.ports.registry;
        let shop = registry.find(self.shop()).await?;
        if shop.is_some_and(|shop| matches!(shop.status, ShopStatus::Unavailable(_))) {
            registry.set_status(self.shop(), ShopStatus::Active).await?;
        }
        Ok(())
    }

    /// Erases the shop's data. Returns `false`, and erases nothing, if the shop is installed again and its token works.
    async fn erase(&self) -> Result<bool, RunError> {
        let ports = &self.engine.ports;
        let shop = &self.lease.shop;
        if let Some(known) = ports.registry.find(shop).await?
            && known.status == ShopStatus::Active
            && ports.catalog.probe(shop).await.is_ok()
        {
            log::warn!(shop:%; "Ignored a request to erase the shop: it is installed again");
            return Ok(false);
        }
        let objects = ports.snapshots.erase(shop).await?;
        ports.registry.erase(shop).await?;
        log::info!(shop:%, objects; "Erased all data of the shop");
        Ok(true)
    }

    fn shop(&self) -> &ShopDomain {
        &self.lease.shop
    }

    fn count(&mut self, kind: ItemKind) -> &mut KindCounts {
        self.counts.entry(kind.as_str()).or_default()
    }

    /// Continues the run without an item. The mirror keeps its last version.
    fn quarantine(&mut self, key: ItemKey, error: &PortError) {
        if self.quarantined.contains_key(&key) {
            return;
        }
        let reason = error.chain();
        log::warn!(shop:% = self.shop(), run:% = self.run, item:% = key;
            "Could not read {key}; quarantined, its last version, if any, stays published: {reason}");
        self.quarantined.insert(key, reason);
        self.count(key.kind).failed += 1;
    }

    /// Takes an item off the quarantine list once it was read or is known to be deleted.
    fn release_from_quarantine(&mut self, key: ItemKey) {
        if self.quarantined.remove(&key).is_some() {
            self.count(key.kind).failed -= 1;
        }
    }

    /// Reports how many items of a kind were read. Called before the first item too, which can take hours to arrive.
    fn report_progress(&mut self, run: Option<RunId>, kind: ItemKind) {
        let counts = *self.count(kind);
        let progress = Progress::Read {
            kind,
            done: counts.read,
            expected: counts.expected,
        };
        self.observer.observe(self.shop(), run, &progress);
    }
}

fn failed(error: String, will_retry: bool) -> Outcome {
    Outcome::Failed { error, will_retry }
}

fn log_outcome(shop: &ShopDomain, run: RunId, report: &RunReport) {
    match &report.outcome {
        Outcome::Published {
            key,
            bytes,
            generation,
            ..
        } => {
            log::info!(shop:%, run:%, key = key.as_str(), bytes, generation; "Run finished: uploaded {key}, {bytes} bytes");
        }
        Outcome::Unchanged | Outcome::WouldPublish { .. } => {
            log::info!(shop:%, run:%; "Run finished: unchanged, nothing uploaded");
        }
        Outcome::Erased => log::info!(shop:%, run:%; "Run finished: erased"),
        Outcome::Halted {
            kind,
            missing,
            known,
        } => {
            log::error!(shop:%, run:%;
                "Run halted: {missing} of {known} {kind} items are missing from the shop; the old snapshot stays \
                 until `shopsync sync {shop} --accept-deletions` confirms the deletions");
        }
        Outcome::Failed { error, will_retry } => {
            let then = if *will_retry {
                "retrying later"
            } else {
                "giving up"
            };
            log::error!(shop:%, run:%; "Run failed, {then}: {error}");
        }
    }
}
