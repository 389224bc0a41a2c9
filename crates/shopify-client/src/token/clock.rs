use chrono::{DateTime, Utc};

/// What time it is: the service's clock, or a test's.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// This machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that all others take"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
