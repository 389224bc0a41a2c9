//! The arithmetic: what is known of the bucket's level, moved by our own doings and corrected by every answer.
//!
//! `level` is what the bucket holds once everything under way has been taken from it, with nothing given back yet.
//! The module documentation of [`crate::governor`] says what follows from these rules:
//!
//! - it grows by `(1 - share) * rate`, as if the others took their whole share all the time, and slower if they were seen
//!   to take more;
//! - a request takes its requested cost at once, before it is sent, and may only go if the reserve stays;
//! - an answer gives back what it did not use;
//! - what an answer gives back counts once, even if the figure of another answer has shown it before;
//! - an answer's figure is from some moment while the request was under way. What else was under way then may or may
//!   not be in it, so it gives two bounds, and `level` is moved to the nearer one if it lies outside.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::ThrottleStatus;

/// A request that was sent this long ago has reached Shopify, or never will.
const MAX_TRANSIT: Duration = Duration::from_secs(10);
/// The most that is waited at a time, and in all for a bucket that does not refill.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// After this time, half of what was learned about the others' bursts is forgotten. A reserve costs nothing but the
/// time to fill it once, so it is kept for long.
const BURST_HALF_LIFE: Duration = Duration::from_hours(1);
/// Over this time, what the others take beyond their share is averaged.
const EXCESS_WINDOW: f64 = 60.0;
/// Figures come rounded.
const TOLERANCE: f64 = 0.001;

#[derive(Debug)]
pub(super) struct BucketEstimate {
    /// The others' part of maximum and rate.
    share: f64,
    limits: Option<BucketLimits>,
    level: f64,
    /// When `level` was right.
    updated_at: Instant,
    in_flight: BTreeMap<u64, InFlight>,
    next_id: u64,
    /// Those answered while something that is still under way was.
    completed: VecDeque<CompletedRequest>,
    burst: Burst,
    /// What the others take beyond their share, in points per second.
    excess: f64,
    /// When an answer last told the level.
    observed_at: Instant,
}

/// The size of the bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct BucketLimits {
    pub(super) maximum: f64,
    pub(super) rate: f64,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    sent: Instant,
    points: f64,
    /// Nobody waits for its answer any more.
    lost: bool,
    /// What it gives back may be in `level` already.
    refund_seen: bool,
}

impl InFlight {
    fn has_arrived_by(&self, moment: Instant) -> bool {
        self.sent + MAX_TRANSIT <= moment
    }

