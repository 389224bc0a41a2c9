//! Tests managed tokens against a strict token endpoint, a failing store and crashing processes. Time is paused.

mod chaos;
mod crash;
mod migration;
mod races;
mod responses;
mod shopify;
mod store;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use shopify_client::oauth::{AppCredentials, TokenGrant};
use shopify_client::token::{AppGrants, ManagedToken, StoredToken};
use shopify_client::{Error, ManagedTokens, ShopDomain, TokenError, TokenSource};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::script::{Script, builder, client_at, json_response};
use shopify::{Fault, HOUR, Setup, shop};
use store::Store;

const MINUTE: Duration = Duration::from_mins(1);

async fn token(source: &ManagedToken) -> String {
    let token = source.access_token().await.unwrap();
    token.expose_secret().to_owned()
}

async fn error(source: &ManagedToken) -> TokenError {
    source.access_token().await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_send_one_request() {
    let setup = Setup::installed();
    let source = setup.process(1).shop(&shop());
    for round in 1..=3 {
        advance(HOUR).await;
        let callers = (0..1000).map(|_| {
            let source = source.clone();
            tokio::spawn(async move { token(&source).await })
        });
        let tokens = join_all(callers).await;
        let expected = format!("access-{}", round + 1);
        assert!(tokens.into_iter().all(|token| token.unwrap() == expected));
        assert_eq!(setup.shopify.requests().len(), round);
    }
}

/// Like the previous test, on several threads; half of the callers pass a rejected token.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_callers_on_several_threads_send_one_request() {
    let setup = Setup::installed();
    let process = setup.process(2);
    let rejected = process.shop(&shop()).access_token().await.unwrap();
    let callers = (0..1000).map(|number| {
        let (source, rejected) = (process.shop(&shop()), rejected.clone());
        tokio::spawn(async move {
            let renewed = source.renew(&rejected).await.unwrap();
            let again = if number % 2 == 0 {
                source.access_token().await
            } else {
                source.renew(&rejected).await
            };
            assert_eq!(again.unwrap().expose_secret(), renewed.expose_secret());
            renewed.expose_secret().to_owned()
        })
    });
    let tokens = join_all(callers).await;
    assert!(tokens.into_iter().all(|token| token.unwrap() == "access-2"));
    assert_eq!(setup.shopify.requests(), ["refresh refresh-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_five_to_ten_minutes_ahead_each_at_another_moment() {
    let mut moments = HashSet::new();
    for seed in 0..40 {
        let setup = Setup::installed();
        let source = setup.process(seed).shop(&shop());
        let start = Instant::now();
        while token(&source).await == "access-1" {
            advance(Duration::from_secs(1)).await;
        }
        let after = start.elapsed();
        let ahead = HOUR.checked_sub(after).unwrap();
        let expected = Duration::from_secs(298)..=MINUTE * 10;
        assert!(expected.contains(&ahead), "seed {seed}: {ahead:?} ahead");
        moments.insert(after.as_secs());
    }
    assert!(moments.len() > 30, "{moments:?}");
}

#[tokio::test(start_paused = true)]
async fn while_the_old_token_is_valid_callers_wait_only_briefly() {
    let setup = Setup::installed();
    let source = setup.process(3).shop(&shop());
    token(&source).await;
    advance(MINUTE * 56).await;
    setup.shopify.fault(Fault::NoResponse);
    let start = Instant::now();
    assert_eq!(token(&source).await, "access-1");
    assert_eq!(start.elapsed().as_secs(), 10);
    // The request is abandoned after half a minute, and retried later.
    let start = Instant::now();
    while token(&source).await == "access-1" {
        sleep(Duration::from_secs(1)).await;
    }
    assert!(start.elapsed() < MINUTE, "{:?}", start.elapsed());
    assert_eq!(setup.shopify.requests(), ["refresh refresh-1"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_or_unreadable_response_is_retried_with_the_same_refresh_token() {
    for fault in [Fault::LostResponse, Fault::TruncatedResponse] {
        let setup = Setup::installed();
        let source = setup.process(4).shop(&shop());
        advance(MINUTE * 56).await;
        setup.shopify.fault(fault);
        assert_eq!(token(&source).await, "access-1");
        advance(MINUTE).await;
        // Pair 2 was issued but never received.
        assert_eq!(token(&source).await, "access-3");
        assert_eq!(setup.shopify.requests(), ["refresh refresh-1"; 2]);
        advance(HOUR).await;
        assert_eq!(token(&source).await, "access-4");
        assert_eq!(setup.shopify.requests()[2], "refresh refresh-3");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_shopify_is_retried_with_pauses_and_the_old_token_is_used_until_it_expires() {
    let setup = Setup::installed();
    let source = setup.process(5).shop(&shop());
    for _ in 0..1000 {
        setup.shopify.fault(Fault::Unavailable);
    }
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3599) {
        assert_eq!(token(&source).await, "access-1");
        advance(Duration::from_millis(500)).await;
    }
    let sent = setup.shopify.requests().len();
    assert!(
        (10..50).contains(&sent),
        "{sent} requests in at most ten minutes"
    );
    advance(MINUTE).await;
    for _ in 0..100 {
        let error = error(&source).await;
        assert!(error.retryable && !error.reauthorize, "{error:?}");
    }
    let further = setup.shopify.requests().len() - sent;
    assert!(further <= 2, "{further} requests for 100 calls");
    setup.shopify.clear_faults();
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_grant_without_a_lifetime_lasts_an_hour() {
    let setup = Setup::installed();
    let source = setup.process(6).shop(&shop());
    for lasts in [None, Some(Duration::ZERO)] {
        setup.shopify.set_lifetime(lasts);
        advance(HOUR).await;
        token(&source).await;
        let record = setup.store.record().await;
        let lasts =
            record.token.expires_at.unwrap() - shopify_client::token::Clock::now(&*setup.clock);
        assert!((3590..=3600).contains(&lasts.num_seconds()), "{lasts}");
    }
}

#[test]
fn a_grant_without_refresh_token_and_lifetime_never_expires() {
    let now = DateTime::from_timestamp(0, 0).unwrap();
    let grant = |expires_in, refresh: bool| TokenGrant {
        access_token: "access".into(),
        scopes: Vec::new(),
        expires_in,
        refresh_token: refresh.then(|| "refresh".into()),
        refresh_token_expires_in: None,
    };
    let ends = |grant| {
        let end = StoredToken::from_grant(grant, now).expires_at;
        end.map(|end| end.timestamp())
    };
    assert_eq!(ends(grant(None, false)), None);
    assert_eq!(ends(grant(None, true)), Some(3600));
    assert_eq!(ends(grant(Some(MINUTE), true)), Some(60));
    assert_eq!(ends(grant(Some(HOUR * 24), false)), Some(86400));
    assert_eq!(ends(grant(Some(Duration::MAX), true)), None);
}

/// Tokens of a minute, which Shopify does not grant today, are not renewed at every use.
#[tokio::test(start_paused = true)]
async fn a_short_token_is_renewed_after_half_its_life() {
    let setup = Setup::installed();
    setup.shopify.set_lifetime(Some(MINUTE));
    let source = setup.process(7).shop(&shop());
    advance(HOUR).await;
    let start = Instant::now();
    while start.elapsed() < MINUTE * 10 {
        token(&source).await;
        advance(Duration::from_secs(1)).await;
    }
    let sent = setup.shopify.requests().len();
    assert!((18..=22).contains(&sent), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_retired_refresh_token_requires_the_merchant() {
    let setup = Setup::installed();
    let process = setup.process(8);
    let source = process.shop(&shop());
    let first = source.access_token().await.unwrap();
    // Another installation, unknown to this store.
    setup.shopify.install();
    advance(MINUTE * 56).await;
    for _ in 0..10 {
        assert_eq!(token(&source).await, "access-1", "valid until it expires");
        advance(Duration::from_secs(20)).await;
    }
    advance(MINUTE * 5).await;
    let error = error(&source).await;
    assert!(error.reauthorize && !error.retryable);
    assert!(matches!(Error::from(error), Error::Reauthorize));
    advance(HOUR).await;
    let error = source.renew(&first).await.unwrap_err();
    assert!(error.reauthorize);
    assert_eq!(
        setup.shopify.requests(),
        ["refresh refresh-1"],
        "once is enough"
    );

    setup.store.rows.install(&shop(), setup.shopify.install());
    process.forget(&shop());
    assert_eq!(token(&source).await, "access-3");
}

#[tokio::test(start_paused = true)]
async fn a_new_installation_by_another_process_is_found() {
    let setup = Setup::installed();
    let source = setup.process(9).shop(&shop());
    setup.shopify.revoke();
    let rejected = SecretString::from("access-1");
    assert!(source.renew(&rejected).await.unwrap_err().reauthorize);
    // By another process.
    setup.store.rows.install(&shop(), setup.shopify.install());
    advance(MINUTE).await;
    assert_eq!(
        source.renew(&rejected).await.unwrap().expose_secret(),
        "access-2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_does_not_require_the_merchant() {
    let setup = Setup::installed();
    let source = setup.process(10).shop(&shop());
    advance(HOUR).await;
    setup.shopify.fault(Fault::WrongSecret);
    let error = error(&source).await;
    assert!(!error.reauthorize && !error.retryable, "{error:?}");
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-2", "the secret was corrected");
}

#[tokio::test(start_paused = true)]
async fn without_an_installation_there_is_no_token() {
    let setup = Setup::new();
    let source = setup.process(11).shop(&shop());
    let error = error(&source).await;
    assert!(!error.retryable && !error.reauthorize);
    assert!(setup.shopify.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_store_does_no_harm_while_the_token_is_valid() {
    let setup = Setup::installed();
    let source = setup.process(12).shop(&shop());
    setup.store.fail_loads(1);
    assert!(error(&source).await.retryable, "no token was loaded yet");
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-1");
    advance(MINUTE * 55).await;
    setup.store.fail_loads(1);
    assert_eq!(token(&source).await, "access-1");
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_renewed_at_once_and_for_all() {
    let setup = Setup::installed();
    let source = setup.process(13).shop(&shop());
    let rejected = source.access_token().await.unwrap();
    let renewed = join_all((0..1000).map(|_| source.renew(&rejected))).await;
    assert!(
        renewed
            .into_iter()
            .all(|token| token.unwrap().expose_secret() == "access-2")
    );
    assert_eq!(setup.shopify.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_that_time_out_do_not_cancel_the_renewal() {
    let setup = Setup::installed();
    let source = setup.process(14).shop(&shop());
    advance(HOUR).await;
    for _ in 0..5 {
        let given_up = timeout(Duration::from_millis(50), source.access_token()).await;
        assert!(given_up.is_err());
    }
    assert_eq!(token(&source).await, "access-2");
    assert_eq!(setup.shopify.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn client_credentials_need_no_store_and_are_requested_again() {
    let setup = Setup::new();
    let source = setup.builder(15).client_credentials().build().shop(&shop());
    assert_eq!(token(&source).await, "access-1");
    assert_eq!(token(&source).await, "access-1");
    advance(HOUR).await;
    let callers = join_all((0..100).map(|_| token(&source))).await;
    assert!(callers.iter().all(|token| token == "access-2"));
    setup.shopify.set_lifetime(None);
    advance(HOUR).await;
    assert_eq!(token(&source).await, "access-3");
    advance(HOUR).await;
    assert_eq!(
        token(&source).await,
        "access-4",
        "its lifetime counts as an hour"
    );
    assert_eq!(setup.shopify.requests(), ["credentials"; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_stored_token_without_a_refresh_token_is_requested_again_with_the_apps_credentials() {
    let setup = Setup::installed();
    let mut stored = setup.store.record().await.token;
    stored.refresh_token = None;
    setup.store.rows.install(&shop(), stored);
    let source = setup.process(16).shop(&shop());
    advance(HOUR).await;
    assert_eq!(token(&source).await, "access-2");
    assert_eq!(setup.shopify.requests(), ["credentials"]);
    assert!(setup.store.record().await.token.refresh_token.is_none());
}

#[tokio::test(start_paused = true)]
async fn debug_texts_contain_no_secret() {
    let setup = Setup::installed();
    let process = setup.process(17);
    let source = process.shop(&shop());
    advance(HOUR).await;
    token(&source).await;
    let record = setup.store.record().await;
    let shown = format!("{process:?} {source:?} {record:?} {:?}", setup.builder(0));
    assert!(
        !shown.contains("access-") && !shown.contains("refresh-"),
        "{shown}"
    );
}

/// Over HTTP, with `AppGrants`.
#[tokio::test]
async fn the_grants_of_an_app_renew_its_tokens() {
    let script = Script::start().await;
    let grant = serde_json::json!({
        "access_token": "access-2", "scope": "read_products", "expires_in": 3600,
        "refresh_token": "refresh-2", "refresh_token_expires_in": 7_776_000,
    });
    let retired = serde_json::json!({"error": "invalid_subject_token"});
    script
        .then("", json_response(200, &grant))
        .then("", json_response(400, &retired));
    let app = AppCredentials {
        api_key: "the-key".to_owned(),
        api_secret: "the-secret".into(),
    };
    let client = client_at(&script.uri(), builder());
    let store = Arc::new(Store::default());
    let granted = TokenGrant {
        access_token: "access-1".into(),
        scopes: Vec::new(),
        expires_in: Some(HOUR),
        refresh_token: Some("refresh-1".into()),
        refresh_token_expires_in: None,
    };
    let long_ago = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    store
        .rows
        .install(&shop(), StoredToken::from_grant(granted, long_ago));
    let tokens = ManagedTokens::builder(
        Arc::clone(&store) as _,
        Arc::new(AppGrants::new(client, app)),
    );
    let source = tokens.build().shop(&shop());
    let first = source.access_token().await.unwrap();
    assert_eq!(first.expose_secret(), "access-2");
    let ended = source.renew(&first).await.unwrap_err();
    assert!(ended.reauthorize);
    let used: Vec<_> = script
        .finish()
        .into_iter()
        .map(|request| request.body["refresh_token"].clone())
        .collect();
    assert_eq!(used, ["refresh-1", "refresh-2"]);
    assert_eq!(store.log(), ["begin", "save", "begin"]);
}

#[tokio::test(start_paused = true)]
async fn shops_do_not_wait_for_each_other() {
    let setup = Setup::installed();
    let process = setup.process(18);
    let other = ShopDomain::parse("other").unwrap();
    setup
        .store
        .rows
        .install(&other, setup.store.record().await.token);
    let (one, other) = (process.shop(&shop()), process.shop(&other));
    advance(HOUR).await;
    setup.shopify.fault(Fault::NoResponse);
    let stuck = tokio::spawn(async move { one.access_token().await });
    tokio::task::yield_now().await;
    let start = Instant::now();
    other.access_token().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(300));
    assert!(!stuck.is_finished());
    stuck.abort();
}
