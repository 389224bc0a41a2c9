//! Tests the estimate of the cost bucket: single rules, then random sequences against a simulated bucket.

use proptest::prelude::*;

use super::*;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 0.05, "{value} is not {expected}");
}

fn status(available: f64) -> ThrottleStatus {
    ThrottleStatus {
        maximum_available: 1000.0,
        currently_available: available,
        restore_rate: 50.0,
    }
}

/// An estimate that has just learned from a response that the bucket holds `available` points.
fn holding(share: f64, available: f64) -> (BucketEstimate, Instant) {
    let now = Instant::now();
    let mut bucket = BucketEstimate::new(share, now);
    let id = bucket.take(0.0, now);
    bucket.settle(id, Settlement::Charged(0.0), Some(status(available)), now);
    (bucket, now)
}

fn wait(bucket: &mut BucketEstimate, points: f64, now: Instant) -> f64 {
    match bucket.admit(points, now, now) {
        Admission::Admit => 0.0,
        Admission::Wait(wait) => wait.as_secs_f64(),
        Admission::Impossible(_) => f64::INFINITY,
    }
}

#[test]
fn a_request_waits_until_it_can_be_paid() {
    let (mut bucket, now) = holding(0.0, 100.0);
    near(wait(&mut bucket, 100.0, now), 0.0);
    near(wait(&mut bucket, 300.0, now), 4.0);
    near(wait(&mut bucket, 300.0, now + seconds(1.0)), 3.0);
    near(wait(&mut bucket, 300.0, now + seconds(4.0)), 0.0);
}

#[test]
fn the_share_of_the_others_is_left_in_the_bucket_and_not_counted_as_ours() {
    let (mut bucket, now) = holding(0.2, 400.0);
    near(wait(&mut bucket, 200.0, now), 0.0);
    // 100 points are missing, of which 40 a second are ours.
    near(wait(&mut bucket, 300.0, now), 2.5);
}

#[test]
fn a_request_above_our_part_is_sent_when_the_bucket_is_full() {
    let (mut bucket, now) = holding(0.5, 900.0);
    near(wait(&mut bucket, 800.0, now), 4.0);
    near(wait(&mut bucket, 800.0, now + seconds(4.0)), 0.0);
    assert_eq!(
        bucket.admit(1000.1, now, now),
        Admission::Impossible(1000.0)
    );
}

#[test]
fn the_unused_cost_is_refunded_with_the_response() {
    let (mut bucket, now) = holding(0.0, 1000.0);
    let id = bucket.take(600.0, now);
    // No refund before the response.
    near(wait(&mut bucket, 600.0, now), MAX_WAIT.as_secs_f64());
    bucket.settle(id, Settlement::Charged(50.0), None, now);
    near(wait(&mut bucket, 600.0, now), 0.0);
    let id = bucket.take(900.0, now);
    bucket.settle(id, Settlement::Free, None, now);
    near(bucket.level(), 950.0);
}

#[test]
fn the_first_level_counts_requests_in_flight_as_not_yet_taken() {
    let now = Instant::now();
    let mut bucket = BucketEstimate::new(0.0, now);
    let first = bucket.take(100.0, now);
    let _second = bucket.take(300.0, now);
    bucket.settle(first, Settlement::Charged(10.0), Some(status(990.0)), now);
    near(bucket.level(), 690.0);
}

#[test]
fn an_overtaken_response_does_not_raise_the_level() {
    let (mut bucket, now) = holding(0.0, 1000.0);
    let slow = bucket.take(100.0, now);
    let quick = bucket.take(300.0, now);
    bucket.settle(quick, Settlement::Charged(200.0), Some(status(700.0)), now);
    near(bucket.level(), 700.0);
    // It may have been sent before the other's 200 points were charged, so its level is out of date.
    bucket.settle(slow, Settlement::Charged(100.0), Some(status(900.0)), now);
    near(bucket.level(), 700.0);
}

