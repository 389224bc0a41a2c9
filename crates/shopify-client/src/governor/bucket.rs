//! Estimates the level of the shop's bucket from our own requests, and corrects it with every response.
//!
//! `level` is what the bucket holds after everything in flight has been taken from it, before any refund. The
//! documentation of [`crate::governor`] derives its guarantees from these rules:
//!
//! - the level grows by `(1 - share) * rate`, as if the others always took their whole share, and slower if they were
//!   seen to take more;
//! - a request takes its requested cost before it is sent, and may be sent only if the reserve remains;
//! - a response refunds what the request did not use;
//! - a refund counts once, even if the level in another response already included it;
//! - the level in a response is from some moment while the request was in flight. It may or may not include the other
//!   requests in flight at that moment, so it gives two bounds. If `level` is outside of them, it moves to the nearer
//!   one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::ThrottleStatus;

/// A request sent longer ago than this has reached Shopify, or never will.
const MAX_TRANSIT: Duration = Duration::from_secs(10);
/// The maximum wait at a time, and in total for a bucket that does not refill.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// The half-life of the largest burst seen. A reserve costs only the time to fill it once, so it is kept for long.
const BURST_HALF_LIFE: Duration = Duration::from_hours(1);
/// The averaging window for what the others take above their share, in seconds.
const EXCESS_WINDOW: f64 = 60.0;
/// Tolerance for rounded numbers, in points.
const TOLERANCE: f64 = 0.001;

#[derive(Debug)]
pub(super) struct BucketEstimate {
    /// The others' share of size and rate.
    share: f64,
    limits: Option<BucketLimits>,
    level: f64,
    /// The time for which `level` is valid.
    updated_at: Instant,
    in_flight: BTreeMap<u64, InFlight>,
    next_id: u64,
    /// Requests completed while a request that is still in flight was in flight.
    completed: VecDeque<CompletedRequest>,
    burst: Burst,
    /// What the others take above their share, in points per second.
    excess: f64,
    /// When a response last stated the level.
    observed_at: Instant,
}

/// The size and refill rate of the bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct BucketLimits {
    pub(super) maximum: f64,
    pub(super) rate: f64,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    sent: Instant,
    points: f64,
    /// The request was abandoned: its response will not be read.
    lost: bool,
    /// `level` may already include its refund.
    refund_seen: bool,
}

impl InFlight {
    fn has_arrived_by(&self, moment: Instant) -> bool {
        self.sent + MAX_TRANSIT <= moment
    }

