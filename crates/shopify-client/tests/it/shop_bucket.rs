//! Simulates Shopify's cost bucket and other callers that use it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use shopify_client::governor::ThrottleStatus;
use tokio::time::{Instant, sleep};

/// One app's bucket for one shop.
pub(crate) struct Bucket {
    maximum: f64,
    rate: f64,
    level: Cell<f64>,
    at: Cell<Instant>,
    totals: RefCell<BucketTotals>,
    /// Called just before one of our requests is charged.
    ambush: RefCell<Option<Box<dyn Fn()>>>,
}

/// The totals of a bucket, in points or requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BucketTotals {
    pub(crate) started_with: f64,
    pub(crate) requests: u64,
    pub(crate) throttled: u64,
    pub(crate) ours: f64,
    pub(crate) others: f64,
    pub(crate) others_throttled: u64,
}

pub(crate) enum BucketResponse {
    Done(ThrottleStatus),
    Throttled(ThrottleStatus),
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(maximum: f64, rate: f64) -> Self {
        let started_with = maximum;
        Self {
            maximum,
            rate,
            level: Cell::new(maximum),
            at: Cell::new(Instant::now()),
            totals: RefCell::new(BucketTotals {
                started_with,
                ..BucketTotals::default()
            }),
            ambush: RefCell::default(),
        }
    }

    pub(crate) fn totals(&self) -> BucketTotals {
        *self.totals.borrow()
    }

    fn level(&self) -> f64 {
        let now = Instant::now();
        let elapsed = now.duration_since(self.at.replace(now)).as_secs_f64();
        let level = (self.level.get() + elapsed * self.rate).min(self.maximum);
        self.level.set(level);
        level
    }

    /// Takes the points if the bucket holds them.
    fn take(&self, points: f64) -> bool {
        let level = self.level();
        let enough = level >= points - 1e-6;
        if enough {
            self.level.set(level - points);
        }
        enough
    }

    fn refund(&self, points: f64) {
        self.level.set((self.level() + points).min(self.maximum));
    }

    fn status(&self) -> ThrottleStatus {
        ThrottleStatus {
            maximum_available: self.maximum,
            // In whole points, as Shopify states it.
            currently_available: self.level().floor(),
            restore_rate: self.rate,
        }
    }

    /// Charges one of our requests, and executes it in this time.
    pub(crate) async fn query(
        &self,
        requested: f64,
        actual: f64,
        time: Duration,
    ) -> BucketResponse {
        if let Some(ambush) = self.ambush.borrow().as_ref() {
            ambush();
        }
        self.totals.borrow_mut().requests += 1;
        if !self.take(requested) {
            self.totals.borrow_mut().throttled += 1;
            return BucketResponse::Throttled(self.status());
        }
        sleep(time).await;
        self.refund(requested - actual);
        self.totals.borrow_mut().ours += actual;
        BucketResponse::Done(self.status())
    }
}

/// The request pattern of the others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pattern {
    /// No others.
    Nobody,
    /// Requests of random cost at random times, within their share.
    Random,
    /// Long idle periods, then all of their share at once.
    Bursts,
    /// All points of their share, as soon as it has them.
    Greedy,
    /// All points of their share, just before one of our requests arrives.
    Ambush,
    /// A multiple of their share, in small requests at a steady rate.
    Evenly {
        /// Of the share.
        times: f64,
    },
    /// Bursts of a multiple of their share, and their share on average.
    Flood {
        /// Of the share.
        times: f64,
    },
}

/// Other callers, limited to a share of the bucket: their own bucket with that part of its size and rate.
pub(crate) struct Others {
    bucket: Rc<Bucket>,
    allowance: Rc<Allowance>,
    pattern: Pattern,
    rng: StdRng,
}

struct Allowance {
    most: f64,
    rate: f64,
    points: Cell<f64>,
    at: Cell<Instant>,
}

impl Allowance {
    fn now(&self) -> f64 {
        let now = Instant::now();
        let elapsed = now.duration_since(self.at.replace(now)).as_secs_f64();
        let points = (self.points.get() + elapsed * self.rate).min(self.most);
        self.points.set(points);
        points
    }
}

impl Others {
    pub(crate) fn new(bucket: Rc<Bucket>, share: f64, pattern: Pattern, seed: u64) -> Self {
        let burst = match pattern {
            Pattern::Flood { times } => times,
            _ => 1.0,
        };
        let pace = match pattern {
            Pattern::Evenly { times } => times,
            _ => 1.0,
        };
        let most = share * bucket.maximum * burst;
        let allowance = Rc::new(Allowance {
            most,
            rate: share * bucket.rate * pace,
            points: Cell::new(most),
            at: Cell::new(Instant::now()),
        });
        Self {
            bucket,
            allowance,
            pattern,
            rng: StdRng::seed_from_u64(seed),
        }
    }

    pub(crate) async fn run(mut self) {
        match self.pattern {
            Pattern::Nobody => {}
            Pattern::Ambush => self.ambush_requests(),
            Pattern::Random => loop {
                // Twice as often as the share allows; requests beyond it are skipped.
                let mean = self.allowance.most * 0.1 / self.allowance.rate / 2.0;
                self.pause(mean).await;
                let cost = self.allowance.most * self.rng.random_range(0.01..0.2);
                if self.allowance.now() >= cost {
                    self.spend(cost).await;
                }
            },
            Pattern::Bursts | Pattern::Flood { .. } => loop {
                let mean = self.allowance.most / self.allowance.rate * 1.5;
                self.pause(mean).await;
                self.spend(self.allowance.now()).await;
            },
            Pattern::Greedy => loop {
                self.pause(0.05).await;
                self.spend(self.allowance.now()).await;
            },
            Pattern::Evenly { .. } => loop {
                let cost = self.allowance.rate * 0.1;
                sleep(Duration::from_millis(100)).await;
                take(&self.bucket, &self.allowance, cost);
            },
        }
    }

    /// Pauses for a random time with this mean in seconds.
    async fn pause(&mut self, mean: f64) {
        let seconds = -mean * self.rng.random_range(f64::EPSILON..1.0f64).ln();
        sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// Spends points; half of the time a part of them is refunded later.
    async fn spend(&mut self, cost: f64) {
        if !take(&self.bucket, &self.allowance, cost) || self.rng.random_bool(0.5) {
            return;
        }
        let unused = cost * self.rng.random_range(0.0..0.5);
        sleep(Duration::from_millis(self.rng.random_range(10..500))).await;
        refund(&self.bucket, &self.allowance, unused);
    }

    fn ambush_requests(&self) {
        let (bucket, allowance) = (Rc::downgrade(&self.bucket), Rc::clone(&self.allowance));
        *self.bucket.ambush.borrow_mut() = Some(Box::new(move || {
            if let Some(bucket) = bucket.upgrade() {
                take(&bucket, &allowance, allowance.now());
            }
        }));
    }
}

fn take(bucket: &Bucket, allowance: &Allowance, cost: f64) -> bool {
    let points = allowance.now();
    if !bucket.take(cost) {
        bucket.totals.borrow_mut().others_throttled += 1;
        return false;
    }
    allowance.points.set(points - cost);
    bucket.totals.borrow_mut().others += cost;
    true
}

fn refund(bucket: &Bucket, allowance: &Allowance, points: f64) {
    bucket.refund(points);
    allowance.points.set(allowance.now() + points);
    bucket.totals.borrow_mut().others -= points;
}