#[test]
fn missing_points_raise_the_reserve_for_a_while() {
    let (mut bucket, now) = holding(0.1, 1000.0);
    near(bucket.reserve(now), 100.0);
    let id = bucket.take(10.0, now);
    bucket.settle(id, Settlement::Charged(10.0), Some(status(690.0)), now);
    near(bucket.level(), 690.0);
    near(bucket.reserve(now), 450.0);
    near(bucket.reserve(now + BURST_HALF_LIFE), 225.0);
    near(bucket.reserve(now + BURST_HALF_LIFE * 4), 100.0);
    let id = bucket.take(10.0, now);
    bucket.settle(id, Settlement::Charged(10.0), Some(status(0.0)), now);
    near(bucket.reserve(now), 500.0);
}

#[test]
fn others_who_always_exceed_their_share_lower_the_refill_rate() {
    let (mut bucket, mut now) = holding(0.1, 500.0);
    for _ in 0..300 {
        // Others take 20 of the 45 points a second that are ours.
        now += seconds(2.0);
        let id = bucket.take(50.0, now);
        bucket.settle(id, Settlement::Charged(50.0), Some(status(500.0)), now);
    }
    near(bucket.refill_rate(), 25.0);
    for _ in 0..300 {
        now += seconds(2.0);
        let id = bucket.take(100.0, now);
        bucket.settle(id, Settlement::Charged(100.0), Some(status(500.0)), now);
    }
    near(bucket.refill_rate(), 45.0);
}

#[test]
fn a_throttled_request_without_figures_caps_the_level() {
    let (mut bucket, now) = holding(0.0, 1000.0);
    let id = bucket.take(200.0, now);
    bucket.settle(id, Settlement::Free, None, now);
    bucket.cap(200.0, now);
    near(bucket.level(), 200.0);
    bucket.cap(500.0, now);
    near(bucket.level(), 200.0);
}

#[test]
fn a_lost_request_holds_its_points_until_it_must_have_arrived() {
    let (mut bucket, now) = holding(0.0, 1000.0);
    let lost = bucket.take(600.0, now);
    bucket.settle(lost, Settlement::Lost, None, now);
    assert!(bucket.is_idle());
    let held = |bucket: &mut BucketEstimate, at: f64| {
        bucket.advance(now + seconds(at));
        1000.0 - bucket.level()
    };
    near(held(&mut bucket, 9.9), 600.0);
    // It was charged at some time in these ten seconds, and the bucket fills again from there.
    near(held(&mut bucket, 10.1), 595.0);
    near(held(&mut bucket, 30.0), 0.0);
}

#[test]
fn a_lost_request_does_not_hold_up_the_others_for_ever() {
    let (mut bucket, now) = holding(0.0, 1000.0);
    let lost = bucket.take(600.0, now);
    bucket.settle(lost, Settlement::Lost, None, now);
    let mut at = now;
    while let Admission::Wait(wait) = bucket.admit(1000.0, now, at) {
        at += wait;
    }
    near((at - now).as_secs_f64(), 22.0);
}

#[test]
fn a_bucket_that_does_not_refill_admits_after_a_minute() {
    let (mut bucket, now) = holding(0.0, 0.0);
    let dry = ThrottleStatus {
        restore_rate: 0.0,
        ..status(0.0)
    };
    let id = bucket.take(0.0, now);
    bucket.settle(id, Settlement::Charged(0.0), Some(dry), now);
    assert_eq!(bucket.admit(10.0, now, now), Admission::Wait(MAX_WAIT));
    assert_eq!(bucket.admit(10.0, now, now + MAX_WAIT), Admission::Admit);
}

#[test]
fn invalid_figures_are_ignored() {
    let (mut bucket, now) = holding(0.0, 500.0);
    for (maximum_available, currently_available, restore_rate) in [
        (f64::NAN, 1.0, 1.0),
        (0.0, 0.0, 1.0),
        (-5.0, 0.0, 1.0),
        (1000.0, f64::INFINITY, 1.0),
        (1000.0, 1.0, -1.0),
    ] {
        let invalid = ThrottleStatus {
            maximum_available,
            currently_available,
            restore_rate,
        };
        let id = bucket.take(0.0, now);
        bucket.settle(id, Settlement::Charged(0.0), Some(invalid), now);
        near(bucket.level(), 500.0);
        near(bucket.limits().unwrap().rate, 50.0);
    }
}

