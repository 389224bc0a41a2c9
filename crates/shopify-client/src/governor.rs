//! Paces the requests to one shop, so that they wait for their points instead of being rejected with `THROTTLED`.
//!
//! Shopify keeps a bucket of points for each app and shop. A query takes its *requested* cost from the bucket before it
//! is executed; if the bucket holds less, the query is rejected. When the response is ready, the unused part is refunded.
//! Points are restored at a constant rate, up to the bucket's size, and each response states the level. The governor
//! assumes nothing about size and rate: they differ by plan, and Shopify may change them.
//! Source: Shopify, "API rate limits", Admin GraphQL.
//!
//! There is one [`Governor`] per shop. Every request to the shop goes through it, first come, first served.
//!
//! # Guarantees
//!
//! Others may use the same bucket: another service with the app's tokens, or a person in the app. The governor leaves
//! them a *share* `s` of the bucket, 0 to 0.9. Let `M` be the bucket's size and `R` its rate. Assume that the others keep
//! to their share: in every period of `t` seconds they take at most `s * (M + R * t)` points, net of refunds. Then, for
//! any timing and concurrency of their requests and for any latency of the responses:
//!
//! 1. None of our requests is throttled, and none of theirs.
//! 2. Nothing is wasted: while requests are waiting, the points that the others leave unused are used.
//!
//! Proof: let `A` be what the others may take at once now, `X` what the bucket holds, `U` the points of our requests that
//! have not reached Shopify, `P` the refunds of our other requests whose responses have not arrived yet, and `L` the
//! governor's level. Then `X - U >= L + P - s * M + A` always holds. It holds for the first response, which is read as if
//! everything in flight had yet to be taken. Time adds `(1 - s) * R` to the right side and at least as much to the left,
//! as `A` grows by what the left side does not. Taking, refunding and charging change both sides alike, or increase the
//! left side more. That is also true of a full bucket, as `L` leaves room below `M` for everything in flight. A response
//! raises `L` only to a bound for which the inequality holds, and refunds that `P` already accounted for are not added
//! again. A request is sent only if `L` stays at `s * M` or more without its points. So when it arrives, `X >= U + A`, and
//! `U` contains it.
//!
//! The guarantees do not cover: the first request of a process, which cannot know the level; a query that costs more than
//! `(1 - s) * M`, which is sent when the bucket should be full; a request that takes more than 10 seconds to reach
//! Shopify; and others who exceed their share. The governor detects the last by points that disappear between responses,
//! and adapts in two ways. It subtracts what the others take above their share on average from our refill rate, down to
//! half of our part. And it raises the reserve for them to 1.5 times the largest burst seen, up to half the bucket; this
//! decays over some hours. Neither wastes points: the next response shows what the others left unused.

mod bucket;
mod cost;
mod cost_history;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use bucket::{Admission, BucketEstimate, Settlement};
pub use cost::{Cost, ThrottleStatus};
use cost_history::{CostEstimate, CostHistory};
pub use cost_history::{MAX_QUERY_COST, OperationCost, RequestSpec};

/// Paces the requests to one shop. The [module](self) describes its guarantees.
#[derive(Debug)]
pub struct Governor {
    /// Held while waiting, so that callers are served in the order of their arrival.
    queue: tokio::sync::Mutex<()>,
    /// A reservation was settled: the caller at the head of the queue checks again.
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: BucketEstimate,
    costs: CostHistory,
    /// Responses arrive without a throttle status.
    without_status: bool,
}

/// The query costs more points than the bucket can hold, so waiting cannot help. Request a smaller page.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the query costs {cost} points, but the bucket holds at most {maximum}")]
pub struct CostExceedsBucket {
    /// The query's requested cost, in points.
    pub cost: f64,
    /// The bucket's size, in points.
    pub maximum: f64,
}

/// The known state of a bucket, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// The bucket's size.
    pub maximum: f64,
    /// The points restored per second.
    pub restore_rate: f64,
    /// A lower bound of the level, with everything in flight already taken, if the others keep to their share.
    pub available: f64,
    /// The points kept for the others.
    pub reserve: f64,
    /// The points reserved by requests in flight.
    pub in_flight: f64,
}

/// The points reserved for one request. Settle it with the result of the request; if it is dropped, the request counts
/// as sent with a lost response.
#[derive(Debug)]
#[must_use = "a dropped reservation counts as a request whose response was lost"]
pub struct Reservation<'g> {
    governor: &'g Governor,
    spec: RequestSpec,
    points: f64,
    /// `None` once it is settled.
    id: Option<u64>,
}

/// The next step of the caller at the head of the queue.
enum ReserveStep<'g> {
    Reserved(Reservation<'g>),
    /// Check again when a reservation is settled.
    AwaitChange,
    /// Check again when a reservation is settled, or after this time.
    AwaitChangeOr(Duration),
}

impl Governor {
    /// Creates a governor that leaves `share` of the bucket to others. Values outside 0 to 0.9 are clamped; a value
    /// that is not finite counts as 0.
    pub fn new(share: f64) -> Self {
        let bucket = BucketEstimate::new(share, Instant::now());
        Self {
            queue: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            state: Mutex::new(State {
                bucket,
                costs: CostHistory::default(),
                without_status: false,
            }),
        }
    }

