//! The worker: claims a shop, carries out what is asked of it, publishes what changed.

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

/// The other side may ask to be left alone for so long; more is not believed.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// The pause before a shop that is due but locked by another transaction is claimed again.
const LOCKED_PAUSE: Duration = Duration::from_millis(25);

/// Everything the engine works with.
#[derive(Clone)]
pub struct Ports {
    /// The shops' catalogues.
    pub catalog: Arc<dyn CatalogSource>,
    /// The Space.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// The shops.
    pub registry: Arc<dyn ShopRegistry>,
    /// What waits to be done.
    pub inbox: Arc<dyn Inbox>,
    /// Our copy of the catalogues.
    pub mirror: Arc<dyn Mirror>,
    /// The record of runs.
    pub runs: Arc<dyn RunLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// How the engine paces itself.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// How long a claim holds without being prolonged. A shop whose worker died is taken over after this time.
    pub lease_duration: Duration,
    /// How long an idle worker waits before it asks again, for demands that another process raised.
    pub idle_poll: Duration,
    /// How many dirty items one run reads at most; the rest follow in the next run.
    pub dirty_per_run: u32,
    /// How many items are asked for and written together.
    pub batch_size: usize,
    /// How many items of the mirror are read together while the document is written.
    pub page_size: u32,
    /// If more than this share of a kind's items is missing from a full scan, in percent, the run halts; if more
    /// cannot be read, it fails.
    pub disappearance_limit: u8,
    /// Up to this many missing or unreadable items of a kind are never too many.
    pub disappearance_floor: u64,
    /// The wait after a first failed run; doubles with each further one.
    pub retry_base: Duration,
    /// The longest wait between failed runs.
    pub retry_max: Duration,
    /// The wait before a shop that refuses us is asked again.
    pub unavailable_recheck: Duration,
    /// How long a run may go on after the engine was told to stop.
    pub drain_timeout: Duration,
}

impl EngineConfig {
    /// Whether so many of `all` items of a kind are more than a full scan may do without.
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

/// What one call of [`Engine::run_next`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It carried out a run.
    Ran {
        /// The shop.
        shop: ShopDomain,
        /// The run.
        run: RunId,
        /// What it did.
        report: RunReport,
    },
    /// Nothing could be claimed.
    Idle {
        /// When that may change by time alone; a time that has passed means at any moment.
        next: Option<Timestamp>,
    },
}

/// Carries out runs. Any number of workers, in any number of processes, may share the same state.
#[derive(Debug, Clone)]
pub struct Engine {
    ports: Ports,
    config: EngineConfig,
    wake: Arc<Notify>,
}

/// Why a run stopped before its end.
#[derive(Debug)]
enum Stop {
    /// A port failed.
    Port(PortError),
    /// Too much disappeared at once.
    Halted {
        kind: &'static str,
        missing: u64,
        known: u64,
    },
    /// The process is shutting down.
    Interrupted,
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// Counts by kind, as a run collects them.
type Counts = BTreeMap<&'static str, KindCounts>;

/// The items that could not be read, with the reason. The mirror keeps what it has of them.
type SetAside = BTreeMap<ItemKey, String>;

/// A run in progress: what its steps share.
struct Pass<'a> {
    engine: &'a Engine,
    lease: &'a Lease,
    run: RunId,
    observer: &'a dyn Observer,
    counts: Counts,
    set_aside: SetAside,
}

impl Engine {
    /// An engine. Idle workers go on at once when `wake` is rung.
    pub fn new(ports: Ports, config: EngineConfig, wake: Arc<Notify>) -> Self {
        Self {
            ports,
            config,
            wake,
        }
    }

