//! The cost governor: requests wait until they can be paid for, instead of being answered with `THROTTLED`.
//!
//! Shopify keeps a bucket of points for each app and shop. A query takes its *requested* cost out of it before it is
//! carried out; if there is less, it is refused. When its answer is ready, what it did not use is given back. Points
//! flow in at a constant rate, up to the bucket's size, and each answer tells how full it is. Nothing is assumed about
//! size and rate: they differ by plan, and Shopify may change them.
//! Source: Shopify, "API rate limits", Admin GraphQL.
//!
//! There is one [`Governor`] per shop, and everything that asks the shop goes through it, in the order in which it came.
//!
//! # What is promised
//!
//! Others may use the same bucket: another service with the app's tokens, a person in the app. What is left to them is
//! a *share* `s` of the bucket, 0 to 0.9. Let `M` be the bucket's size and `R` its rate. If the others keep to their
//! share, that is, if in every period of `t` seconds they take at most `s * (M + R * t)` points more than they are given
//! back, then, whatever they do when, in however many requests at a time, and however long answers take:
//!
//! 1. No request of ours is throttled, and none of theirs.
//! 2. Nothing is wasted: what they leave unused is used, as long as there are requests.
//!
//! Why: let `A` be what the others may take at once now, `X` what the bucket holds, `U` the points of our requests that
//! have not reached Shopify, `P` what others of ours have given back before their answers come, and `L` the governor's
//! level. Then `X - U >= L + P - s * M + A` always. It holds for the first
//! answer, which is read as if all that is under way had yet to be taken; time adds `(1 - s) * R` to the right side and at
//! least as much to the left, as `A` grows by what the left side does not; taking, giving back and charging change both
//! sides alike or the left side more, also where the bucket is full, as `L` leaves room for all that is under way below
//! `M`; and an answer raises `L` only to a bound for which it holds, after which what `P` held for is not given back again.
//! A request goes only when `L` stays at `s * M` or more without it. So when it arrives, `X >= U + A`, and `U` contains it.
//!
//! What is not covered: the first request of a process, which cannot know the level; a query dearer than `(1 - s) * M`,
//! which goes when the bucket should be full; a request that takes more than 10 seconds to reach Shopify; and others who
//! take more than their share. Those are noticed by the points that disappear between answers. What they take on average
//! beyond their share is no longer reckoned with, down to half of our part; and the reserve that is kept for them becomes
//! half as much again as the largest burst seen, up to half the bucket, and shrinks over some hours. Neither wastes
//! anything: what they leave after all is seen in the next answer.

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

/// Paces the requests to one shop. See the [module](self) for what it promises.
#[derive(Debug)]
pub struct Governor {
    /// Held while waiting, so that callers go in the order in which they came.
    queue: tokio::sync::Mutex<()>,
    /// Something has been answered: the caller whose turn it is looks again.
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: BucketEstimate,
    costs: CostHistory,
    /// Answers come, but without a word about the bucket.
    without_status: bool,
}

/// The bucket never holds as many points as the query costs: waiting would be in vain. Ask for less at a time.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a query of {cost} points can never be paid from a bucket of {maximum}")]
pub struct CostExceedsBucket {
    /// The query's requested cost, in points.
    pub cost: f64,
    /// What the bucket holds at most, in points.
    pub maximum: f64,
}

/// What is known of a bucket now, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// What the bucket holds at most.
    pub maximum: f64,
    /// What flows in, per second.
    pub restore_rate: f64,
    /// What it holds at least, if the others keep to their share, once all that is under way has been taken.
    pub available: f64,
    /// What is left in it for the others.
    pub reserve: f64,
    /// What the requests under way may cost.
    pub in_flight: f64,
}

/// The points that are set aside for a request. It must be told how the request ended; if it is dropped untold, the
/// request counts as sent and lost.
#[derive(Debug)]
#[must_use = "a reservation that is dropped counts as a request whose answer is lost"]
pub struct Reservation<'g> {
    governor: &'g Governor,
    spec: RequestSpec,
    points: f64,
    /// `None` once it has been told.
    id: Option<u64>,
}

/// What the caller whose turn it is does next.
enum ReserveStep<'g> {
    Reserved(Reservation<'g>),
    /// Look again when something has been answered.
    AwaitChange,
    /// The same, or after this time.
    AwaitChangeOr(Duration),
}

impl Governor {
    /// A governor that leaves `share` of the bucket to others, 0 to 0.9. What is beyond is taken for the nearer end, and
    /// what is no number for 0.
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

    /// Waits until the query can be paid for. First come, first served: a cheap query waits behind a dear one.
    ///
    /// A query that has not been asked before is reckoned at what one of the same document and other sizes costs, or
    /// at [`MAX_QUERY_COST`]. The very first request goes at once, and those after it wait for its answer, which tells about
    /// the bucket.
    ///
    /// Dropping the future gives up the place in the queue and takes no points.
    ///
    /// # Errors
    /// [`CostExceedsBucket`] if the query is known to cost more than the bucket ever holds.
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
            // It may well be cheaper, so it is tried.
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

    /// The query's requested cost, if it is known to be more than what is left beside the others' share. It goes
    /// nevertheless, when the bucket is full; but asking for less at a time is better.
    pub fn cost_above_share(&self, spec: &RequestSpec) -> Option<f64> {
        let state = self.lock();
        let ours = state.bucket.limits()?.maximum * (1.0 - state.bucket.share());
        match state.costs.of(spec) {
            CostEstimate::Known(points) if points > ours => Some(points),
            _ => None,
        }
    }

    /// What is known of the bucket; `None` before the first answer.
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

    /// What an operation has cost so far; `None` before its first answer.
    pub fn operation_cost(&self, name: &str) -> Option<OperationCost> {
        self.lock().costs.operation(name)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, so a poisoned lock still guards whole values.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation<'_> {
    /// The points that were set aside.
    pub fn points(&self) -> f64 {
        self.points
    }

    /// The request was carried out, and its answer says this about its cost.
    pub fn settle(mut self, cost: Option<&Cost>) {
        let requested = cost.and_then(|cost| cost.requested);
        let actual = cost.and_then(|cost| cost.actual).or(requested);
        // No query costs more than the dearest, whatever an answer says: a level far below zero would never be paid off.
        let possible = 0.0..=self.points.max(MAX_QUERY_COST);
        let actual = actual.filter(|actual| possible.contains(actual));
        self.end(Settlement::Charged(actual.unwrap_or(self.points)), cost);
    }

    /// Shopify throttled the request: it took nothing for it.
    pub fn settle_throttled(mut self, cost: Option<&Cost>) {
        let told = cost.is_some_and(|cost| cost.throttle_status.is_some());
        self.end(Settlement::Free, cost);
        if !told {
            let mut state = self.governor.lock();
            state.bucket.cap(self.points, Instant::now());
        }
    }

    /// The request cost nothing: it never left, or Shopify refused it before reckoning (a wrong token, a frozen shop, a
    /// query too dear).
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
