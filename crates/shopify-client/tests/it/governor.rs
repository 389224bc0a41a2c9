//! Tests the cost governor against a simulated bucket that others use too.
//!
//! Time is tokio's, paused, and random numbers are seeded, so runs are reproducible. Each printed line has the seed;
//! `cargo nextest run --no-capture governor` shows how much of the budget was used.

use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use shopify_client::governor::{Cost, Governor, RequestSpec, ThrottleStatus};
use tokio::task::LocalSet;
use tokio::time::{Instant, advance, sleep, timeout};
use wiremock::ResponseTemplate;

use crate::script::{Script, builder, json_response};
use crate::shop_bucket::{Bucket, BucketResponse, Others, Pattern};

/// Points per second of Shopify's four plans.
const RATES: [f64; 4] = [100.0, 200.0, 1000.0, 2000.0];
const SHARE: f64 = 0.1;

#[derive(Debug, Clone, Copy)]
struct Setup {
    rate: f64,
    concurrency: usize,
    pattern: Pattern,
    seed: u64,
    /// The maximum durations of the three phases of a request in seconds: to Shopify, execution, back.
    phases: [f64; 3],
    /// The simulated time.
    length: Duration,
}

impl Setup {
    fn new(rate: f64, concurrency: usize, pattern: Pattern, seed: u64) -> Self {
        Self {
            rate,
            concurrency,
            pattern,
            seed,
            // A single caller is limited by latency, so the responses come quickly.
            phases: if concurrency == 1 {
                [0.01, 0.05, 0.01]
            } else {
                [0.04, 0.15, 0.04]
            },
            // A few thousand requests.
            length: Duration::from_secs_f64(3600.0 * (100.0 / rate).max(0.15)),
        }
    }
}

#[derive(Debug)]
struct Outcome {
    requests: u64,
    throttled: u64,
    others_throttled: u64,
    /// The used part of the points that were restored and not used by others.
    used: f64,
    /// In points per second.
    pace: f64,
}

/// Returns one of five queries with several page sizes: expensive ones that use little of their requested cost, and
/// cheap ones.
fn query(rng: &mut StdRng) -> (RequestSpec, f64, f64) {
    let kind = rng.random_range(0..5);
    let first = [5, 10, 25, 50][rng.random_range(0..4)];
    let (base, used) = [
        (180.0, 0.2..0.5),
        (120.0, 0.5..1.0),
        (230.0, 0.05..0.3),
        (40.0, 0.8..1.0),
        (3.0, 1.0..1.01),
    ][kind]
        .clone();
    let requested = f64::floor(base * f64::ln(f64::from(first)));
    let spec = RequestSpec::from_document(
        &format!("Query{kind}"),
        "query",
        &json!({ "first": first, "after": "cursor" }),
    );
    (
        spec,
        requested,
        (requested * rng.random_range(used)).min(requested),
    )
}

