//! Tests the exchange of permanent tokens for expiring ones.

use std::time::Duration;

use secrecy::SecretString;
use shopify_client::token::Purpose;
use shopify_client::{Error, TokenSource};
use tokio::time::{advance, timeout};

use super::shopify::{Fault, HOUR, Setup, shop};
use super::{MINUTE, token};

#[tokio::test(start_paused = true)]
async fn a_permanent_token_is_used_as_it_is() {
    let setup = Setup::permanent();
    let source = setup.process(50).shop(&shop());
    advance(HOUR * 24 * 365).await;
    assert_eq!(token(&source).await, "permanent-1");
    assert!(setup.shopify.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_revoked_permanent_token_requires_the_merchant() {
    let setup = Setup::permanent();
    let source = setup.process(51).shop(&shop());
    let rejected = source.access_token().await.unwrap();
    setup.shopify.revoke();
    let error = source.renew(&rejected).await.unwrap_err();
    assert!(matches!(Error::from(error), Error::Reauthorize));
    assert!(setup.shopify.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_permanent_token_is_exchanged_for_an_expiring_one() {
    let setup = Setup::permanent();
    let source = setup.process(52).shop(&shop());
    assert_eq!(token(&source).await, "permanent-1");
    source.migrate().await.unwrap();
    assert_eq!(token(&source).await, "access-2");
    assert!(!setup.shopify.accepts(&SecretString::from("permanent-1")));
    // It is renewed like any other, and not exchanged again.
    source.migrate().await.unwrap();
    advance(HOUR).await;
    assert_eq!(token(&source).await, "access-3");
    assert_eq!(
        setup.shopify.requests(),
        ["migrate permanent-1", "refresh refresh-2"]
    );
    assert_eq!(setup.store.log(), ["begin", "save", "begin", "save"]);
}

#[tokio::test(start_paused = true)]
async fn permanent_tokens_are_exchanged_at_their_first_use_if_configured() {
    let setup = Setup::permanent();
    let source = setup.builder(53).migrate_permanent().build().shop(&shop());
    setup.shopify.fault(Fault::Unavailable);
    assert_eq!(token(&source).await, "permanent-1", "the exchange failed");
    advance(MINUTE).await;
    assert_eq!(token(&source).await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn an_exchange_with_a_lost_response_is_repeated() {
    let setup = Setup::permanent();
    let source = setup.process(54).shop(&shop());
    let old = source.access_token().await.unwrap();
    setup.shopify.fault(Fault::LostResponse);
    assert!(source.migrate().await.unwrap_err().retryable);
    // The old token has ended, as the next request shows.
    assert!(!setup.shopify.accepts(&old));
    advance(MINUTE).await;
    let renewed = source.renew(&old).await.unwrap();
    assert!(setup.shopify.accepts(&renewed));
    assert_eq!(setup.shopify.requests(), ["migrate permanent-1"; 2]);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_interrupted_by_a_crash_is_completed_by_the_next_process() {
    let setup = Setup::permanent();
    setup.store.hang_saves(1);
    let process = setup.process(55);
    let died = timeout(Duration::from_secs(20), process.shop(&shop()).migrate()).await;
    assert!(died.is_err());
    drop(process);
    let begun = setup.store.record().await.attempt.unwrap();
    assert_eq!(begun.purpose, Purpose::Migration);
    advance(MINUTE).await;
    // No caller requests the exchange.
    let next = setup.process(56).shop(&shop());
    let token = next.access_token().await.unwrap();
    assert!(setup.shopify.accepts(&token));
    assert_eq!(setup.shopify.requests(), ["migrate permanent-1"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_exchange_leaves_the_token_unchanged() {
    let setup = Setup::permanent();
    let source = setup.process(57).shop(&shop());
    setup.shopify.fault(Fault::WrongSecret);
    let error = source.migrate().await.unwrap_err();
    assert!(!error.reauthorize && !error.retryable);
    assert_eq!(token(&source).await, "permanent-1");
}
