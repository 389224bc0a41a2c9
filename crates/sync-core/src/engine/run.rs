//! Carries out a run: the claimed work of one shop, kind by kind, and decides what a failure means for each.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::tally::Tally;
use super::{Engine, Step};
use crate::progress::{Event, Observer, Progress};
use crate::{
    Claim, ClaimedWork, DirtyItem, Disposition, ItemFailure, ItemKind, Lease, Outcome, PortError,
    RunId, RunReport, Settlement, ShopDomain, ShopEvent, ShopStatus, Trigger, WorkArguments,
    WorkKind, WorkOutcome,
};

/// The longest `Retry-After` delay that is respected. A longer one is cut to this.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Why work of one kind stopped before its end.
#[derive(Debug)]
pub(super) enum RunError {
    /// A port failed.
    Port(PortError),
    /// More items are missing than the limit permits.
    Halted {
        kind: &'static str,
        missing: u64,
        known: u64,
    },
}

impl From<PortError> for RunError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// Whether the run goes on with its other kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    /// Nothing else can succeed.
    Stop,
    /// The lease is lost or the shop erased: there is nothing to release.
    Leave,
}

/// The state of a run in progress, shared by its kinds of work.
pub(super) struct RunContext<'a> {
    pub(super) engine: &'a Engine,
    pub(super) lease: &'a Lease,
    pub(super) run: RunId,
    pub(super) observer: &'a dyn Observer,
    pub(super) tally: Tally,
    trigger: Trigger,
    /// The claimed work that was not begun.
    pending: BTreeMap<WorkKind, ClaimedWork>,
    /// What to release the finished and the failed kinds with.
    outcomes: Vec<(WorkKind, WorkOutcome)>,
    /// How the kinds ended, for the report.
    results: Vec<(WorkKind, Outcome)>,
}

impl Engine {
    pub(super) async fn run(
        &self,
        claim: &Claim,
        observer: &dyn Observer,
        shutdown: &CancellationToken,
    ) -> Result<Step, PortError> {
        let shop = &claim.lease.shop;
        let scan = claim.get(WorkKind::Scan);
        let full = scan.is_some();
        let trigger = scan
            .or(claim.work.first())
            .map_or(Trigger::default(), |work| work.trigger);
        let (runs, clock) = (&self.ports.runs, &self.ports.clock);
        let run = runs.start(shop, trigger, full, clock.now()).await?;
        log::info!(shop:%, run:%, trigger:%, full; "Run started");
        let work = claim.work.iter().cloned();
        let mut context = RunContext {
            engine: self,
            lease: &claim.lease,
            run,
            observer,
            tally: Tally::default(),
            trigger,
            pending: work.map(|work| (work.kind, work)).collect(),
            outcomes: Vec::new(),
            results: Vec::new(),
        };
        context.report_progress(Progress::Started { trigger, full });
        let next = tokio::select! {
            biased;
            lost = self.renew_lease(&claim.lease, observer) => context.stop(lost.chain(), Next::Leave),
            () = self.drain_deadline(shutdown) => {
                context.stop("the service is shutting down".to_owned(), Next::Stop)
            }
            ended = context.execute() => ended?,
        };
        let report = context.report();
        log_outcome(shop, run, &report);
        let step = Step::Ran {
            shop: shop.clone(),
            run,
            report: report.clone(),
        };
        // An erasure has deleted the run's record and the lease.
        if report.outcome != Outcome::Erased {
            runs.finish(run, &report, clock.now()).await?;
        }
        if next != Next::Leave {
            let inbox = &self.ports.inbox;
            match inbox.release(&claim.lease, &context.outcomes).await {
                Err(error) if error.disposition == Disposition::LeaseLost => {}
                released => released?,
            }
        }
        context.report_progress(Progress::Finished(report));
        Ok(step)
    }

