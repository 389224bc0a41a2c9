//! Implements the `Clock` port on the system clock.

use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use sync_core::Timestamp;
use sync_core::ports::Clock;

/// The system clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The longest single sleep. A wait is split into sleeps of this length, so that it ends soon after the clock is set
/// forward.
const MAX_SLEEP: Duration = Duration::from_secs(30);

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads the system clock"
    )]
    fn now(&self) -> Timestamp {
        Utc::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        while let Ok(left) = (at - self.now()).to_std()
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(MAX_SLEEP)).await;
        }
    }
}
