use chrono::{DateTime, Utc};

/// A source of the current time: the system's clock or a test's.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> DateTime<Utc>;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the implementation that all other code uses"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
