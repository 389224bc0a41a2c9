//! What is known of one shop's token.

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

/// A token that is known, and when it is to be followed by another.
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

    /// Whether it will do for somebody who has had `rejected` refused.
    pub(super) fn is_usable(&self, rejected: Option<&SecretString>, now: DateTime<Utc>) -> bool {
        self.record.token.is_unexpired(now)
            && !rejected.is_some_and(|rejected| self.is_token(rejected))
    }

    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.renew_at.is_some_and(|at| at <= now)
    }
}

/// What a renewal comes to: what is in the store now, as far as it could be read, and why it is not newer.
#[derive(Debug, Clone)]
pub(super) struct RenewalOutcome {
    pub(super) known: Option<KnownToken>,
    pub(super) error: Option<TokenError>,
    /// How long Shopify asked to be left alone, with the error.
    pub(super) retry_after: Duration,
    /// The token was read for the first time and is due: what is renewed next.
    pub(super) first_read: bool,
}

impl RenewalOutcome {
    /// Of a renewal that ended with a panic, of the store for instance, which has been reported as such.
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

/// What is known of one shop.
#[derive(Default)]
pub(super) struct EntryState {
    pub(super) known: Option<KnownToken>,
    /// What is under way, to be awaited by everybody who needs it. It goes on by itself: a caller that gives up costs
    /// no answer, and nothing that the store holds for it, such as a connection, stays held.
    pub(super) renewal: Option<SharedRenewal>,
    /// It may have read the store before that was changed: its outcome is no news.
    pub(super) stale: bool,
    /// Drives it. Ends with this, so that tokens which nobody has any more ask for nothing.
    driver: JoinSet<()>,
    pause: Option<Pause>,
    failures: u32,
    /// The version for which Shopify has said that the merchant must be asked.
    pub(super) reauthorize_version: Option<u64>,
}

/// Nothing is asked for a while: not before `since` either, lest a clock that is set back prolongs it.
#[derive(Clone)]
pub(super) struct Pause {
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    /// What callers are told until then. Without it, the pause is for those who have a token that will do.
    pub(super) error: Option<TokenError>,
}

/// No pause is longer, whatever Shopify asks for.
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
    // Nothing panics while it is held, so a poisoned lock still guards whole values.
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

    /// What is under way goes on: a second one beside it would use the same refresh token at the same time.
    pub(super) fn forget(&mut self) {
        *self = Self {
            stale: self.renewal.is_some(),
            renewal: self.renewal.take(),
            driver: std::mem::take(&mut self.driver),
            ..Self::default()
        };
    }

    /// Begins a renewal. There must be none under way.
    pub(super) fn begin(
        &mut self,
        entry: &Arc<CacheEntry>,
        shared: Arc<SharedState>,
        renewal: impl Future<Output = RenewalOutcome> + Send + 'static,
    ) -> SharedRenewal {
        let (entry, known) = (Arc::downgrade(entry), self.known.clone());
        // A store's panic costs its callers an error, not all of the shop's callers to come a panic.
        let caught = AssertUnwindSafe(renewal).catch_unwind();
        let renewal =
            caught.map(|result| result.unwrap_or_else(|_| RenewalOutcome::panicked(known)));
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

    /// Notes what a renewal came to, unless somebody has.
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
            // Due nevertheless: another process is at it.
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
