//! Counts the requests to a shop, their points, and how many were throttled.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// The requests sent to a shop and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Requests sent to the Admin API, including retries.
    pub requests: u64,
    /// Points charged for them after execution (`actualQueryCost`).
    pub points: f64,
    /// Requests rejected with `THROTTLED`.
    pub throttled: u64,
}

#[derive(Debug, Default)]
pub(crate) struct UsageCounters {
    pub(crate) requests: AtomicU64,
    pub(crate) throttled: AtomicU64,
    points: Mutex<f64>,
}

impl UsageCounters {
    pub(crate) fn add_points(&self, points: Option<f64>) {
        *self.points.lock().unwrap_or_else(PoisonError::into_inner) += points.unwrap_or(0.0);
    }

    pub(crate) fn snapshot(&self) -> Usage {
        Usage {
            requests: self.requests.load(Ordering::Relaxed),
            points: *self.points.lock().unwrap_or_else(PoisonError::into_inner),
            throttled: self.throttled.load(Ordering::Relaxed),
        }
    }
}