/// The slow request is refunded long before its response arrives; the quick one's response already includes the refund.
#[test]
fn a_refund_seen_in_another_response_is_not_added_again() {
    let start = Instant::now();
    let at = |after: f64| start + seconds(after);
    let status = |level: f64| ThrottleStatus {
        maximum_available: 40.0,
        currently_available: level,
        restore_rate: 2.0,
    };
    let mut bucket = BucketEstimate::new(0.0, start);
    let first = bucket.take(0.0, start);
    bucket.settle(first, Settlement::Charged(0.0), Some(status(40.0)), start);
    let slow = bucket.take(20.0, start);
    let quick = bucket.take(20.0, at(13.0));
    bucket.settle(
        quick,
        Settlement::Charged(20.0),
        Some(status(20.0)),
        at(13.5),
    );
    near(bucket.level(), 20.0);
    bucket.settle(slow, Settlement::Charged(0.0), Some(status(40.0)), at(15.0));
    // The level reported at 13.5 s included its refund.
    near(bucket.level(), 20.0);
    bucket.advance(at(16.0));
    near(bucket.level(), 22.0);
}

/// Simulates Shopify: the bucket, and others who keep to their share of it.
#[derive(Debug)]
struct Shopify {
    maximum: f64,
    rate: f64,
    share: f64,
    level: f64,
    /// The points that the others may take at once.
    allowance: f64,
}

impl Shopify {
    fn pass(&mut self, seconds: f64) {
        self.level = (self.level + seconds * self.rate).min(self.maximum);
        let (most, rate) = (self.share * self.maximum, self.share * self.rate);
        self.allowance = (self.allowance + seconds * rate).min(most);
    }

    fn others_take(&mut self, part: f64) {
        let points = self.allowance * part;
        assert!(
            self.level >= points - 1e-6,
            "the others were throttled: {self:?}"
        );
        self.level -= points;
        self.allowance -= points;
    }
}

/// A request in flight: on its way to Shopify, executed there, or on its way back. Times are in seconds.
#[derive(Debug)]
struct InFlightRequest {
    id: u64,
    points: f64,
    actual: f64,
    arrives: f64,
    done: f64,
    back: f64,
    stage: u8,
    /// The level that the response states.
    reported: f64,
    lost: bool,
}

#[derive(Debug, Clone)]
enum Event {
    /// Time passes, in seconds.
    Pass(f64),
    /// The others take this part of their allowance.
    Others(f64),
    /// A request is sent if it is admitted: requested cost as a part of the largest, used part of it, the seconds of its
    /// three phases, and whether its response is lost.
    Request(f64, f64, [f64; 3], bool),
}

fn event() -> impl Strategy<Value = Event> {
    let phases = prop_oneof![
        3 => [0.0..1.0f64, 0.0..3.0f64, 0.0..3.0f64],
        1 => [0.0..9.9f64, 0.0..5.0f64, 0.0..5.0f64],
    ];
    let points = prop_oneof![2 => 0.0..0.15f64, 1 => 0.0..1.0f64];
    let spec = (points, 0.0..1.0f64, phases, prop::bool::weighted(0.1));
    prop_oneof![
        3 => (0.0..1.0f64).prop_map(Event::Pass),
        1 => (0.0..30.0f64).prop_map(Event::Pass),
        2 => prop_oneof![Just(1.0), 0.0..1.0f64].prop_map(Event::Others),
        6 => spec.prop_map(|(points, used, phases, lost)| Event::Request(points, used, phases, lost)),
    ]
}

struct World {
    start: Instant,
    now: f64,
    shopify: Shopify,
    bucket: BucketEstimate,
    requests: Vec<InFlightRequest>,
}

impl World {
    fn at(&self) -> Instant {
        self.start + seconds(self.now)
    }

    /// Lets time pass, and executes each step of a request at its time.
    fn pass(&mut self, until: f64) {
        while let Some((at, which)) = self.next_step().filter(|(at, _)| *at <= until) {
            self.shopify.pass(at - self.now);
            self.now = at;
            self.step(which);
        }
        self.shopify.pass(until - self.now);
        self.now = until;
    }

