//! Tests how long a request waits. The clock is tokio's, paused. A ticker advances it during requests, in small steps,
//! so that nothing times out.

use std::time::Duration;

use serde_json::json;
use shopify_client::{Client, ClientBuilder, Error, RetryPolicy, Timeouts};
use tokio::time::{Instant, sleep};
use wiremock::ResponseTemplate;

use crate::script::{Script, a_shop, data, json_response, throttled};

/// A builder with the default settings, except that no request times out.
fn builder() -> ClientBuilder {
    Client::builder().timeouts(Timeouts {
        connect: Duration::from_hours(10_000),
        request: Duration::from_hours(10_000),
    })
}

async fn tick() {
    loop {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Requests the shop. Returns the outcome and the duration by the paused clock.
async fn timed(script: &Script, builder: ClientBuilder) -> (Result<(), Error>, Duration) {
    let shop = script.shop_with(builder);
    let start = Instant::now();
    let outcome = tokio::select! {
        outcome = shop.shop() => outcome.map(drop),
        () = tick() => unreachable!(),
    };
    (outcome, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_retry_after_in_seconds() {
    let script = Script::start().await;
    let later = throttled(429).insert_header("Retry-After", "90.0");
    script.then("Shop", later).then("Shop", data(&a_shop()));
    let (outcome, took) = timed(&script, builder()).await;
    outcome.unwrap();
    assert!(took >= Duration::from_secs(90), "{took:?}");
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_is_compared_with_the_date_of_the_response() {
    let script = Script::start().await;
    let later = ResponseTemplate::new(503)
        .insert_header("Date", "Tue, 24 Nov 2026 12:00:00 GMT")
        .insert_header("Retry-After", "Tue, 24 Nov 2026 12:01:30 GMT");
    script.then("Shop", later).then("Shop", data(&a_shop()));
    let (outcome, took) = timed(&script, builder()).await;
    outcome.unwrap();
    assert!(took >= Duration::from_secs(90), "{took:?}");
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_the_retry_budget_is_left_to_the_caller() {
    let script = Script::start().await;
    script.then("Shop", throttled(429).insert_header("Retry-After", "3600"));
    let (outcome, took) = timed(&script, builder()).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_hours(1)));
    assert!(matches!(error, Error::Throttled { .. }), "{error:?}");
    assert!(took < Duration::from_hours(1), "{took:?}");
    script.finish();
}

#[tokio::test(start_paused = true)]
async fn repeated_throttling_ends_with_the_retry_budget() {
    let script = Script::start().await;
    for _ in 0..60 {
        script.then("Shop", throttled(200));
    }
    let policy = RetryPolicy {
        budget: Duration::from_secs(30),
        ..RetryPolicy::default()
    };
    let (outcome, _) = timed(&script, builder().retry(policy)).await;
    assert!(
        matches!(outcome, Err(Error::Throttled { .. })),
        "{outcome:?}"
    );
    let requests = script.requests().len();
    assert!(
        (3..30).contains(&requests),
        "{requests}: at least a second between each two"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_its_points_before_it_is_sent() {
    let script = Script::start().await;
    let cost = json!({
        "requestedQueryCost": 100, "actualQueryCost": 100,
        "throttleStatus": { "maximumAvailable": 200, "currentlyAvailable": 20, "restoreRate": 1 },
    });
    let response = json!({ "data": a_shop(), "extensions": { "cost": cost } });
    script
        .then("Shop", json_response(200, &response))
        .then("Shop", data(&a_shop()));
    let shop = script.shop_with(builder().headroom(0.0));
    let both = async {
        shop.shop().await.unwrap();
        let start = Instant::now();
        shop.shop().await.unwrap();
        start.elapsed()
    };
    let took = tokio::select! {
        took = both => took,
        () = tick() => unreachable!(),
    };
    assert!(
        took >= Duration::from_secs(79),
        "{took:?}: 80 points are missing"
    );
    assert_eq!(shop.usage().throttled, 0);
    script.finish();
}