    /// Renews the lease every third of its duration. Returns only when the lease is lost.
    async fn renew_lease(&self, lease: &Lease, observer: &dyn Observer) -> PortError {
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
                Ok(()) => {
                    let shop = lease.shop.clone();
                    observer.observe(&Event::LeaseRenewed { shop });
                }
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

    /// The delay before the next attempt: doubles with each failure up to the limit, plus up to a quarter that depends on
    /// the shop, so that shops that failed together are not retried together.
    fn backoff(&self, shop: &ShopDomain, attempts: u32) -> Duration {
        let doubled = self
            .config
            .retry_base
            .saturating_mul(1 << attempts.min(20))
            .min(self.config.retry_max);
        let mut hasher = DefaultHasher::new();
        (shop.as_str(), attempts).hash(&mut hasher);
        let quarter = u32::try_from(hasher.finish() % 256).unwrap_or_default();
        doubled + doubled * quarter / 1024
    }
}

impl RunContext<'_> {
    /// Carries out the claimed work in the order of the kinds, each kind by its function. A failed one does not hold back
    /// the others, unless they would fail too.
    async fn execute(&mut self) -> Result<Next, PortError> {
        while let Some((kind, work)) = self.pending.pop_first() {
            let ended = match kind {
                WorkKind::Erase => self.erase().await,
                WorkKind::Subscribe => self.subscribe().await,
                WorkKind::Scan => self.scan(work.arguments).await,
                WorkKind::Refresh => self.refresh().await,
                WorkKind::Publish => self.publish().await,
            };
            let next = match ended {
                Ok(outcome) => {
                    let erased = outcome == Outcome::Erased;
                    self.results.push((kind, outcome));
                    self.outcomes.push((kind, WorkOutcome::Done));
                    if erased { Next::Leave } else { Next::Continue }
                }
                Err(error) => self.fail(&work, error).await?,
            };
            if next != Next::Continue {
                return Ok(next);
            }
        }
        Ok(Next::Continue)
    }

    /// Decides when failed work is tried again, and whether the run goes on.
    async fn fail(&mut self, work: &ClaimedWork, error: RunError) -> Result<Next, PortError> {
        let ports = &self.engine.ports;
        let kind = work.kind;
        let error = match error {
            RunError::Port(error) => error,
            RunError::Halted {
                kind: items,
                missing,
                known,
            } => {
                let error = format!("{missing} of {known} {items} items are missing");
                self.outcomes.push((kind, WorkOutcome::Dead { error }));
                let kind_name = items.to_owned();
                let halted = Outcome::Halted {
                    kind: kind_name,
                    missing,
                    known,
                };
                self.results.push((kind, halted));
                return Ok(Next::Continue);
            }
        };
        let chain = error.chain();
        let retry = error.disposition != Disposition::Fail;
        self.results.push((
            kind,
            Outcome::Failed {
                error: chain.clone(),
                will_retry: retry,
                catalogue_read: kind == WorkKind::Publish,
            },
        ));
        log::warn!(shop:% = self.shop(), run:% = self.run, kind:%; "Could not finish the work `{kind}`: {chain}");
        let now = ports.clock.now();
        match error.disposition {
            Disposition::LeaseLost => return Ok(Next::Leave),
            Disposition::Fail => {
                let dead = WorkOutcome::Dead { error: chain };
                self.outcomes.push((kind, dead));
            }
            Disposition::Retry { after } => {
                let requested = after.unwrap_or_default().min(MAX_RETRY_AFTER);
                let backoff = self.engine.backoff(self.shop(), work.attempts);
                let at = now + backoff.max(requested);
                let retry = WorkOutcome::Retry { at, error: chain };
                self.outcomes.push((kind, retry));
            }
            Disposition::ShopUnavailable { reason } => {
                self.change_status(ShopEvent::Refused(reason)).await?;
                let at = now + self.engine.config.unavailable_recheck;
                let kinds = std::mem::take(&mut self.pending).into_keys();
                for kind in kinds.chain([kind]) {
                    let error = chain.clone();
                    self.outcomes.push((kind, WorkOutcome::Retry { at, error }));
                }
                return Ok(Next::Stop);
            }
        }
        // Nothing must be read or published of a shop that is to be erased.
        Ok(if kind == WorkKind::Erase {
            Next::Stop
        } else {
            Next::Continue
        })
    }

    /// Ends the run in the middle of its work, which stays claimed until the lease is released or expires.
    fn stop(&mut self, error: String, next: Next) -> Next {
        let failed = Outcome::Failed {
            error,
            will_retry: true,
            catalogue_read: false,
        };
        self.results.push((WorkKind::Scan, failed));
        next
    }