    /// Waits until the points of the query are available, and reserves them. First come, first served: a cheap query
    /// waits behind an expensive one.
    ///
    /// The cost of a query that was not sent before is estimated from queries with the same document and other sizes,
    /// or is [`MAX_QUERY_COST`]. The first request is sent at once. The next ones wait for its response, which states
    /// the level of the bucket.
    ///
    /// Dropping the future leaves the queue and takes no points.
    ///
    /// # Errors
    /// [`CostExceedsBucket`] if the query is known to cost more than the bucket can hold.
    pub async fn reserve(&self, spec: &RequestSpec) -> Result<Reservation<'_>, CostExceedsBucket> {
        let _turn = self.queue.lock().await;
        let since = Instant::now();
        loop {
            let changed = self.changed.notified();
            match self.try_reserve(spec, since)? {
                ReserveStep::Reserved(reservation) => return Ok(reservation),
                ReserveStep::AwaitChange => changed.await,
                ReserveStep::AwaitChangeOr(wait) => {
                    tokio::select! {
                        () = changed => {}
                        () = sleep(wait) => {}
                    }
                }
            }
        }
    }

    fn try_reserve(
        &self,
        spec: &RequestSpec,
        since: Instant,
    ) -> Result<ReserveStep<'_>, CostExceedsBucket> {
        let now = Instant::now();
        let mut state = self.lock();
        if state.bucket.limits().is_none() && !state.without_status && !state.bucket.is_idle() {
            return Ok(ReserveStep::AwaitChange);
        }
        let points = match (state.costs.of(spec), state.bucket.limits()) {
            // This is an upper bound and the real cost may be lower, so try.
            (CostEstimate::AtMost(points), Some(limits)) => points.min(limits.maximum),
            (CostEstimate::Known(points) | CostEstimate::AtMost(points), _) => points,
        };
        match state.bucket.admit(points, since, now) {
            Admission::Admit => {}
            Admission::Wait(wait) => return Ok(ReserveStep::AwaitChangeOr(wait)),
            Admission::Impossible(maximum) => {
                let cost = points;
                return Err(CostExceedsBucket { cost, maximum });
            }
        }
        let id = Some(state.bucket.take(points, now));
        Ok(ReserveStep::Reserved(Reservation {
            governor: self,
            spec: spec.clone(),
            points,
            id,
        }))
    }

    /// Returns the query's requested cost if it is known to exceed our part of the bucket. Such a query is still sent
    /// when the bucket is full, but a smaller page is better.
    pub fn cost_above_share(&self, spec: &RequestSpec) -> Option<f64> {
        let state = self.lock();
        let ours = state.bucket.limits()?.maximum * (1.0 - state.bucket.share());
        match state.costs.of(spec) {
            CostEstimate::Known(points) if points > ours => Some(points),
            _ => None,
        }
    }

    /// Returns the known state of the bucket; `None` before the first response.
    pub fn budget(&self) -> Option<Budget> {
        let now = Instant::now();
        let mut state = self.lock();
        state.bucket.advance(now);
        let limits = state.bucket.limits()?;
        Some(Budget {
            maximum: limits.maximum,
            restore_rate: limits.rate,
            available: state.bucket.level().max(0.0),
            reserve: state.bucket.reserve(now),
            in_flight: state.bucket.in_flight_points(),
        })
    }

    /// Returns what an operation has cost so far; `None` before its first response.
    pub fn operation_cost(&self, name: &str) -> Option<OperationCost> {
        self.lock().costs.operation(name)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, so the values are consistent even if the lock is poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation<'_> {
    /// The reserved points.
    pub fn points(&self) -> f64 {
        self.points
    }

    /// Settles a request that was executed, with the cost that its response states.
    pub fn settle(mut self, cost: Option<&Cost>) {
        let requested = cost.and_then(|cost| cost.requested);
        let actual = cost.and_then(|cost| cost.actual).or(requested);
        // No query costs more than the maximum, whatever a response states. A level far below zero would never recover.
        let possible = 0.0..=self.points.max(MAX_QUERY_COST);
        let actual = actual.filter(|actual| possible.contains(actual));
        self.end(Settlement::Charged(actual.unwrap_or(self.points)), cost);
    }

    /// Settles a request that Shopify throttled, which cost nothing.
    pub fn settle_throttled(mut self, cost: Option<&Cost>) {
        let has_status = cost.is_some_and(|cost| cost.throttle_status.is_some());
        self.end(Settlement::Free, cost);
        if !has_status {
            let mut state = self.governor.lock();
            state.bucket.cap(self.points, Instant::now());
        }
    }

    /// Returns all points of a request that cost nothing: it was not sent, or Shopify rejected it before charging
    /// (wrong token, frozen shop, query above the maximum cost).
    pub fn release(mut self) {
        self.end(Settlement::Free, None);
    }

    fn end(&mut self, end: Settlement, cost: Option<&Cost>) {
        let Some(id) = self.id.take() else {
            return;
        };
        let mut state = self.governor.lock();
        let status = cost.and_then(|cost| cost.throttle_status);
        state.bucket.settle(id, end, status, Instant::now());
        if let Some(cost) = cost {
            state.costs.record(&self.spec, cost);
        }
        if matches!(end, Settlement::Charged(_)) && status.is_none() {
            state.without_status = true;
        }
        drop(state);
        self.governor.changed.notify_one();
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.end(Settlement::Lost, None);
    }
}
