use async_trait::async_trait;

use crate::Timestamp;

/// The time. Tests move it by hand.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Returns once [`Clock::now`] is `at` or later.
    async fn sleep_until(&self, at: Timestamp);
}
