use std::time::Duration;

use chrono::DateTime;
use rand::Rng;

/// How failures that pass by themselves are waited for.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// How often a request may be sent in all, when Shopify or the network fails. Throttled requests do not count.
    pub max_attempts: u32,
    /// The longest pause before the second attempt; it doubles with each further one. The pause taken is a random
    /// part of it, so that many callers do not come back at once.
    pub initial_backoff: Duration,
    /// The doubling stops here.
    pub max_backoff: Duration,
    /// The least pause after being throttled. Shopify advises one second.
    pub throttle_backoff: Duration,
    /// How long one call may be tried and waited for in all. Beyond it, and at once when the other side asks for more,
    /// the caller gets the error.
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
    /// The pause after `failures` failures in a row (1 or more), jittered, at least what the other side asked for.
    pub(crate) fn backoff(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        let ceiling = self
            .initial_backoff
            .saturating_mul(doubled)
            .min(self.max_backoff);
        let jittered = ceiling.mul_f64(rand::rng().random_range(0.5..=1.0));
        retry_after.map_or(jittered, |retry_after| retry_after.max(jittered))
    }

    /// The pause after being throttled for the `times`th time in a row.
    pub(crate) fn throttle_backoff(&self, times: u32, retry_after: Option<Duration>) -> Duration {
        let longer = self
            .throttle_backoff
            .saturating_mul(times)
            .min(self.max_backoff);
        let jittered = longer.mul_f64(rand::rng().random_range(1.0..=1.25));
        retry_after.map_or(jittered, |retry_after| retry_after.max(jittered))
    }
}

/// Reads `Retry-After`: seconds (Shopify sends `2.0` as well) or an HTTP date, which is compared with the answer's own
/// `Date` so that this machine's clock does not matter. RFC 9110, 10.2.3.
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
    fn pauses_double_up_to_the_longest_and_are_never_shorter_than_asked() {
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