    fn next_step(&self) -> Option<(f64, usize)> {
        let steps = self.requests.iter().enumerate().map(|(index, request)| {
            let at = match request.stage {
                0 => request.arrives,
                1 => request.done,
                _ => request.back,
            };
            (at, index)
        });
        steps.min_by(|one, other| one.0.total_cmp(&other.0))
    }

    fn step(&mut self, which: usize) {
        let at = self.at();
        let request = &mut self.requests[which];
        request.stage += 1;
        let (points, actual) = (request.points, request.actual);
        match request.stage {
            1 => {
                assert!(
                    self.shopify.level >= points - 1e-6,
                    "throttled: {points} of {:?}",
                    self.shopify
                );
                self.shopify.level -= points;
            }
            2 => {
                let level = self.shopify.level + points - actual;
                self.shopify.level = level.min(self.shopify.maximum);
                request.reported = self.shopify.level;
            }
            _ => {
                let status = ThrottleStatus {
                    maximum_available: self.shopify.maximum,
                    currently_available: request.reported,
                    restore_rate: self.shopify.rate,
                };
                let request = self.requests.swap_remove(which);
                let (outcome, status) = if request.lost {
                    (Settlement::Lost, None)
                } else {
                    (Settlement::Charged(actual), Some(status))
                };
                self.bucket.settle(request.id, outcome, status, at);
            }
        }
    }

    fn send_request(&mut self, points: f64, used: f64, phases: [f64; 3], lost: bool) {
        let at = self.at();
        if self.bucket.admit(points, at, at) != Admission::Admit {
            return;
        }
        let arrives = self.now + phases[0];
        let done = arrives + phases[1];
        self.requests.push(InFlightRequest {
            id: self.bucket.take(points, at),
            points,
            actual: points * used,
            arrives,
            done,
            back: done + phases[2],
            stage: 0,
            reported: 0.0,
            lost,
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// The guarantee of the module, for any sequence of events: neither our requests nor the others' are throttled.
    #[test]
    fn no_request_is_throttled_while_the_others_keep_to_their_share(
        rate in prop_oneof![Just(2.0), Just(50.0), Just(100.0), Just(2000.0)],
        share in 0.0..0.9f64,
        full in 0.0..1.0f64,
        events in prop::collection::vec(event(), 1..120),
    ) {
        let maximum = rate * 20.0;
        let start = Instant::now();
        // The bucket holds the others' allowance. The first request is sent before anything is known, and is free.
        let allowance = share * maximum * full;
        let level = allowance + (maximum - allowance) * full;
        let mut world = World {
            start,
            now: 0.0,
            shopify: Shopify { maximum, rate, share, level, allowance },
            bucket: BucketEstimate::new(share, start),
            requests: Vec::new(),
        };
        world.send_request(0.0, 1.0, [0.1, 0.1, 0.1], false);
        world.pass(0.5);
        for event in events {
            match event {
                Event::Pass(seconds) => {
                    let until = world.now + seconds;
                    world.pass(until);
                }
                Event::Others(part) => world.shopify.others_take(part),
                Event::Request(points, used, phases, lost) => {
                    // More expensive requests are outside the guarantee.
                    let points = points * maximum * (1.0 - share);
                    world.send_request(points, used, phases, lost);
                }
            }
        }
        let end = world.now + 60.0;
        world.pass(end);
    }

    /// Whatever level is reported, a payable request is admitted within twice the time in which our part of the refill
    /// fills the bucket.
    #[test]
    fn no_request_waits_for_points_that_cannot_come(
        share in 0.0..0.9f64,
        available in -500.0..1500.0f64,
        burst in 0.0..2000.0f64,
        points in 0.0..1000.0f64,
    ) {
        let (mut bucket, now) = holding(share, available);
        let id = bucket.take(0.0, now);
        bucket.settle(id, Settlement::Charged(0.0), Some(status(available - burst)), now);
        let mut at = now;
        while let Admission::Wait(wait) = bucket.admit(points, now, at) {
            at += wait;
        }
        let longest = (1000.0 - (available - burst).min(0.0)) / (25.0 * (1.0 - share));
        prop_assert!((at - now).as_secs_f64() <= longest + 0.1);
    }
}
