//! Computes the pauses between attempts and parses `Retry-After`.

use std::time::Duration;

use chrono::DateTime;
use rand::Rng;

/// How transient failures are retried: attempts, pauses, and the time limit of a call.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// The maximum number of attempts of a request when Shopify or the network fails. Throttled attempts do not count.
    pub max_attempts: u32,
    /// The maximum pause before the second attempt. It doubles with each further attempt. The actual pause is random,
    /// between half of it and all of it, so that many callers do not retry at the same time.
    pub initial_backoff: Duration,
    /// The upper limit of the doubling.
    pub max_backoff: Duration,
    /// The minimum pause after a throttled attempt. Shopify recommends one second.
    pub throttle_backoff: Duration,
    /// The maximum duration of one call, including pauses. If the next pause would exceed it, the call returns the
    /// error at once.
    pub budget: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            initial_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(20),
            throttle_backoff: Duration::from_secs(1),
            budget: Duration::from_mins(3),
        }
    }
}

impl RetryPolicy {
    /// Returns the pause after `failures` consecutive failures (1 or more): jittered, and at least `retry_after`.
    pub(crate) fn backoff(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        let ceiling = self
            .initial_backoff
            .saturating_mul(doubled)
            .min(self.max_backoff);
        let jittered = ceiling.mul_f64(rand::rng().random_range(0.5..=1.0));
        retry_after.map_or(jittered, |retry_after| retry_after.max(jittered))
    }

    /// Returns the pause after `times` consecutive throttled attempts.
    pub(crate) fn throttle_backoff(&self, times: u32, retry_after: Option<Duration>) -> Duration {
        let longer = self
            .throttle_backoff
            .saturating_mul(times)
            .min(self.max_backoff);
        let jittered = longer.mul_f64(rand::rng().random_range(1.0..=1.25));
        retry_after.map_or(jittered, |retry_after| retry_after.max(jittered))
    }
}

/// Parses `Retry-After`: seconds (Shopify also sends `2.0`) or an HTTP date. A date is compared with the response's own
/// `Date` header, so the local clock does not matter. RFC 9110, section 10.2.3.
pub(crate) fn parse_retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = DateTime::parse_from_rfc2822(value).ok()?;
    let now = DateTime::parse_from_rfc2822(date?.trim()).ok()?;
    Some((until - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = Some("Tue, 24 Nov 2026 12:00:00 GMT");
        for (value, seconds) in [
            ("2", Some(2.0)),
            ("2.5", Some(2.5)),
            (" 0 ", Some(0.0)),
            ("Tue, 24 Nov 2026 12:01:30 GMT", Some(90.0)),
            ("Tue, 24 Nov 2026 11:59:00 GMT", Some(0.0)),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("soon", None),
            ("", None),
        ] {
            let read = parse_retry_after(value, date).map(|duration| duration.as_secs_f64());
            assert_eq!(read, seconds, "{value}");
        }
        assert_eq!(
            parse_retry_after("Tue, 24 Nov 2026 12:01:30 GMT", None),
            None
        );
        assert_eq!(
            parse_retry_after("Tue, 24 Nov 2026 12:01:30 GMT", Some("noon")),
            None
        );
    }

    #[test]
    fn backoff_doubles_up_to_its_maximum_and_respects_retry_after() {
        let policy = RetryPolicy::default();
        for (failures, ceiling) in [
            (1, 0.5),
            (2, 1.0),
            (3, 2.0),
            (6, 16.0),
            (7, 20.0),
            (99, 20.0),
        ] {
            for _ in 0..50 {
                let pause = policy.backoff(failures, None).as_secs_f64();
                assert!(
                    (ceiling / 2.0..=ceiling).contains(&pause),
                    "{failures}: {pause}"
                );
            }
        }
        let retry_after = Duration::from_mins(1);
        assert_eq!(policy.backoff(1, Some(retry_after)), retry_after);
        assert_eq!(policy.throttle_backoff(1, Some(retry_after)), retry_after);
        for times in 1..50 {
            let pause = policy.throttle_backoff(times, None);
            assert!(pause >= policy.throttle_backoff && pause <= Duration::from_secs(25));
        }
    }
}