async fn send_query(governor: &Governor, bucket: &Bucket, rng: &mut StdRng, phases: [f64; 3]) {
    let (spec, requested, actual) = query(rng);
    let durations =
        phases.map(|longest| Duration::from_secs_f64(rng.random_range(0.1..=1.0) * longest));
    let reservation = governor.reserve(&spec).await.expect("payable");
    assert!(reservation.points() >= requested, "{spec:?}");
    sleep(durations[0]).await;
    let response = bucket.query(requested, actual, durations[1]).await;
    sleep(durations[2]).await;
    match response {
        BucketResponse::Done(status) => {
            let cost = Cost::new(requested, Some(actual), status);
            reservation.settle(Some(&cost));
        }
        BucketResponse::Throttled(status) => {
            reservation.settle_throttled(Some(&Cost::new(requested, None, status)));
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Sends as many queries as the governor admits.
async fn run(setup: Setup) -> Outcome {
    let Setup {
        rate,
        seed,
        phases,
        length,
        ..
    } = setup;
    let bucket = Rc::new(Bucket::new(rate * 20.0, rate));
    let governor = Rc::new(Governor::new(SHARE));
    let tasks = LocalSet::new();
    let others = Others::new(Rc::clone(&bucket), SHARE, setup.pattern, seed);
    tasks.spawn_local(others.run());
    for caller in 0..setup.concurrency {
        let (governor, bucket) = (Rc::clone(&governor), Rc::clone(&bucket));
        let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(1000) + caller as u64);
        tasks.spawn_local(async move {
            loop {
                send_query(&governor, &bucket, &mut rng, phases).await;
            }
        });
    }
    let _ = timeout(length, tasks).await;
    let totals = bucket.totals();
    let budget = totals.started_with + rate * length.as_secs_f64() - totals.others;
    let outcome = Outcome {
        requests: totals.requests,
        throttled: totals.throttled,
        others_throttled: totals.others_throttled,
        used: totals.ours / budget,
        pace: totals.ours / length.as_secs_f64(),
    };
    #[expect(clippy::print_stdout, reason = "the figures are results")]
    {
        println!("{setup:?}: {outcome:?}");
    }
    outcome
}

/// Every pattern at every rate, with one caller and with eight.
async fn assert_no_throttling_and_no_waste(pattern: Pattern, seed: u64) {
    for (step, rate) in RATES.into_iter().enumerate() {
        for concurrency in [1, 8] {
            let seed = seed + 10 * step as u64 + concurrency as u64;
            let setup = Setup::new(rate, concurrency, pattern, seed);
            let outcome = run(setup).await;
            assert_eq!(outcome.throttled, 0, "{setup:?}: {outcome:?}");
            assert_eq!(outcome.others_throttled, 0, "{setup:?}: {outcome:?}");
            assert!(outcome.used >= 0.95, "{setup:?}: {outcome:?}");
            // Our share is used, whatever the others do.
            assert!(
                outcome.pace >= 0.95 * rate * (1.0 - SHARE),
                "{setup:?}: {outcome:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn alone_all_of_the_budget_is_used() {
    assert_no_throttling_and_no_waste(Pattern::Nobody, 100).await;
}

#[tokio::test(start_paused = true)]
async fn beside_others_with_random_requests_all_that_they_leave_is_used() {
    assert_no_throttling_and_no_waste(Pattern::Random, 200).await;
}

#[tokio::test(start_paused = true)]
async fn beside_others_who_take_their_share_in_bursts_all_that_they_leave_is_used() {
    assert_no_throttling_and_no_waste(Pattern::Bursts, 300).await;
}

#[tokio::test(start_paused = true)]
async fn beside_others_who_take_all_of_their_share_at_once_all_that_they_leave_is_used() {
    assert_no_throttling_and_no_waste(Pattern::Greedy, 400).await;
}

/// The others take their whole allowance at the worst moment: just before a request arrives.
#[tokio::test(start_paused = true)]
async fn others_at_the_worst_moment_cause_no_throttling() {
    assert_no_throttling_and_no_waste(Pattern::Ambush, 500).await;
}

#[tokio::test(start_paused = true)]
async fn requests_with_slow_responses_run_concurrently() {
    for (rate, concurrency) in [(100.0, 8), (1000.0, 32), (2000.0, 64)] {
        let setup = Setup {
            phases: [0.5, 3.0, 0.5],
            ..Setup::new(rate, concurrency, Pattern::Random, 600)
        };
        let outcome = run(setup).await;
        assert_eq!(outcome.throttled, 0, "{setup:?}: {outcome:?}");
        assert!(outcome.used >= 0.95, "{setup:?}: {outcome:?}");
    }
}

/// Outside the guarantee, but still without throttling: others who always take three times their share.
#[tokio::test(start_paused = true)]
async fn others_who_steadily_take_more_than_their_share_cause_no_throttling() {
    for rate in RATES {
        for concurrency in [1, 8] {
            let setup = Setup::new(rate, concurrency, Pattern::Evenly { times: 3.0 }, 700);
            let outcome = run(setup).await;
            assert_eq!(outcome.throttled, 0, "{setup:?}: {outcome:?}");
            assert!(outcome.used >= 0.95, "{setup:?}: {outcome:?}");
        }
    }
}

/// Outside the guarantee: others who take four times their share at once. The governor learns from the first bursts.
#[tokio::test(start_paused = true)]
async fn bursts_beyond_the_share_are_learned() {
    for rate in RATES {
        let setup = Setup::new(rate, 8, Pattern::Flood { times: 4.0 }, 800);
        let outcome = run(setup).await;
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let part = outcome.throttled as f64 / outcome.requests as f64;
        assert!(part <= 0.002, "{setup:?}: {outcome:?}");
        assert!(outcome.used >= 0.95, "{setup:?}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_are_admitted_in_their_order() {
    let bucket = Bucket::new(1000.0, 50.0);
    let governor = Rc::new(Governor::new(0.0));
    let known = |name: &str, requested: f64| (RequestSpec::new(name), requested);
    for (spec, requested) in [known("Cheap", 1.0), known("Expensive", 900.0)] {
        advance(Duration::from_mins(1)).await;
        let reservation = governor.reserve(&spec).await.unwrap();
        let BucketResponse::Done(status) = bucket.query(requested, requested, Duration::ZERO).await
        else {
            panic!("there is enough");
        };
        let cost = Cost::new(requested, Some(requested), status);
        reservation.settle(Some(&cost));
    }
    let order = Rc::new(std::cell::RefCell::new(Vec::new()));
    let tasks = LocalSet::new();
    for (place, name) in ["Expensive", "Cheap", "Expensive", "Cheap", "Cheap"]
        .into_iter()
        .enumerate()
    {
        let (governor, order) = (Rc::clone(&governor), Rc::clone(&order));
        tasks.spawn_local(async move {
            let reservation = governor.reserve(&RequestSpec::new(name)).await.unwrap();
            order.borrow_mut().push(place);
            reservation.release();
        });
    }
    tasks.await;
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_block_the_next() {
    let (governor, _) = drained().await;
    let start = Instant::now();
    let first = timeout(
        Duration::from_secs(1),
        governor.reserve(&RequestSpec::new("Expensive")),
    )
    .await;
    assert!(first.is_err(), "the bucket is nearly empty");
    governor
        .reserve(&RequestSpec::new("Cheap"))
        .await
        .unwrap()
        .release();
    assert!(start.elapsed() < Duration::from_millis(1100));
}

/// A governor of a bucket of 1,000 points with 50 a second that is nearly empty, and that bucket.
async fn drained() -> (Governor, Bucket) {
    let bucket = Bucket::new(1000.0, 50.0);
    let governor = Governor::new(0.0);
    for (name, requested) in [("Cheap", 1.0), ("Expensive", 990.0)] {
        let reservation = governor
            .reserve(&RequestSpec::new(name))
            .await
            .expect("payable");
        let response = bucket.query(requested, requested, Duration::ZERO).await;
        let BucketResponse::Done(status) = response else {
            panic!("there is enough");
        };
        reservation.settle(Some(&Cost::new(requested, Some(requested), status)));
    }
    (governor, bucket)
}

#[tokio::test(start_paused = true)]
async fn a_refund_admits_a_waiting_caller() {
    let governor = Governor::new(0.0);
    let bucket = Bucket::new(1000.0, 50.0);
    let probe = governor.reserve(&RequestSpec::new("A")).await.unwrap();
    let BucketResponse::Done(status) = bucket.query(600.0, 0.0, Duration::ZERO).await else {
        panic!("there is enough");
    };
    probe.settle(Some(&Cost::new(600.0, Some(0.0), status)));
    let in_flight = governor.reserve(&RequestSpec::new("A")).await.unwrap();
    let start = Instant::now();
    let response = async {
        sleep(Duration::from_secs(1)).await;
        in_flight.settle(Some(&Cost::new(600.0, Some(10.0), status)));
    };
    let spec = RequestSpec::new("A");
    let (second, ()) = tokio::join!(governor.reserve(&spec), response);
    second.unwrap().release();
    assert!(start.elapsed() < Duration::from_millis(1010));
}

#[tokio::test(start_paused = true)]
async fn a_query_above_the_bucket_size_is_rejected_at_once() {
    let governor = Governor::new(0.5);
    let bucket = Bucket::new(1000.0, 50.0);
    let reservation = governor.reserve(&RequestSpec::new("A")).await.unwrap();
    let BucketResponse::Done(status) = bucket.query(700.0, 700.0, Duration::ZERO).await else {
        panic!("there is enough");
    };
    reservation.settle(Some(&Cost::new(700.0, Some(700.0), status)));
    assert_eq!(
        governor.cost_above_share(&RequestSpec::new("A")),
        Some(700.0)
    );
    // Shopify may shrink the bucket.
    let smaller = ThrottleStatus {
        maximum_available: 500.0,
        currently_available: 500.0,
        restore_rate: 25.0,
    };
    let reservation = governor.reserve(&RequestSpec::new("B")).await.unwrap();
    reservation.settle(Some(&Cost::new(1.0, Some(1.0), smaller)));
    let start = Instant::now();
    let error = governor.reserve(&RequestSpec::new("A")).await.unwrap_err();
    assert_eq!((error.cost, error.maximum), (700.0, 500.0));
    assert_eq!(start.elapsed(), Duration::ZERO);
    governor
        .reserve(&RequestSpec::new("B"))
        .await
        .unwrap()
        .release();
}

#[tokio::test(start_paused = true)]
async fn until_the_bucket_is_known_requests_are_sent_one_at_a_time() {
    let governor = Governor::new(0.1);
    let first = governor.reserve(&RequestSpec::new("A")).await.unwrap();
    let waiting = timeout(
        Duration::from_mins(1),
        governor.reserve(&RequestSpec::new("A")),
    )
    .await;
    assert!(waiting.is_err(), "nothing is known yet");
    // Its response is lost, so the next request finds out the size.
    drop(first);
    let second = governor.reserve(&RequestSpec::new("A")).await.unwrap();
    assert_eq!(governor.budget(), None);
    // An endpoint that states no status does not delay further requests.
    second.settle(None);
    let (third, fourth) = (
        governor.reserve(&RequestSpec::new("A")).await.unwrap(),
        governor.reserve(&RequestSpec::new("A")).await.unwrap(),
    );
    third.release();
    fourth.release();
}

/// Figures that no bucket can have would make callers wait forever.
#[tokio::test(start_paused = true)]
async fn impossible_costs_stop_no_request() {
    for (available, actual) in [
        (-1e300, 10.0),
        (1000.0, 1e308),
        (-5000.0, -5000.0),
        (1e300, f64::NAN),
        (f64::NAN, f64::INFINITY),
    ] {
        let (governor, _) = drained().await;
        let invalid = ThrottleStatus {
            maximum_available: 1000.0,
            currently_available: available,
            restore_rate: 50.0,
        };
        let both = [
            governor.reserve(&RequestSpec::new("Cheap")).await.unwrap(),
            governor.reserve(&RequestSpec::new("Cheap")).await.unwrap(),
        ];
        for reservation in both {
            reservation.settle(Some(&Cost::new(1.0, Some(actual), invalid)));
        }
        let expensive = timeout(
            Duration::from_mins(3),
            governor.reserve(&RequestSpec::new("Expensive")),
        )
        .await;
        expensive.expect("it fills within 20 s").unwrap().release();
        let budget = governor.budget().unwrap();
        assert!(
            budget.available <= 1000.0,
            "{available} {actual}: {budget:?}"
        );
    }
}

/// A share given in percent, such as 10 for 10 %, does not make every page too expensive.
#[tokio::test(start_paused = true)]
async fn a_share_outside_its_limits_is_clamped() {
    for (share, reserve) in [(10.0, 900.0), (-1.0, 0.0), (f64::NAN, 0.0)] {
        let governor = Governor::new(share);
        let bucket = Bucket::new(1000.0, 50.0);
        let reservation = governor.reserve(&RequestSpec::new("A")).await.unwrap();
        let BucketResponse::Done(status) = bucket.query(10.0, 10.0, Duration::ZERO).await else {
            panic!("there is enough");
        };
        reservation.settle(Some(&Cost::new(10.0, Some(10.0), status)));
        assert_eq!(
            governor.cost_above_share(&RequestSpec::new("A")),
            None,
            "{share}"
        );
        let left = governor.budget().unwrap().reserve;
        assert!((left - reserve).abs() < 1e-6, "{share}: {left}");
    }
}

#[tokio::test(start_paused = true)]
async fn budget_and_operation_costs_are_exposed() {
    let (governor, _) = drained().await;
    let budget = governor.budget().unwrap();
    assert!((budget.maximum - 1000.0).abs() < 0.1 && (budget.restore_rate - 50.0).abs() < 0.1);
    assert!(
        budget.available < 60.0 && budget.in_flight.abs() < 0.1,
        "{budget:?}"
    );
    let cost = governor.operation_cost("Expensive").unwrap();
    assert_eq!((cost.responses, cost.requested), (1, 990.0));
    assert_eq!(governor.operation_cost("Other"), None);
}

/// A response with a page of one location, and its cost, from a bucket of 100 points.
fn locations(number: u64, more: bool, requested: f64) -> ResponseTemplate {
    let location = json!({
        "id": format!("gid://shopify/Location/{number}"),
        "legacyResourceId": number.to_string(),
        "name": "Here",
        "isActive": true,
        "updatedAt": "2026-11-01T00:00:00Z",
    });
    let page = json!({
        "nodes": [location],
        "pageInfo": { "hasNextPage": more, "endCursor": format!("cursor-{number}") },
    });
    let status =
        json!({ "maximumAvailable": 100.0, "currentlyAvailable": 100, "restoreRate": 5.0 });
    let cost = json!({
        "requestedQueryCost": requested, "actualQueryCost": 1, "throttleStatus": status,
    });
    let response = json!({ "data": { "locations": page }, "extensions": { "cost": cost } });
    json_response(200, &response)
}

/// Shopify would execute the larger page, but with points that belong to the others.
#[tokio::test]
async fn pages_shrink_until_they_fit_beside_the_share_of_the_others() {
    let script = Script::start().await;
    script
        .then("LocationsPage", locations(1, true, 95.0))
        .then("LocationsPage", locations(2, true, 92.0))
        .then("LocationsPage", locations(3, true, 89.0))
        .then("LocationsPage", locations(4, false, 89.0));
    let shop = script.shop_with(builder().headroom(0.1));
    let found = shop.locations().map(Result::unwrap).count().await;
    assert_eq!(found, 4);
    assert_eq!(shop.usage().throttled, 0);
    let sizes: Vec<_> = script
        .finish()
        .into_iter()
        .map(|request| request.variables["first"].as_u64().unwrap())
        .collect();
    assert_eq!(sizes, [250, 125, 62, 62]);
    let known = shop.governor().operation_cost("LocationsPage").unwrap();
    assert_eq!((known.responses, known.requested), (4, 89.0));
}
