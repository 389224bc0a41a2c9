//! Limits how often one log line is written, and counts the occurrences it suppresses.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sync_core::Timestamp;

/// Admits at most one log line in each interval.
#[derive(Debug)]
pub(super) struct LogThrottle {
    interval: Duration,
    state: Mutex<ThrottleState>,
}

#[derive(Debug, Default)]
struct ThrottleState {
    last_logged: Option<Timestamp>,
    /// Occurrences since `last_logged` that were not logged.
    suppressed: u64,
}

impl LogThrottle {
    pub(super) fn new(interval: Duration) -> Self {
        let state = Mutex::default();
        Self { interval, state }
    }

    /// Returns the number of suppressed occurrences since the last log line if the interval is over. Otherwise counts
    /// this occurrence as suppressed and returns `None`.
    pub(super) fn admit(&self, now: Timestamp) -> Option<u64> {
        // No code panics while it holds the lock, so the state behind a poisoned lock is consistent.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // `to_std` fails if `last_logged` is in the future: the clock was set back, and the line is admitted.
        let elapsed = state.last_logged.and_then(|at| (now - at).to_std().ok());
        if elapsed.is_some_and(|elapsed| elapsed < self.interval) {
            state.suppressed += 1;
            return None;
        }
        state.last_logged = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn one_line_a_minute_is_admitted_and_the_others_are_counted() {
        let throttle = LogThrottle::new(Duration::from_mins(1));
        let admitted =
            [100, 100, 130, 159, 160, 219, 220].map(|seconds| throttle.admit(at(seconds)));
        let expected = [Some(0), None, None, None, Some(3), None, Some(1)];
        assert_eq!(admitted, expected);
    }

    #[test]
    fn a_clock_that_is_set_back_suppresses_nothing() {
        let throttle = LogThrottle::new(Duration::from_mins(1));
        assert_eq!(throttle.admit(at(1_000_000)), Some(0));
        assert_eq!(throttle.admit(at(0)), Some(0));
        assert_eq!(throttle.admit(at(59)), None);
    }
}
