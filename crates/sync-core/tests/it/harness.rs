//! Provides an engine with in-memory ports for one installed shop.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use sync_core::engine::{Engine, EngineConfig, Ports, Step};
use sync_core::intake::{Intake, IntakeOutcome};
use sync_core::ports::{Inbox, Mirror, RunLog, ShopRegistry};
use sync_core::progress::NoopObserver;
use sync_core::{
    ClaimOutcome, DeliverySubject, FullScan, ItemKey, Outcome, RunReport, ShopDomain, Timestamp,
    Trigger, WorkRequest,
};
use sync_db::{Config, Database, TokenCipher};
use testkit::{FakeCatalog, ManualClock, MemorySnapshots, at, delivery, installation, shop};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub(crate) struct Harness {
    pub(crate) catalog: FakeCatalog,
    pub(crate) snapshots: MemorySnapshots,
    pub(crate) state: Database,
    pub(crate) clock: ManualClock,
    pub(crate) wake: Arc<Notify>,
    pub(crate) engine: Engine,
    pub(crate) intake: Intake,
}

pub(crate) const DEBOUNCE: Duration = Duration::from_secs(1);

impl Harness {
    /// Creates a harness with the installed shop `a.myshopify.com` and an empty mirror.
    pub(crate) async fn new() -> Self {
        let cipher = TokenCipher::derive_from(&SecretString::from("test"));
        let connecting = Database::connect("sqlite::memory:", Config::new(cipher));
        let state = connecting.await.unwrap();
        let harness = Self::on(state, at("2026-11-24T12:00:00Z"));
        let installation = installation(&Self::shop(), harness.now());
        harness.state.install(&installation).await.unwrap();
        harness
    }

    fn on(state: Database, now: Timestamp) -> Self {
        let catalog = FakeCatalog::new();
        let snapshots = MemorySnapshots::new();
        let clock = ManualClock::new(now);
        let wake = Arc::new(Notify::new());
        let ports = Ports {
            catalog: Arc::new(catalog.clone()),
            snapshots: Arc::new(snapshots.clone()),
            registry: Arc::new(state.clone()),
            inbox: Arc::new(state.clone()),
            mirror: Arc::new(state.clone()),
            runs: Arc::new(state.clone()),
            clock: Arc::new(clock.clone()),
        };
        let intake = Intake::new(
            Arc::new(state.clone()),
            Arc::new(state.clone()),
            Arc::new(clock.clone()),
            wake.clone(),
            DEBOUNCE,
        );
        let engine = Engine::new(ports, EngineConfig::default(), wake.clone());
        Self {
            catalog,
            snapshots,
            state,
            clock,
            wake,
            engine,
            intake,
        }
    }

    /// The only shop.
    pub(crate) fn shop() -> ShopDomain {
        shop("a")
    }

    pub(crate) fn now(&self) -> Timestamp {
        sync_core::ports::Clock::now(&self.clock)
    }

    /// Requests a full scan and carries it out.
    pub(crate) async fn scan(&self) -> RunReport {
        self.request(&WorkRequest::full(Trigger::Manual)).await;
        self.run().await.expect("a scan was requested")
    }

    /// The same, with mass deletions confirmed.
    pub(crate) async fn scan_accepting_deletions(&self) -> RunReport {
        let full = FullScan {
            trigger: Trigger::Manual,
            accept_deletions: true,
        };
        let request = WorkRequest {
            full: Some(full),
            ..WorkRequest::default()
        };
        self.request(&request).await;
        self.run().await.expect("a scan was requested")
    }

    pub(crate) async fn request(&self, request: &WorkRequest) {
        self.state
            .request(&Self::shop(), request, self.now())
            .await
            .unwrap();
    }

    /// Carries out one run, if anything is due.
    pub(crate) async fn run(&self) -> Option<RunReport> {
        let shutdown = CancellationToken::new();
        match self
            .engine
            .run_next(None, &NoopObserver, &shutdown)
            .await
            .unwrap()
        {
            Step::Ran { report, .. } => Some(report),
            Step::Idle { .. } => None,
        }
    }

    /// Delivers a webhook about an item.
    pub(crate) async fn deliver(&self, id: &str, key: ItemKey) -> IntakeOutcome {
        self.deliver_subject(id, DeliverySubject::Item(key)).await
    }

    pub(crate) async fn deliver_subject(
        &self,
        id: &str,
        subject: DeliverySubject,
    ) -> IntakeOutcome {
        let delivery = delivery(&Self::shop(), id, subject, self.now());
        self.intake.receive(&delivery).await.unwrap()
    }

    /// Advances the clock past the debounce and carries out a run.
    pub(crate) async fn settle(&self) -> Option<RunReport> {
        self.clock.advance(DEBOUNCE);
        self.run().await
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.snapshots.lines(&Self::shop()).unwrap_or_default()
    }

    pub(crate) async fn counted(&self) -> u64 {
        self.state
            .counts(&Self::shop())
            .await
            .unwrap()
            .values()
            .sum()
    }

    pub(crate) async fn last_outcome(&self) -> Outcome {
        let runs = self.state.recent(None, 1).await.unwrap();
        runs[0].finished.clone().unwrap().1.outcome
    }

    /// Whether no work is left, due or not. Claims nothing: nothing is due at this time.
    pub(crate) async fn is_settled(&self) -> bool {
        let past = Timestamp::UNIX_EPOCH;
        let outcome = self.state.claim(None, past, past).await.unwrap();
        outcome == ClaimOutcome::Idle { next: None }
    }
}