    /// What its answer adds to the level.
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

/// The most that the others took at once beyond their share, as far as remembered.
#[derive(Debug, Clone, Copy)]
struct Burst {
    points: f64,
    at: Instant,
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Admission {
    Admit,
    /// Ask again after this time, or when something has been answered.
    Wait(Duration),
    /// The bucket never holds as much as this.
    Impossible(f64),
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Settlement {
    /// It was carried out at this cost.
    Charged(f64),
    /// Shopify took nothing for it, or it never got there.
    Free,
    /// Nobody knows.
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

    /// Points of the requests under way.
    pub(super) fn in_flight_points(&self) -> f64 {
        let waited_for = self.in_flight.values().filter(|one| !one.lost);
        waited_for.map(|one| one.points).sum()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.values().all(|one| one.lost)
    }

    /// What is always left in the bucket for the others: their share, or half as much again as the largest burst
    /// beyond it that they were seen to take.
    pub(super) fn reserve(&self, now: Instant) -> f64 {
        let Some(limits) = self.limits else {
            return 0.0;
        };
        let share = self.share * limits.maximum;
        let burst = self.remembered_burst(now);
        if burst <= share {
            return share;
        }
        // Who took more than their share once may take more still.
        share.max((burst * 1.5).min(limits.maximum / 2.0))
    }

    fn remembered_burst(&self, now: Instant) -> f64 {
        let age = now.saturating_duration_since(self.burst.at).as_secs_f64();
        self.burst.points * 0.5f64.powf(age / BURST_HALF_LIFE.as_secs_f64())
    }

    /// Moves everything to `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        // In steps, as the ceiling rises whenever a lost request is gone.
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

    /// What flows in for us, in points per second. The half of our part is reckoned with, however greedy the others are.
    fn refill_rate(&self) -> f64 {
        let rate = self.limits.map_or(0.0, |limits| limits.rate);
        let ours = rate * (1.0 - self.share);
        ours - self.excess.min(ours / 2.0)
    }

    /// The level of a full bucket when all that is under way has been taken from it. What has given back already may have
    /// found it full; so much room is left for what is still to be given back here.
    fn max_level(&self, moment: Instant) -> f64 {
        let maximum = self.limits.map_or(0.0, |limits| limits.maximum);
        let gone = |one: &&InFlight| one.lost && one.has_arrived_by(moment);
        let in_flight = self.in_flight.values().filter(|one| !gone(one));
        maximum - in_flight.map(|one| one.points).sum::<f64>()
    }

    /// Points of what may not have reached Shopify at this moment.
    fn unarrived_points(&self, moment: Instant) -> f64 {
        let late = self.in_flight.values();
        let late = late.filter(|one| !one.has_arrived_by(moment));
        late.map(|one| one.points).sum()
    }

    /// A lost request has been charged by now, at its full price for all that is known.
    fn retire_lost(&mut self, now: Instant) {
        let gone = |one: &InFlight| one.lost && one.has_arrived_by(now);
        let Self {
            in_flight,
            completed,
            ..
        } = self;
        in_flight.retain(|_, one| {
            let gone = gone(one);
            if gone {
                completed.push_back(CompletedRequest {
                    at: one.sent + MAX_TRANSIT,
                    points: one.points,
                    actual: one.points,
                });
            }
            !gone
        });
        let oldest = in_flight.values().map(|one| one.sent).min();
        completed.retain(|one| oldest.is_some_and(|oldest| one.at >= oldest));
    }

    /// Whether a request of at most `points` may go, that has been at the head of the queue since `since`.
    pub(super) fn admit(&mut self, points: f64, since: Instant, now: Instant) -> Admission {
        self.advance(now);
        let Some(limits) = self.limits else {
            return Admission::Admit;
        };
        if points > limits.maximum {
            return Admission::Impossible(limits.maximum);
        }
        // A query dearer than what is ours goes when the bucket is full: more there will never be.
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
            // No refill helps before something under way has ended.
            self.time_to_next_arrival(now).unwrap_or(MAX_WAIT)
        } else {
            refilled
        };
        Admission::Wait(wait.clamp(Duration::from_millis(1), MAX_WAIT))
    }

    /// How long until a lost request has arrived at the latest.
    fn time_to_next_arrival(&self, now: Instant) -> Option<Duration> {
        let lost = self.in_flight.values().filter(|one| one.lost);
        let arrivals = lost.map(|one| one.sent + MAX_TRANSIT);
        let next = arrivals.filter(|at| *at > now).min()?;
        Some(next.duration_since(now))
    }

    /// Takes the points of a request that is about to be sent.
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

    /// Ends a request. `status` is what its answer says about the bucket.
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

    /// A request was throttled by an answer that says nothing more: there was less than it asked for.
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
        let (mut used, mut given_back) = (0.0, 0.0);
        for one in self.completed.iter().filter(|one| one.at >= sent) {
            used += one.actual;
            given_back += one.points - one.actual;
        }
        // Whatever is said: no bucket holds more than fits, and less than nothing would never be paid off.
        let held = status.currently_available;
        let held = held.clamp(0.0, status.maximum_available);
        let least = held - self.unarrived_points(sent) - used;
        let flight = now.saturating_duration_since(sent).as_secs_f64();
        let most = held + flight * status.restore_rate + given_back;
        if first {
            self.level = least;
            self.observed_at = now;
            return;
        }
        if self.level > most {
            self.record_burst(self.level - most, now);
        }
        // `least` is not above `most`: the one takes away, the other adds.
        let corrected = self.level.clamp(least, most);
        if corrected > self.level {
            self.mark_refunds_seen(sent);
        }
        self.record_excess(self.level - corrected, now);
        self.level = corrected;
    }

    /// The level rises to what was told in an answer to a request of this moment. What had arrived before may have given
    /// back by then, before its own answer comes: it must not do so again.
    fn mark_refunds_seen(&mut self, sent: Instant) {
        let early = self.in_flight.values_mut();
        for one in early.filter(|one| one.has_arrived_by(sent)) {
            one.refund_seen = true;
        }
    }

    /// The others took so many points more, or less, than was reckoned with since the last answer.
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
        // What was reckoned with already was not noticed as missing.
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
