//! Provides an engine with in-memory ports for one installed shop.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use sync_core::engine::{Engine, EngineConfig, Ports, Step};
use sync_core::intake::{Intake, IntakeOutcome};
use sync_core::ports::{
    Inbox, Mirror, PublicationState, Publications, Publisher, RunLog, ShopRegistry,
};
use sync_core::progress::{Event, NoopObserver, Observer};
use sync_core::{
    ClaimOutcome, DeliverySubject, ItemKey, Outcome, RunReport, ShopDomain, Timestamp, Trigger,
    WorkRequest,
};
use sync_db::{Config, Database, TokenCipher};
use testkit::{FakeCatalog, ManualClock, MemorySnapshots, at, delivery, installation, shop};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct Harness {
    pub(crate) catalog: FakeCatalog,
    pub(crate) snapshots: MemorySnapshots,
    pub(crate) state: Database,
    pub(crate) clock: ManualClock,
    pub(crate) wake: Arc<Notify>,
    pub(crate) engine: Engine,
    ports: Ports,
    /// What the intake observes.
    pub(crate) events: RecordedEvents,
    pub(crate) intake: Intake,
}

/// Stores events in their order.
#[derive(Clone, Default)]
pub(crate) struct RecordedEvents(Arc<Mutex<Vec<Event>>>);

impl RecordedEvents {
    /// The events since the last call.
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for RecordedEvents {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
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
        let events = RecordedEvents::default();
        let ports = Ports {
            catalog: Arc::new(catalog.clone()),
            publisher: Arc::new(snapshots.clone()),
            registry: Arc::new(state.clone()),
            inbox: Arc::new(state.clone()),
            mirror: Arc::new(state.clone()),
            publications: Arc::new(state.clone()),
            runs: Arc::new(state.clone()),
            clock: Arc::new(clock.clone()),
        };
        let intake = Intake::new(
            Arc::new(state.clone()),
            Arc::new(state.clone()),
            Arc::new(clock.clone()),
            wake.clone(),
            Arc::new(events.clone()),
            DEBOUNCE,
        );
        let engine = Engine::new(ports.clone(), EngineConfig::default(), wake.clone());
        Self {
            catalog,
            snapshots,
            state,
            clock,
            wake,
            engine,
            ports,
            events,
            intake,
        }
    }

    /// Starts a worker that looks for work only when it is woken, until `shutdown` is cancelled.
    pub(crate) fn start_worker(&self, shutdown: &CancellationToken) -> JoinHandle<()> {
        let config = EngineConfig {
            idle_poll: Duration::from_hours(24),
            ..EngineConfig::default()
        };
        let engine = Engine::new(self.ports.clone(), config, self.wake.clone());
        let shutdown = shutdown.clone();
        tokio::spawn(async move { engine.work(&NoopObserver, &shutdown).await })
    }

    /// Waits until the only worker sleeps.
    pub(crate) async fn worker_sleeps(&self) {
        until(|| self.clock.sleepers() == 1).await;
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
        let request = WorkRequest::full(Trigger::Manual).accepting_deletions();
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

    pub(crate) async fn publication(&self) -> PublicationState {
        let layout = self.snapshots.layout();
        let state = self.state.publication_state(&Self::shop(), layout).await;
        state.unwrap()
    }

    /// Whether no work is left, due or not. Claims nothing: nothing is due at this time.
    pub(crate) async fn is_settled(&self) -> bool {
        let past = Timestamp::UNIX_EPOCH;
        let outcome = self.state.claim(None, past, past).await.unwrap();
        outcome == ClaimOutcome::Idle { next: None }
    }
}

/// Waits until a condition holds that another task brings about, and fails after ten seconds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), holds).await;
    waited.expect("the condition should hold");
}
