//! Provides a manual [`Clock`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sync_core::Timestamp;
use sync_core::ports::Clock;
use tokio::sync::watch;

/// A clock that advances only when a test advances it.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<watch::Sender<Timestamp>>);

impl ManualClock {
    /// Creates a clock set to `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(watch::Sender::new(now)))
    }

    /// Advances the clock and wakes the tasks that sleep until then.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }

    /// How many tasks sleep until some time.
    pub fn sleepers(&self) -> usize {
        self.0.receiver_count()
    }

    /// Sets the clock.
    ///
    /// # Panics
    /// If `to` is earlier than the current time.
    pub fn set(&self, to: Timestamp) {
        self.0.send_modify(|now| {
            assert!(
                to >= *now,
                "the clock cannot be set back from {now} to {to}"
            );
            *now = to;
        });
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut time = self.0.subscribe();
        // An error means that the clock was dropped and will never advance.
        if time.wait_for(|now| *now >= at).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
