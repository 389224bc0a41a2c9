use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// What has been asked of a shop.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Requests sent to the Admin API, repeated ones included.
    pub requests: u64,
    /// Points they cost, as Shopify reckons after carrying them out (`actualQueryCost`).
    pub points: f64,
    /// How many were answered with `THROTTLED`.
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
