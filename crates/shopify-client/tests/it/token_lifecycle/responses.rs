//! Tests unusual responses of the token endpoint.

use std::time::Duration;

use futures::future::join_all;
use secrecy::ExposeSecret;
use shopify_client::ShopDomain;
use shopify_client::token::Clock;
use tokio::time::advance;

use super::shopify::{Fault, HOUR, Setup, shop};
use super::{MINUTE, error, token};
use crate::log_lines;

/// Otherwise the token would count as permanent, and the refresh token would be lost.
#[tokio::test(start_paused = true)]
async fn a_renewal_without_a_refresh_token_keeps_the_old_one() {
    let setup = Setup::installed();
    let source = setup.process(90).shop(&shop());
    let before = setup.store.record().await.token;
    advance(HOUR).await;
    setup.shopify.fault(Fault::AccessTokenOnly);
    assert_eq!(token(&source).await, "access-2");
    let record = setup.store.record().await.token;
    assert_eq!(record.refresh_token.unwrap().expose_secret(), "refresh-1");
    assert_eq!(record.refresh_expires_at, before.refresh_expires_at);
    let lasts = record.expires_at.unwrap() - setup.clock.now();
    assert!((3590..=3600).contains(&lasts.num_seconds()), "{lasts}");
    advance(HOUR).await;
    assert_eq!(token(&source).await, "access-3");
    assert_eq!(setup.shopify.requests(), ["refresh refresh-1"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_renewal_waits_for_retry_after() {
    for (requested, minutes) in [(MINUTE * 5, 5), (HOUR * 1_000_000, 15)] {
        let setup = Setup::installed();
        let source = setup.process(91).shop(&shop());
        advance(HOUR).await;
        setup.shopify.fault(Fault::Throttled(requested));
        for _ in 1..minutes {
            assert!(error(&source).await.retryable);
            advance(MINUTE).await;
        }
        assert_eq!(setup.shopify.requests().len(), 1);
        advance(MINUTE).await;
        assert_eq!(token(&source).await, "access-2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_is_logged_once_for_any_number_of_callers() {
    log_lines::capture();
    let setup = Setup::installed();
    let noted = ShopDomain::parse("noted").unwrap();
    let record = setup.store.record().await.token;
    setup.store.rows.install(&noted, record);
    let source = setup.process(92).shop(&noted);
    token(&source).await;
    advance(MINUTE * 56).await;
    setup.shopify.fault(Fault::Unavailable);
    let callers = join_all((0..100).map(|_| token(&source))).await;
    assert!(callers.iter().all(|token| token == "access-1"));
    let lines = log_lines::containing("noted.myshopify.com");
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(line.contains("could not be renewed yet"), "{line}");
    // A caller without a token gets the error instead.
    advance(HOUR + Duration::from_secs(1)).await;
    setup.shopify.fault(Fault::Unavailable);
    assert!(error(&source).await.retryable);
    assert_eq!(log_lines::containing("noted.myshopify.com").len(), 1);
}