    /// Returns what its response adds to the level.
    fn refund(&self, actual: f64) -> f64 {
        let unused = self.points - actual;
        if self.refund_seen {
            unused.min(0.0)
        } else {
            unused
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct CompletedRequest {
    at: Instant,
    points: f64,
    actual: f64,
}

/// The largest burst of the others above their share, and when it was seen.
#[derive(Debug, Clone, Copy)]
struct Burst {
    points: f64,
    at: Instant,
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Admission {
    Admit,
    /// Check again after this time, or when a request completes.
    Wait(Duration),
    /// Never: the request costs more than the size of the bucket, which is given.
    Impossible(f64),
}

/// How a request ended, for its cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Settlement {
    /// It was executed at this cost.
    Charged(f64),
    /// It cost nothing, or was not sent.
    Free,
    /// Unknown: the response was lost.
    Lost,
}

impl BucketEstimate {
    pub(super) fn new(share: f64, now: Instant) -> Self {
        Self {
            share: if share.is_finite() {
                share.clamp(0.0, 0.9)
            } else {
                0.0
            },
            limits: None,
            level: 0.0,
            updated_at: now,
            in_flight: BTreeMap::new(),
            next_id: 0,
            completed: VecDeque::new(),
            burst: Burst {
                points: 0.0,
                at: now,
            },
            excess: 0.0,
            observed_at: now,
        }
    }

    pub(super) fn share(&self) -> f64 {
        self.share
    }

    pub(super) fn limits(&self) -> Option<BucketLimits> {
        self.limits
    }

    pub(super) fn level(&self) -> f64 {
        self.level
    }

    /// The points of the requests in flight.
    pub(super) fn in_flight_points(&self) -> f64 {
        let awaited = self.in_flight.values().filter(|one| !one.lost);
        awaited.map(|one| one.points).sum()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.values().all(|one| one.lost)
    }

    /// The points always left for the others: their share, or 1.5 times their largest burst above it.
    pub(super) fn reserve(&self, now: Instant) -> f64 {
        let Some(limits) = self.limits else {
            return 0.0;
        };
        let share = self.share * limits.maximum;
        let burst = self.remembered_burst(now);
        if burst <= share {
            return share;
        }
        // Others who exceeded their share once may exceed it by more.
        share.max((burst * 1.5).min(limits.maximum / 2.0))
    }

    fn remembered_burst(&self, now: Instant) -> f64 {
        let age = now.saturating_duration_since(self.burst.at).as_secs_f64();
        self.burst.points * 0.5f64.powf(age / BURST_HALF_LIFE.as_secs_f64())
    }

    /// Advances the estimate to `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        // In steps, as the maximum level rises whenever a lost request is retired.
        while self.updated_at < now {
            let arrival = self
                .time_to_next_arrival(self.updated_at)
                .unwrap_or(MAX_WAIT * 60);
            let step = arrival.min(now.duration_since(self.updated_at));
            if self.limits.is_some() {
                self.level += step.as_secs_f64() * self.refill_rate();
                self.level = self.level.min(self.max_level(self.updated_at));
            }
            self.updated_at += step;
        }
        self.retire_lost(now);
    }

    /// Our part of the refill rate, in points per second. At least half of our part counts, whatever the others take.
    fn refill_rate(&self) -> f64 {
        let rate = self.limits.map_or(0.0, |limits| limits.rate);
        let ours = rate * (1.0 - self.share);
        ours - self.excess.min(ours / 2.0)
    }

    /// The level of a full bucket after everything in flight has been taken. An earlier refund may have met a full
    /// bucket, so this leaves room for the refunds still to come.
    fn max_level(&self, moment: Instant) -> f64 {
        let maximum = self.limits.map_or(0.0, |limits| limits.maximum);
        let retired = |one: &&InFlight| one.lost && one.has_arrived_by(moment);
        let in_flight = self.in_flight.values().filter(|one| !retired(one));
        maximum - in_flight.map(|one| one.points).sum::<f64>()
    }

    /// The points of requests that may not have reached Shopify at this moment.
    fn unarrived_points(&self, moment: Instant) -> f64 {
        let sent = self.in_flight.values();
        let late = sent.filter(|one| !one.has_arrived_by(moment));
        late.map(|one| one.points).sum()
    }

    /// Moves lost requests that have arrived to `completed`, charged at their full requested cost.
    fn retire_lost(&mut self, now: Instant) {
        let retired = |one: &InFlight| one.lost && one.has_arrived_by(now);
        let Self {
            in_flight,
            completed,
            ..
        } = self;
        in_flight.retain(|_, one| {
            let retired = retired(one);
            if retired {
                completed.push_back(CompletedRequest {
                    at: one.sent + MAX_TRANSIT,
                    points: one.points,
                    actual: one.points,
                });
            }
            !retired
        });
        let oldest = in_flight.values().map(|one| one.sent).min();
        completed.retain(|one| oldest.is_some_and(|oldest| one.at >= oldest));
    }

    /// Decides whether a request of at most `points`, at the head of the queue since `since`, may be sent.
    pub(super) fn admit(&mut self, points: f64, since: Instant, now: Instant) -> Admission {
        self.advance(now);
        let Some(limits) = self.limits else {
            return Admission::Admit;
        };
        if points > limits.maximum {
            return Admission::Impossible(limits.maximum);
        }
        // A query that costs more than our part is sent when the bucket is full, since it will never hold more.
        let needed = (points + self.reserve(now)).min(limits.maximum);
        let missing = needed - self.level;
        if missing <= TOLERANCE {
            return Admission::Admit;
        }
        let rate = self.refill_rate();
        if rate <= 0.0 && now.saturating_duration_since(since) >= MAX_WAIT {
            return Admission::Admit;
        }
        let refilled = if rate > 0.0 {
            missing / rate
        } else {
            f64::INFINITY
        };
        let refilled = Duration::try_from_secs_f64(refilled).unwrap_or(MAX_WAIT);
        let beyond = needed - self.max_level(now) > TOLERANCE;
        let wait = if beyond {
            // Refilling does not help before a request in flight ends.
            self.time_to_next_arrival(now).unwrap_or(MAX_WAIT)
        } else {
            refilled
        };
        Admission::Wait(wait.clamp(Duration::from_millis(1), MAX_WAIT))
    }

    /// Returns the time until the next lost request counts as arrived.
    fn time_to_next_arrival(&self, now: Instant) -> Option<Duration> {
        let lost = self.in_flight.values().filter(|one| one.lost);
        let arrivals = lost.map(|one| one.sent + MAX_TRANSIT);
        let next = arrivals.filter(|at| *at > now).min()?;
        Some(next.duration_since(now))
    }

    /// Takes the points of a request before it is sent.
    pub(super) fn take(&mut self, points: f64, now: Instant) -> u64 {
        self.advance(now);
        self.level -= points;
        let id = self.next_id;
        self.next_id += 1;
        let one = InFlight {
            sent: now,
            points,
            lost: false,
            refund_seen: false,
        };
        self.in_flight.insert(id, one);
        id
    }

    /// Settles a request. `status` is the throttle status of its response.
    pub(super) fn settle(
        &mut self,
        id: u64,
        end: Settlement,
        status: Option<ThrottleStatus>,
        now: Instant,
    ) {
        self.advance(now);
        if end == Settlement::Lost {
            if let Some(one) = self.in_flight.get_mut(&id) {
                one.lost = true;
            }
            return;
        }
        let Some(one) = self.in_flight.remove(&id) else {
            return;
        };
        let InFlight { sent, points, .. } = one;
        let actual = match end {
            Settlement::Charged(actual) => actual,
            Settlement::Free | Settlement::Lost => 0.0,
        };
        self.level += one.refund(actual);
        if let Some(status) = status.filter(ThrottleStatus::is_valid) {
            self.observe(sent, status, now);
        }
        let at = now;
        self.completed
            .push_back(CompletedRequest { at, points, actual });
        self.retire_lost(now);
        if self.limits.is_some() {
            self.level = self.level.min(self.max_level(now));
        }
    }

    /// Lowers the level after a throttled response without a throttle status: the bucket held less than the requested
    /// points.
    pub(super) fn cap(&mut self, points: f64, now: Instant) {
        self.advance(now);
        if self.limits.is_some() && self.level > points {
            self.record_burst(self.level - points, now);
            self.level = points;
        }
    }

    fn observe(&mut self, sent: Instant, status: ThrottleStatus, now: Instant) {
        let first = self.limits.is_none();
        self.limits = Some(BucketLimits {
            maximum: status.maximum_available,
            rate: status.restore_rate,
        });
        let (mut used, mut refunded) = (0.0, 0.0);
        for one in self.completed.iter().filter(|one| one.at >= sent) {
            used += one.actual;
            refunded += one.points - one.actual;
        }
        // Clamp whatever was stated: a bucket cannot exceed its size, and a negative level would never recover.
        let held = status.currently_available;
        let held = held.clamp(0.0, status.maximum_available);
        let least = held - self.unarrived_points(sent) - used;
        let flight = now.saturating_duration_since(sent).as_secs_f64();
        let most = held + flight * status.restore_rate + refunded;
        if first {
            self.level = least;
            self.observed_at = now;
            return;
        }
        if self.level > most {
            self.record_burst(self.level - most, now);
        }
        // `least` is at most `most`: one subtracts from `held`, the other adds to it.
        let corrected = self.level.clamp(least, most);
        if corrected > self.level {
            self.mark_refunds_seen(sent);
        }
        self.record_excess(self.level - corrected, now);
        self.level = corrected;
    }

    /// Marks the requests that had arrived before `sent`. The level was just raised to that of a response to a request
    /// sent then, which may include their refunds; they must not be added again.
    fn mark_refunds_seen(&mut self, sent: Instant) {
        let early = self.in_flight.values_mut();
        for one in early.filter(|one| one.has_arrived_by(sent)) {
            one.refund_seen = true;
        }
    }

    /// Updates the average excess of the others with the points that are missing, or left over, since the last
    /// response.
    fn record_excess(&mut self, points: f64, now: Instant) {
        let elapsed = now
            .saturating_duration_since(self.observed_at)
            .as_secs_f64();
        self.observed_at = now;
        let kept = (-elapsed / EXCESS_WINDOW).exp();
        let weight = if elapsed > TOLERANCE {
            (1.0 - kept) / elapsed
        } else {
            1.0 / EXCESS_WINDOW
        };
        // The missing points do not include the excess that the refill rate already accounts for.
        let excess = self.excess + points * weight;
        self.excess = excess.clamp(0.0, self.limits.map_or(0.0, |limits| limits.rate));
    }

    fn record_burst(&mut self, points: f64, now: Instant) {
        if points > self.remembered_burst(now) {
            self.burst = Burst { points, at: now };
        }
    }
}

#[cfg(test)]
mod tests;