    /// The report: the first failure, or else what was published. The subscriptions count only if there was nothing else
    /// to do; their failure is logged and retried.
    fn report(&self) -> RunReport {
        let is_failure =
            |outcome: &Outcome| matches!(outcome, Outcome::Failed { .. } | Outcome::Halted { .. });
        let only_subscribed = |kind| kind == WorkKind::Subscribe && self.results.len() > 1;
        let results = || {
            let results = self.results.iter();
            results
                .filter(|(kind, _)| !only_subscribed(*kind))
                .map(|(_, outcome)| outcome)
        };
        let outcome = results()
            .find(|outcome| is_failure(outcome))
            .or(results().next_back());
        RunReport {
            outcome: outcome.cloned().unwrap_or(Outcome::Unchanged),
            counts: self.tally.report(),
        }
    }

    /// Stores what a scan or a refresh has read, and with it that publishing is due: after every scan, which thereby repairs
    /// what was changed in the Space, and after a refresh that changed the mirror of a shop whose first scan has succeeded.
    pub(super) async fn settle(
        &mut self,
        kind: WorkKind,
        done: Vec<DirtyItem>,
        failed: Vec<ItemFailure>,
    ) -> Result<Outcome, RunError> {
        let ports = &self.engine.ports;
        let scanned = kind == WorkKind::Scan;
        let publish = scanned || self.is_unpublished().await?;
        let settlement = Settlement {
            at: ports.clock.now(),
            done,
            failed,
            scanned,
            finished: Some(kind),
            publish: publish.then_some(self.trigger),
        };
        let publish_now = ports.inbox.settle(self.lease, &settlement).await?;
        self.change_status(ShopEvent::Served).await?;
        if publish_now {
            let work = ClaimedWork {
                kind: WorkKind::Publish,
                trigger: self.trigger,
                arguments: WorkArguments::default(),
                attempts: 0,
            };
            self.pending.insert(work.kind, work);
        } else if publish && !self.pending.contains_key(&WorkKind::Publish) {
            let waiting = Outcome::Failed {
                error: "publishing has failed before and waits for its retry".to_owned(),
                will_retry: true,
                catalogue_read: true,
            };
            self.results.push((WorkKind::Publish, waiting));
        }
        Ok(Outcome::Unchanged)
    }

    /// Nothing is published before the first full scan has succeeded, because the mirror is incomplete until then.
    async fn is_unpublished(&self) -> Result<bool, PortError> {
        let ports = &self.engine.ports;
        let shop = ports.registry.find(self.shop()).await?;
        if shop.is_none_or(|shop| shop.reconciled_at.is_none()) {
            return Ok(false);
        }
        let layout = ports.publisher.layout();
        let state = ports
            .publications
            .publication_state(self.shop(), layout)
            .await?;
        Ok(state.is_behind())
    }

    /// Erases the shop's data. Erases nothing if the shop is installed again and its token works.
    async fn erase(&mut self) -> Result<Outcome, RunError> {
        let ports = &self.engine.ports;
        let shop = &self.lease.shop;
        if let Some(known) = ports.registry.find(shop).await?
            && known.status == ShopStatus::Active
            && ports.catalog.probe(shop).await.is_ok()
        {
            log::warn!(shop:%; "Ignored a request to erase the shop: it is installed again");
            return Ok(Outcome::Unchanged);
        }
        let objects = ports.publisher.erase(shop).await?;
        ports.registry.erase(shop).await?;
        log::info!(shop:%, objects; "Erased all data of the shop");
        Ok(Outcome::Erased)
    }

    pub(super) fn shop(&self) -> &ShopDomain {
        &self.lease.shop
    }

    async fn change_status(&self, event: ShopEvent) -> Result<(), PortError> {
        let registry = &self.engine.ports.registry;
        if let Some(status) = registry.change_status(self.shop(), event).await? {
            let shop = self.shop().clone();
            self.observer
                .observe(&Event::StatusChanged { shop, status });
        }
        Ok(())
    }

    pub(super) fn report_progress(&self, progress: Progress) {
        self.observer.observe(&Event::Run {
            shop: self.shop().clone(),
            run: Some(self.run),
            progress,
        });
    }

    /// Reports how many items of a kind were read. Called before the first item too, which can take hours to arrive.
    pub(super) fn report_read(&mut self, kind: ItemKind) {
        let progress = self.tally.progress(kind);
        self.report_progress(progress);
    }
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
        Outcome::Failed {
            error,
            will_retry,
            catalogue_read,
        } => {
            let then = match (will_retry, catalogue_read) {
                (true, true) => "the catalogue was read and will be published later",
                (true, false) => "retrying later",
                (false, _) => "giving up",
            };
            log::error!(shop:%, run:%; "Run failed, {then}: {error}");
        }
    }
}
