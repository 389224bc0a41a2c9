//! Tests concurrent changes, abandoned calls and wrong clocks.

use std::time::Duration;

use chrono::TimeDelta;
use shopify_client::TokenSource;
use tokio::time::{Instant, advance, sleep, timeout};

use super::shopify::{Fault, HOUR, Setup, shop};
use super::{MINUTE, error, token};

/// The simulated Shopify accepts one request at a time.
#[tokio::test(start_paused = true)]
async fn concurrent_migrations_send_one_request_at_a_time() {
    let setup = Setup::permanent();
    let source = setup.process(80).shop(&shop());
    setup.shopify.fault(Fault::Unavailable);
    let (first, second, third) = tokio::join!(source.migrate(), source.migrate(), source.migrate());
    assert!(first.unwrap_err().retryable);
    second.unwrap();
    third.unwrap();
    assert_eq!(token(&source).await, "access-2");
    assert_eq!(setup.shopify.requests(), ["migrate permanent-1"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_running_renewal_continues_when_a_shop_is_forgotten() {
    let setup = Setup::installed();
    let process = setup.process(81);
    let source = process.shop(&shop());
    advance(HOUR).await;
    let forgotten = async {
        sleep(Duration::from_millis(100)).await;
        process.forget(&shop());
        token(&source).await
    };
    let (before, after) = tokio::join!(token(&source), forgotten);
    assert_eq!([before.as_str(), after.as_str()], ["access-2"; 2]);
    assert_eq!(setup.shopify.requests(), ["refresh refresh-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_row_read_before_a_shop_was_forgotten_is_read_again() {
    let setup = Setup::installed();
    let process = setup.process(82);
    let source = process.shop(&shop());
    setup.store.delay_loads(1);
    let installed = async {
        sleep(Duration::from_millis(500)).await;
        setup.store.rows.install(&shop(), setup.shopify.install());
        process.forget(&shop());
        token(&source).await
    };
    let (before, after) = tokio::join!(token(&source), installed);
    assert_eq!(
        [before.as_str(), after.as_str()],
        ["access-1", "access-2"],
        "a caller after the installation gets its token"
    );
    assert_eq!(token(&source).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn an_old_failure_is_not_reported_hours_later() {
    let setup = Setup::installed();
    let source = setup.process(83).shop(&shop());
    advance(HOUR).await;
    setup.shopify.fault(Fault::Unavailable);
    let given_up = timeout(Duration::from_millis(100), source.access_token()).await;
    assert!(given_up.is_err());
    sleep(HOUR).await;
    assert_eq!(setup.shopify.requests().len(), 1, "the renewal failed");
    assert_eq!(token(&source).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_once_costs_one_error() {
    let setup = Setup::installed();
    let source = setup.process(77).shop(&shop());
    setup.store.panic_at_loads(1);
    assert!(error(&source).await.retryable);
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-1");
}

/// A store that always reports a changed row, as one does that stores an attempt with less precision.
#[tokio::test(start_paused = true)]
async fn a_store_that_never_saves_fails_the_renewal() {
    let setup = Setup::installed();
    let source = setup.process(84).shop(&shop());
    advance(HOUR).await;
    setup.store.reject_saves(u32::MAX);
    assert!(error(&source).await.retryable);
    assert_eq!(setup.shopify.requests().len(), 4);
    setup.store.clear_faults();
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-6");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_whole_milliseconds() {
    let setup = Setup::installed();
    advance(HOUR).await;
    setup.store.hang_saves(1);
    let source = setup.process(85).shop(&shop());
    let died = timeout(Duration::from_secs(20), source.access_token()).await;
    assert!(died.is_err());
    let begun = setup.store.record().await.attempt.unwrap().begun_at;
    assert_eq!(begun.timestamp_subsec_nanos(), 987_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_extend_a_pause() {
    let setup = Setup::installed();
    let source = setup.process(86).shop(&shop());
    advance(HOUR).await;
    setup.clock.jump(TimeDelta::days(1));
    setup.shopify.fault(Fault::Unavailable);
    assert!(error(&source).await.retryable);
    setup.clock.jump(TimeDelta::days(-1));
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-2");
}

/// The attempt of a crashed process with a fast clock excludes others for no longer than any other attempt.
#[tokio::test(start_paused = true)]
async fn an_attempt_from_the_future_excludes_no_process() {
    let setup = Setup::installed();
    advance(HOUR).await;
    setup.clock.jump(TimeDelta::days(30));
    setup.store.hang_saves(1);
    let dying = setup.process(89);
    let died = timeout(Duration::from_secs(20), dying.shop(&shop()).access_token()).await;
    assert!(died.is_err());
    drop(dying);
    setup.clock.jump(TimeDelta::days(-30));
    let start = Instant::now();
    assert_eq!(token(&setup.process(79).shop(&shop())).await, "access-3");
    assert!(start.elapsed() <= MINUTE, "{:?}", start.elapsed());
}

/// The installation retires the refresh token in use; the stored token counts.
#[tokio::test(start_paused = true)]
async fn an_installation_during_a_renewal_is_used() {
    let setup = Setup::installed();
    let source = setup.process(78).shop(&shop());
    advance(HOUR).await;
    let install = async {
        sleep(Duration::from_millis(100)).await;
        setup.store.rows.install(&shop(), setup.shopify.install());
    };
    let (token, ()) = tokio::join!(token(&source), install);
    assert_eq!(token, "access-2");
    assert_eq!(setup.shopify.requests(), ["refresh refresh-1"]);
}

/// With a wrong clock in either direction, Shopify's 401 leads to a valid token.
#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_costs_a_renewal_and_no_token() {
    for days in [-400, -1, 1, 400] {
        let setup = Setup::installed();
        let source = setup.process(87).shop(&shop());
        token(&source).await;
        setup.clock.jump(TimeDelta::days(days));
        let first = source.access_token().await.unwrap();
        let second = source.renew(&first).await.unwrap();
        assert!(setup.shopify.accepts(&second), "{days}");
        let sent = setup.shopify.requests().len();
        assert!((1..=2).contains(&sent), "{days}: {sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_installation_after_a_removal_is_found() {
    let setup = Setup::installed();
    let source = setup.process(88).shop(&shop());
    let rejected = source.access_token().await.unwrap();
    setup.shopify.revoke();
    assert!(source.renew(&rejected).await.unwrap_err().reauthorize);
    setup.store.rows.remove(&shop());
    setup.store.rows.install(&shop(), setup.shopify.install());
    assert_eq!(setup.store.record().await.version, 2, "not 1 again");
    advance(MINUTE).await;
    let renewed = source.renew(&rejected).await.unwrap();
    assert!(setup.shopify.accepts(&renewed));
}
