//! Caches one shop's token, its running renewal, and the pause after a failure.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinSet;

use super::TokenRecord;
use super::shared::SharedState;
use crate::TokenError;

/// A known token, and when to renew it.
#[derive(Debug, Clone)]
pub(super) struct KnownToken {
    pub(super) record: TokenRecord,
    pub(super) renew_at: Option<DateTime<Utc>>,
}

impl KnownToken {
    pub(super) fn token(&self) -> SecretString {
        self.record.token.access_token.clone()
    }

    fn is_token(&self, other: &SecretString) -> bool {
        self.record.token.access_token.expose_secret() == other.expose_secret()
    }

    /// Whether it is unexpired and other than `rejected`.
    pub(super) fn is_usable(&self, rejected: Option<&SecretString>, now: DateTime<Utc>) -> bool {
        self.record.token.is_unexpired(now)
            && !rejected.is_some_and(|rejected| self.is_token(rejected))
    }

    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.renew_at.is_some_and(|at| at <= now)
    }
}

/// The outcome of a renewal: the stored token, as far as it could be read, and the error if it was not renewed.
#[derive(Debug, Clone)]
pub(super) struct RenewalOutcome {
    pub(super) known: Option<KnownToken>,
    pub(super) error: Option<TokenError>,
    /// Shopify's `Retry-After`, with the error.
    pub(super) retry_after: Duration,
    /// The token was read for the first time and is due: it is renewed next.
    pub(super) first_read: bool,
}

impl RenewalOutcome {
    /// The outcome of a renewal that panicked, for instance in the store. The panic hook has reported it.
    pub(super) fn panicked(known: Option<KnownToken>) -> Self {
        Self {
            known,
            error: Some(TokenError::temporary("the renewal panicked")),
            retry_after: Duration::ZERO,
            first_read: false,
        }
    }
}

pub(super) type CacheEntry = Mutex<EntryState>;
pub(super) type SharedRenewal = Shared<BoxFuture<'static, RenewalOutcome>>;

/// The cached state of one shop.
#[derive(Default)]
pub(super) struct EntryState {
    pub(super) known: Option<KnownToken>,
    /// The running renewal, which all callers await. The driver task polls it, so that a caller that gives up neither
    /// loses the response nor blocks a resource of the store, such as a connection.
    pub(super) renewal: Option<SharedRenewal>,
    /// The running renewal may have read the store before it changed: its outcome is ignored.
    pub(super) stale: bool,
    /// The driver task. It is aborted when the entry is dropped, so that unused tokens send no requests.
    driver: JoinSet<()>,
    pause: Option<Pause>,
    failures: u32,
    /// The version for which Shopify requires a new authorization by the merchant.
    pub(super) reauthorize_version: Option<u64>,
}

/// A pause in which no request is sent. It does not apply before `since`, so that a clock that is set back does not
/// extend it.
#[derive(Clone)]
pub(super) struct Pause {
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    /// The error that callers get until then. Without it, the pause applies only to callers that have a usable token.
    pub(super) error: Option<TokenError>,
}

/// The maximum pause, whatever `Retry-After` says.
const MAX_PAUSE: Duration = Duration::from_hours(24);

impl Pause {
    fn new(since: DateTime<Utc>, length: Duration, error: Option<TokenError>) -> Self {
        Self {
            since,
            until: since + length.min(MAX_PAUSE),
            error,
        }
    }
}

pub(super) fn lock(entry: &CacheEntry) -> MutexGuard<'_, EntryState> {
    // No code panics while it holds the lock, so the values are consistent even if the lock is poisoned.
    entry.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EntryState {
    pub(super) fn usable(
        &self,
        rejected: Option<&SecretString>,
        now: DateTime<Utc>,
    ) -> Option<KnownToken> {
        let known = self.known.as_ref();
        known
            .filter(|known| known.is_usable(rejected, now))
            .cloned()
    }

    pub(super) fn active_pause(&self, now: DateTime<Utc>) -> Option<Pause> {
        let pause = self.pause.clone();
        pause.filter(|pause| (pause.since..pause.until).contains(&now))
    }

    /// Keeps the running renewal: a second one would use the same refresh token concurrently.
    pub(super) fn forget(&mut self) {
        *self = Self {
            stale: self.renewal.is_some(),
            renewal: self.renewal.take(),
            driver: std::mem::take(&mut self.driver),
            ..Self::default()
        };
    }

    /// Starts a renewal. None may be running.
    pub(super) fn begin(
        &mut self,
        entry: &Arc<CacheEntry>,
        shared: Arc<SharedState>,
        renewal: impl Future<Output = RenewalOutcome> + Send + 'static,
    ) -> SharedRenewal {
        let (entry, known) = (Arc::downgrade(entry), self.known.clone());
        // A panic of the store becomes an error for the waiting callers, instead of a panic for all later callers of
        // the shop.
        let caught = AssertUnwindSafe(renewal).catch_unwind();
        let result = Arc::new(Mutex::new(None));
        let returned = Arc::clone(&result);
        let task = shared.wrap_renewal(Box::pin(async move {
            let caught = caught.await.ok();
            *returned.lock().unwrap_or_else(PoisonError::into_inner) = caught;
        }));
        let renewal = task.map(move |()| {
            let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
            result
                .take()
                .unwrap_or_else(|| RenewalOutcome::panicked(known))
        });
        let renewal = renewal.boxed().shared();
        let driven = renewal.clone();
        self.driver = JoinSet::new();
        self.driver.spawn(async move {
            let outcome = driven.clone().await;
            if let Some(entry) = entry.upgrade() {
                lock(&entry).record(&driven, &outcome, &shared);
            }
        });
        self.renewal = Some(renewal.clone());
        renewal
    }

    /// Records the outcome of a renewal, unless it is already recorded.
    pub(super) fn record(
        &mut self,
        renewal: &SharedRenewal,
        outcome: &RenewalOutcome,
        shared: &SharedState,
    ) {
        let is_current = |current: &SharedRenewal| current.ptr_eq(renewal);
        if self
            .renewal
            .take_if(|current| is_current(current))
            .is_none()
        {
            return;
        }
        if std::mem::take(&mut self.stale) {
            return;
        }
        let now = shared.clock.now();
        self.known.clone_from(&outcome.known);
        let Some(error) = &outcome.error else {
            self.failures = 0;
            self.reauthorize_version = None;
            // Still due: another process is renewing it.
            let due = outcome.known.as_ref().filter(|_| !outcome.first_read);
            let due = due.is_some_and(|known| known.is_due(now));
            self.pause = due.then(|| Pause::new(now, Duration::from_secs(1), None));
            return;
        };
        if error.reauthorize {
            self.reauthorize_version = outcome.known.as_ref().map(|known| known.record.version);
        }
        self.failures += 1;
        let pause = shared.pause(self.failures).max(outcome.retry_after);
        self.pause = Some(Pause::new(now, pause, Some(error.clone())));
    }
}
