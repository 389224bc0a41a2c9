use async_trait::async_trait;

use crate::Timestamp;

/// The source of the current time. Tests use a manual one.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// Returns once [`Clock::now`] is `at` or later.
    async fn sleep_until(&self, at: Timestamp);
}
