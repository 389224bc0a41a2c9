//! Tests crashing processes, and several processes that share a store.

use std::time::Duration;

use futures::FutureExt;
use secrecy::ExposeSecret;
use shopify_client::TokenSource;
use tokio::time::{Instant, advance, sleep, timeout};

use super::shopify::{Fault, HOUR, Setup, shop};
use super::{MINUTE, error, token};

/// Lets a process crash after Shopify has issued a new pair and before it is saved.
async fn crash_before_saving(setup: &Setup, seed: u64) {
    let process = setup.process(seed);
    setup.store.hang_saves(1);
    let given_up = timeout(
        Duration::from_secs(20),
        process.shop(&shop()).access_token(),
    )
    .await;
    // A caller with a valid token has continued with it.
    drop(given_up);
    drop(process);
    let record = setup.store.record().await;
    assert_eq!(record.version, 1, "nothing was saved");
    assert!(record.attempt.is_some(), "but the attempt is recorded");
    assert_eq!(setup.shopify.requests(), ["refresh refresh-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_response_and_save_loses_nothing() {
    let setup = Setup::installed();
    advance(MINUTE * 56).await;
    crash_before_saving(&setup, 20).await;
    let next = setup.process(21).shop(&shop());
    assert_eq!(token(&next).await, "access-1", "valid until it expires");
    assert_eq!(
        setup.shopify.requests().len(),
        1,
        "the crashed process may still be alive"
    );
    advance(MINUTE).await;
    assert_eq!(token(&next).await, "access-3");
    assert_eq!(setup.shopify.requests(), ["refresh refresh-1"; 2]);
    advance(HOUR).await;
    assert_eq!(token(&next).await, "access-4");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_an_expired_token_is_waited_for_until_the_lease_is_over() {
    let setup = Setup::installed();
    advance(HOUR).await;
    crash_before_saving(&setup, 22).await;
    let next = setup.process(23).shop(&shop());
    let start = Instant::now();
    assert_eq!(token(&next).await, "access-3");
    assert!(start.elapsed() <= MINUTE, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_restarts_many_times_recovers() {
    let setup = Setup::installed();
    advance(HOUR).await;
    setup.store.hang_saves(u32::MAX);
    for seed in 30..40 {
        let process = setup.process(seed);
        let source = process.shop(&shop());
        let died = timeout(MINUTE * 2, source.access_token()).await;
        assert!(died.is_err(), "seed {seed}");
    }
    setup.store.clear_faults();
    assert!(
        token(&setup.process(40).shop(&shop()))
            .await
            .starts_with("access-")
    );
    let requests = setup.shopify.requests();
    assert!(
        requests.len() > 10
            && requests
                .iter()
                .all(|request| request == "refresh refresh-1")
    );
}

/// The response to an abandoned request is not lost while the process lives.
#[tokio::test(start_paused = true)]
async fn the_renewal_survives_the_caller_that_started_it() {
    let setup = Setup::installed();
    let process = setup.process(24);
    advance(HOUR).await;
    let first = process.shop(&shop());
    let second = process.shop(&shop());
    let mut began = Box::pin(first.access_token());
    assert!(began.as_mut().now_or_never().is_none());
    drop(began);
    assert_eq!(token(&second).await, "access-2");
    assert_eq!(setup.shopify.requests().len(), 1);
}

/// Otherwise resources of the store, such as a connection, would stay in use.
#[tokio::test(start_paused = true)]
async fn an_abandoned_renewal_continues() {
    let setup = Setup::installed();
    let process = setup.process(26);
    advance(HOUR).await;
    let source = process.shop(&shop());
    let mut began = Box::pin(source.access_token());
    assert!(began.as_mut().now_or_never().is_none());
    drop(began);
    // Paused time advances automatically while the renewal runs.
    sleep(MINUTE).await;
    assert_eq!(
        setup.store.record().await.version,
        2,
        "the new pair is saved"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_save_is_retried_before_the_new_token_is_used() {
    let setup = Setup::installed();
    let source = setup.process(25).shop(&shop());
    advance(HOUR).await;
    setup.store.fail_saves(3);
    assert_eq!(token(&source).await, "access-2");
    assert_eq!(setup.shopify.requests().len(), 1);
    assert_eq!(setup.store.log(), ["begin", "save"]);
    assert_eq!(
        setup
            .store
            .record()
            .await
            .token
            .access_token
            .expose_secret(),
        "access-2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_cannot_be_saved_counts_as_lost() {
    let setup = Setup::installed();
    let source = setup.process(26).shop(&shop());
    advance(HOUR).await;
    setup.store.fail_saves(5);
    assert!(error(&source).await.retryable);
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-3");
    assert_eq!(setup.shopify.requests(), ["refresh refresh-1"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_respond_is_called_again() {
    let setup = Setup::installed();
    let source = setup.process(33).shop(&shop());
    advance(HOUR).await;
    setup.store.hang_saves(1);
    assert_eq!(token(&source).await, "access-2");
    assert_eq!(setup.shopify.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_one_renews_and_both_use_the_result() {
    let setup = Setup::installed();
    let (one, other) = (
        setup.process(27).shop(&shop()),
        setup.process(28).shop(&shop()),
    );
    for round in 1..=5 {
        advance(HOUR).await;
        let (first, second) = tokio::join!(token(&one), token(&other));
        let expected = format!("access-{}", round + 1);
        assert_eq!([&first, &second], [&expected, &expected]);
        assert_eq!(setup.shopify.requests().len(), round);
    }
}

#[tokio::test(start_paused = true)]
async fn while_another_process_renews_the_old_token_is_used() {
    let setup = Setup::installed();
    let (one, other) = (
        setup.process(29).shop(&shop()),
        setup.process(30).shop(&shop()),
    );
    token(&other).await;
    advance(MINUTE * 56).await;
    setup.shopify.fault(Fault::NoResponse);
    let first = tokio::spawn(async move { token(&one).await });
    advance(Duration::from_secs(1)).await;
    let start = Instant::now();
    assert_eq!(token(&other).await, "access-1");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(first.await.unwrap(), "access-1");
    assert_eq!(setup.shopify.requests().len(), 1);
}

/// Each attempt replaces the last one, so the recorded attempt never expires.
#[tokio::test(start_paused = true)]
async fn a_process_that_keeps_failing_is_not_awaited_forever() {
    let setup = Setup::installed();
    let (one, other) = (
        setup.process(34).shop(&shop()),
        setup.process(35).shop(&shop()),
    );
    advance(HOUR).await;
    for _ in 0..1000 {
        setup.shopify.fault(Fault::Unavailable);
    }
    let failing = tokio::spawn(async move {
        loop {
            assert!(error(&one).await.retryable);
            sleep(Duration::from_secs(1)).await;
        }
    });
    sleep(Duration::from_secs(2)).await;
    let start = Instant::now();
    let error = error(&other).await;
    assert!(error.retryable && !error.reauthorize, "{error:?}");
    let waited = start.elapsed();
    assert!(waited <= MINUTE + Duration::from_secs(1), "{waited:?}");
    assert!(!failing.is_finished(), "it continues");
    failing.abort();
    setup.shopify.clear_faults();
    advance(MINUTE * 2).await;
    assert_eq!(token(&other).await, "access-2");
}

/// A process was suspended for so long that another one renewed the token twice.
#[tokio::test(start_paused = true)]
async fn a_late_process_uses_the_stored_token() {
    let setup = Setup::installed();
    let (late, other) = (
        setup.process(31).shop(&shop()),
        setup.process(32).shop(&shop()),
    );
    let rejected = late.access_token().await.unwrap();
    for _ in 0..2 {
        advance(HOUR).await;
        token(&other).await;
    }
    let sent = setup.shopify.requests().len();
    assert_eq!(
        late.renew(&rejected).await.unwrap().expose_secret(),
        "access-3"
    );
    assert_eq!(token(&late).await, "access-3");
    assert_eq!(setup.shopify.requests().len(), sent);
}

/// The callers gave up between the attempt and the request, and return when another process has taken over. A
/// second use of the refresh token would retire the pair that the other process stored.
#[tokio::test(start_paused = true)]
async fn a_suspended_renewal_sends_nothing_after_its_lease() {
    for seed in 60..80 {
        let setup = Setup::installed();
        let (late, other) = (
            setup.process(seed).shop(&shop()),
            setup.process(seed + 100).shop(&shop()),
        );
        advance(HOUR).await;
        setup.store.delay_begins(1);
        let given_up = timeout(Duration::from_millis(500), late.access_token()).await;
        assert!(given_up.is_err());
        advance(MINUTE * 2).await;
        assert_eq!(token(&other).await, "access-2");
        let _ = late.access_token().await;
        assert_eq!(
            setup.shopify.requests(),
            ["refresh refresh-1"],
            "seed {seed}"
        );
        advance(MINUTE).await;
        assert_eq!(token(&late).await, "access-2");
    }
}