    /// Works until `shutdown` is cancelled: claims one shop after the other and sleeps while there is nothing to do.
    pub async fn work(&self, observer: &dyn Observer, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            let next = match self.run_next(None, observer, shutdown).await {
                Ok(Step::Ran { .. }) => continue,
                Ok(Step::Idle { next }) => next,
                Err(error) => {
                    log::error!("A worker cannot reach its state: {}", error.chain());
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

    /// Claims a shop (`only` this one, if given) and carries out what is asked of it.
    ///
    /// A failed run is not an error: it is reported, recorded, and put off or given up.
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
        log::info!(shop:%, run:%, trigger:%, full; "The run begins");
        observer.observe(shop, Some(run), &Progress::Started { trigger, full });

        let mut pass = Pass {
            engine: self,
            lease: &claim.lease,
            run,
            observer,
            counts: Counts::new(),
            set_aside: SetAside::new(),
        };
        let ended = tokio::select! {
            biased;
            stopped = self.hold(&claim.lease) => Err(Stop::Port(stopped)),
            () = self.drained(shutdown) => Err(Stop::Interrupted),
            ended = pass.carry_out(claim) => ended,
        };
        let counts = std::mem::take(&mut pass.counts);
        let (outcome, release) = match ended {
            Ok(outcome) => (outcome, Some(Release::Done)),
            Err(reason) => self.conclude(claim, reason).await?,
        };
        let report = RunReport {
            outcome,
            counts: counts
                .into_iter()
                .map(|(kind, counts)| (kind.to_owned(), counts))
                .collect(),
        };
        log_end(shop, run, &report);
        if let (Outcome::Erased, Some(_)) = (&report.outcome, &release) {
            // Erasure took the run's own record and the lease with it.
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

    /// Prolongs the lease for as long as it is polled; ends only when the lease is lost.
    async fn hold(&self, lease: &Lease) -> PortError {
        let clock = &self.ports.clock;
        loop {
            clock
                .sleep_until(clock.now() + self.config.lease_duration / 3)
                .await;
            let until = clock.now() + self.config.lease_duration;
            match self.ports.inbox.renew(lease, until).await {
                Err(error) if error.disposition == Disposition::LeaseLost => return error,
                Err(error) => {
                    log::warn!(shop:% = lease.shop; "The lease was not prolonged: {}", error.chain());
                }
                Ok(()) => {}
            }
        }
    }

    async fn drained(&self, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        let clock = &self.ports.clock;
        clock
            .sleep_until(clock.now() + self.config.drain_timeout)
            .await;
    }

    /// Decides what a stopped run means for its shop.
    async fn conclude(
        &self,
        claim: &Claim,
        reason: Stop,
    ) -> Result<(Outcome, Option<Release>), PortError> {
        let now = self.ports.clock.now();
        let error = match reason {
            Stop::Interrupted => {
                let outcome = failed("the service is shutting down".to_owned(), true);
                return Ok((outcome, Some(Release::Retry { at: now })));
            }
            Stop::Halted {
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
            Stop::Port(error) => error,
        };
        let chain = error.chain();
        Ok(match error.disposition {
            Disposition::LeaseLost => (failed(chain, true), None),
            Disposition::Fail => (failed(chain, false), Some(Release::GiveUp)),
            Disposition::Retry { after } => {
                let asked = after.unwrap_or_default().min(LONGEST_WAIT);
                let wait = self.backoff(claim).max(asked);
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

    /// Doubles with each failure up to the limit, and differs by up to a quarter from shop to shop, so that
    /// shops which failed together do not come back together.
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

impl Pass<'_> {
    async fn carry_out(&mut self, claim: &Claim) -> Result<Outcome, Stop> {
        if claim.erase && self.erase().await? {
            return Ok(Outcome::Erased);
        }
        let outcome = match claim.full {
            Some(full) => self.reconcile(full).await?,
            None => self.refresh().await?,
        };
        self.revive().await?;
        Ok(outcome)
    }

    /// A shop that has just served a run is available.
    async fn revive(&self) -> Result<(), PortError> {
        let registry = &self.engine.ports.registry;
        let shop = registry.find(self.shop()).await?;
        if shop.is_some_and(|shop| matches!(shop.status, ShopStatus::Unavailable(_))) {
            registry.set_status(self.shop(), ShopStatus::Active).await?;
        }
        Ok(())
    }

    /// Erases the shop, unless it is installed again by now and still lets us in. Tells whether it did.
    async fn erase(&self) -> Result<bool, Stop> {
        let ports = &self.engine.ports;
        let shop = &self.lease.shop;
        if let Some(known) = ports.registry.find(shop).await?
            && known.status == ShopStatus::Active
            && ports.catalog.probe(shop).await.is_ok()
        {
            log::warn!(shop:%; "An erasure was asked for, but the shop is installed: nothing was erased");
            return Ok(false);
        }
        let objects = ports.snapshots.erase(shop).await?;
        ports.registry.erase(shop).await?;
        log::info!(shop:%, objects; "Everything known of the shop was erased");
        Ok(true)
    }

    fn shop(&self) -> &ShopDomain {
        &self.lease.shop
    }

    fn count(&mut self, kind: ItemKind) -> &mut KindCounts {
        self.counts.entry(kind.as_str()).or_default()
    }

    /// Goes on without an item, which keeps its place and its bytes in the mirror.
    fn set_aside(&mut self, key: ItemKey, error: &PortError) {
        if self.set_aside.contains_key(&key) {
            return;
        }
        let reason = error.chain();
        log::warn!(shop:% = self.shop(), run:% = self.run, item:% = key;
            "{key} cannot be read and is set aside: {reason}");
        self.set_aside.insert(key, reason);
        self.count(key.kind).failed += 1;
    }

    /// An item could be read, or is gone for certain: it is no longer one to do without.
    fn take_back(&mut self, key: ItemKey) {
        if self.set_aside.remove(&key).is_some() {
            self.count(key.kind).failed -= 1;
        }
    }

    /// Tells how far the reading of a kind is; also before its first item, which may take hours to come.
    fn tell_read(&mut self, run: Option<RunId>, kind: ItemKind) {
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

fn log_end(shop: &ShopDomain, run: RunId, report: &RunReport) {
    match &report.outcome {
        Outcome::Published {
            key,
            bytes,
            generation,
            ..
        } => {
            log::info!(shop:%, run:%, key = key.as_str(), bytes, generation; "The run ends: uploaded {key}, {bytes} bytes");
        }
        Outcome::Unchanged | Outcome::WouldPublish { .. } => {
            log::info!(shop:%, run:%; "The run ends: unchanged, nothing uploaded");
        }
        Outcome::Erased => log::info!(shop:%, run:%; "The run ends: erased"),
        Outcome::Halted {
            kind,
            missing,
            known,
        } => {
            log::error!(shop:%, run:%;
                "The run halts: {missing} of {known} {kind} items disappeared at once; the old snapshot stays \
                 until `shopsync sync {shop} --accept-deletions` confirms that this is meant");
        }
        Outcome::Failed { error, will_retry } => {
            let then = if *will_retry {
                "it will be tried again"
            } else {
                "given up"
            };
            log::error!(shop:%, run:%; "The run failed, {then}: {error}");
        }
    }
}
