//! The cost bucket of one shop, as far as this process can know it.
//!
//! Shopify drains a bucket per app and shop by each query's requested cost, refills it at a constant rate and says after
//! each answer how full it is. Nothing is assumed about its size: it differs by plan, and Shopify may change it.
//! Source: Shopify, "API rate limits", Admin GraphQL.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

/// What a single query may cost, in points.
const DEAREST: f64 = 1000.0;

/// `extensions.cost` of an answer. Numbers may be floats.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    #[serde(default, rename = "requestedQueryCost")]
    pub(crate) requested: Option<f64>,
    #[serde(default, rename = "actualQueryCost")]
    pub(crate) actual: Option<f64>,
    #[serde(default)]
    pub(crate) throttle_status: Option<ThrottleStatus>,
}

impl Cost {
    /// What was asked for, if the bucket can never hold as much.
    pub(crate) fn beyond_the_bucket(&self) -> Option<f64> {
        let most = self.throttle_status?.maximum_available;
        self.requested.filter(|requested| *requested > most)
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThrottleStatus {
    pub(crate) maximum_available: f64,
    pub(crate) currently_available: f64,
    pub(crate) restore_rate: f64,
}

#[derive(Debug)]
pub(crate) struct Bucket {
    /// The part of the bucket that is left to the app's other callers, 0 to 1.
    headroom: f64,
    /// Held while waiting, so that callers go in the order they came.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    level: Option<Level>,
    /// The last requested cost of each operation.
    costs: HashMap<String, f64>,
    /// What is under way and not yet in Shopify's figures.
    reserved: f64,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    status: ThrottleStatus,
    at: Instant,
}

/// What a request is expected to cost. Returned to the bucket when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation<'b> {
    bucket: &'b Bucket,
    points: f64,
}

impl Bucket {
    pub(crate) fn new(headroom: f64) -> Self {
        Self {
            headroom: headroom.clamp(0.0, 0.9),
            turn: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// Waits until the operation can be paid for. The first of its kind, and any while the bucket's size is not known,
    /// goes at once.
    pub(crate) async fn reserve(&self, operation: &str) -> Reservation<'_> {
        let _turn = self.turn.lock().await;
        loop {
            match self.try_reserve(operation) {
                Ok(points) => {
                    return Reservation {
                        bucket: self,
                        points,
                    };
                }
                Err(wait) => sleep(wait).await,
            }
        }
    }

    fn try_reserve(&self, operation: &str) -> Result<f64, Duration> {
        let mut state = self.lock();
        let points = state.costs.get(operation).copied().unwrap_or(0.0);
        let wait = state.wait_for(points, self.headroom);
        if wait.is_zero() {
            state.reserved += points;
            Ok(points)
        } else {
            Err(wait)
        }
    }

    /// Learns from an answer. `reservation` is over: the answer's figures contain it.
    pub(crate) fn learn(&self, operation: &str, cost: &Cost, reservation: Reservation<'_>) {
        drop(reservation);
        let mut state = self.lock();
        // What costs too much will be asked for at a smaller size, or not again.
        let payable = |points: &f64| *points <= DEAREST && cost.beyond_the_bucket().is_none();
        if let Some(points) = cost.requested.filter(payable) {
            state.costs.insert(operation.to_owned(), points);
        }
        if let Some(status) = cost.throttle_status {
            state.level = Some(Level {
                status,
                at: Instant::now(),
            });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held, so a poisoned lock still guards whole values.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait_for(&self, points: f64, headroom: f64) -> Duration {
        let Some(Level { status, at }) = self.level else {
            return Duration::ZERO;
        };
        let refilled = at.elapsed().as_secs_f64() * status.restore_rate;
        let available = (status.currently_available + refilled).min(status.maximum_available);
        // A query dearer than the bucket less the headroom may go when the bucket is full: more there will never be.
        let needed = (points + headroom * status.maximum_available).min(status.maximum_available);
        let missing = needed - (available - self.reserved);
        // Figures come rounded.
        if missing <= 0.001 {
            return Duration::ZERO;
        }
        // What is reserved but under way comes back with its answer, which this does not wait for exactly.
        let rate = if status.restore_rate > 0.0 {
            status.restore_rate
        } else {
            1.0
        };
        Duration::from_secs_f64((missing / rate).clamp(0.01, 60.0))
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut state = self.bucket.lock();
        state.reserved = (state.reserved - self.points).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(requested: f64, available: f64) -> Cost {
        Cost {
            requested: Some(requested),
            actual: None,
            throttle_status: Some(ThrottleStatus {
                maximum_available: 1000.0,
                currently_available: available,
                restore_rate: 50.0,
            }),
        }
    }

    async fn waited(bucket: &Bucket, operation: &str) -> f64 {
        let start = Instant::now();
        drop(bucket.reserve(operation).await);
        start.elapsed().as_secs_f64()
    }

    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 0.05, "{value} is not {expected}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_bucket_is_not_waited_for() {
        near(waited(&Bucket::new(0.1), "A").await, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_until_it_can_be_paid() {
        let bucket = Bucket::new(0.0);
        let first = bucket.reserve("A").await;
        bucket.learn("A", &cost(300.0, 100.0), first);
        near(waited(&bucket, "B").await, 0.0);
        near(waited(&bucket, "A").await, 4.0);
        tokio::time::advance(Duration::from_mins(1)).await;
        near(waited(&bucket, "A").await, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn headroom_is_left_but_never_waited_for_in_vain() {
        let bucket = Bucket::new(0.5);
        let first = bucket.reserve("A").await;
        bucket.learn("A", &cost(300.0, 500.0), first);
        near(waited(&bucket, "A").await, 6.0);
        let dear = bucket.reserve("Dear").await;
        bucket.learn("Dear", &cost(900.0, 950.0), dear);
        near(waited(&bucket, "Dear").await, 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_counted() {
        let bucket = Bucket::new(0.0);
        let first = bucket.reserve("A").await;
        bucket.learn("A", &cost(600.0, 1000.0), first);
        let under_way = bucket.reserve("A").await;
        let start = Instant::now();
        tokio::select! {
            _ = bucket.reserve("A") => panic!("600 + 600 fit into 1,000 only when full again"),
            () = sleep(Duration::from_secs(30)) => near(start.elapsed().as_secs_f64(), 30.0),
        }
        bucket.learn("A", &cost(600.0, 700.0), under_way);
        near(waited(&bucket, "A").await, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_never_be_paid_is_not_waited_for() {
        let bucket = Bucket::new(0.0);
        for (requested, maximum) in [(1200.0, 2000.0), (50.0, 40.0)] {
            let first = bucket.reserve("A").await;
            let mut dear = cost(requested, 10.0);
            dear.throttle_status.as_mut().unwrap().maximum_available = maximum;
            bucket.learn("A", &dear, first);
            assert_eq!(
                dear.beyond_the_bucket(),
                (requested > maximum).then_some(requested)
            );
            near(waited(&bucket, "A").await, 0.0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_does_not_refill_is_asked_again_within_a_minute() {
        let bucket = Bucket::new(0.0);
        let first = bucket.reserve("A").await;
        let mut dry = cost(10.0, 0.0);
        dry.throttle_status.as_mut().unwrap().restore_rate = 0.0;
        bucket.learn("A", &dry, first);
        assert!(bucket.lock().wait_for(10.0, 0.0) <= Duration::from_mins(1));
    }
}
