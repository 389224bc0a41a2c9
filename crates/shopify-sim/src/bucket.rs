//! Implements the leaky bucket that limits an app's calls to a shop.
//!
//! Source: Shopify, "GraphQL Admin API rate limits".

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The size of an app's rate limit bucket, in points, as `throttleStatus` reports it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketSize {
    /// The bucket's capacity, in points.
    pub maximum: f64,
    /// Points restored each second.
    pub restore_rate: f64,
}

impl Default for BucketSize {
    /// A shop on Shopify's standard plan.
    fn default() -> Self {
        Self {
            maximum: 2_000.0,
            restore_rate: 100.0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Bucket {
    size: BucketSize,
    available: f64,
    at: DateTime<Utc>,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a cost is at most a few thousand points"
)]
impl Bucket {
    pub(crate) fn new(size: BucketSize, now: DateTime<Utc>) -> Self {
        Self {
            size,
            available: size.maximum,
            at: now,
        }
    }

    /// Takes `points` out of the bucket. Takes nothing and returns `false` if there are too few.
    pub(crate) fn take(&mut self, points: u64, now: DateTime<Utc>) -> bool {
        self.restore(now);
        let enough = self.available >= points as f64;
        if enough {
            self.available -= points as f64;
        }
        enough
    }

    /// Returns points that were taken and not used.
    pub(crate) fn refund(&mut self, points: u64, now: DateTime<Utc>) {
        self.restore(now);
        self.available = (self.available + points as f64).min(self.size.maximum);
    }

    /// `throttleStatus`. The available points are rounded down, so that a request for that many is never throttled.
    pub(crate) fn status(&mut self, now: DateTime<Utc>) -> Value {
        self.restore(now);
        json!({
            "maximumAvailable": self.size.maximum,
            "currentlyAvailable": self.available.floor(),
            "restoreRate": self.size.restore_rate,
        })
    }

    fn restore(&mut self, now: DateTime<Utc>) {
        let passed = (now - self.at).to_std().unwrap_or_default().as_secs_f64();
        self.available = (self.available + passed * self.size.restore_rate).min(self.size.maximum);
        self.at = now.max(self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> DateTime<Utc> {
        let offset = chrono::Duration::from_std(std::time::Duration::from_secs_f64(seconds));
        DateTime::UNIX_EPOCH + offset.unwrap()
    }

    fn small() -> Bucket {
        let size = BucketSize {
            maximum: 100.0,
            restore_rate: 10.0,
        };
        Bucket::new(size, at(0.0))
    }

    #[test]
    fn points_come_back_with_time_up_to_the_maximum() {
        let mut bucket = small();
        assert!(bucket.take(100, at(0.0)));
        assert!(!bucket.take(1, at(0.05)));
        assert!(bucket.take(1, at(0.2)));
        assert_eq!(bucket.status(at(1.0))["currentlyAvailable"], json!(9.0));
        assert_eq!(bucket.status(at(60.0))["currentlyAvailable"], json!(100.0));
    }

    #[test]
    fn rejected_requests_cost_nothing_and_refunds_do_not_overflow() {
        let mut bucket = small();
        assert!(!bucket.take(101, at(0.0)));
        assert!(bucket.take(100, at(0.0)));
        bucket.refund(60, at(0.0));
        assert_eq!(bucket.status(at(0.0))["currentlyAvailable"], json!(60.0));
        bucket.refund(500, at(0.0));
        assert_eq!(bucket.status(at(0.0))["currentlyAvailable"], json!(100.0));
    }

    #[test]
    fn a_clock_that_goes_back_takes_nothing_away() {
        let mut bucket = small();
        assert!(bucket.take(50, at(10.0)));
        assert_eq!(bucket.status(at(0.0))["currentlyAvailable"], json!(50.0));
        assert_eq!(bucket.status(at(11.0))["currentlyAvailable"], json!(60.0));
    }
}
