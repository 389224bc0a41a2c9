//! Provides the time of the simulated shops.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

/// The simulator's time: rate limits restore, tokens expire and webhooks are retried by it.
pub trait SimClock: Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;
    /// Completes when `wait` has passed on this clock.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()>;
}

/// The system's clock, with tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SimClock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that all other code takes as a parameter"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(wait).boxed()
    }
}

/// A clock that stands still until a test advances it.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<watch::Sender<DateTime<Utc>>>,
    sleepers: Arc<Mutex<Vec<DateTime<Utc>>>>,
    asleep: Arc<watch::Sender<u64>>,
}

impl ManualClock {
    /// A clock that starts at `now`.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now: Arc::new(watch::Sender::new(now)),
            sleepers: Arc::default(),
            asleep: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Advances the clock and wakes all sleepers whose time has come.
    pub fn advance(&self, by: Duration) {
        let by = chrono::Duration::from_std(by).unwrap_or(chrono::Duration::MAX);
        self.now.send_modify(|now| *now += by);
        let now = *self.now.borrow();
        self.lock().retain(|until| *until > now);
    }

    /// Completes when at least one task sleeps on this clock.
    pub async fn wait_for_sleeper(&self) {
        let mut asleep = self.asleep.subscribe();
        loop {
            asleep.borrow_and_update();
            if !self.lock().is_empty() {
                return;
            }
            if asleep.changed().await.is_err() {
                return;
            }
        }
    }

    /// The time at which the next sleeper wakes.
    pub fn next_wakeup(&self) -> Option<DateTime<Utc>> {
        self.lock().iter().min().copied()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<DateTime<Utc>>> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimClock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        let wait = chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::MAX);
        let until = self.now() + wait;
        let mut now = self.now.subscribe();
        if until > self.now() {
            self.lock().push(until);
            self.asleep.send_modify(|count| *count += 1);
        }
        async move {
            // An error means that the clock was dropped; then there is nothing to wait for.
            let _ = now.wait_for(|now| *now >= until).await;
        }
        .boxed()
    }
}
