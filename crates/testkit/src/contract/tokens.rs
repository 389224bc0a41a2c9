//! Tests [`sync_core::ports::ShopRegistry`]: tokens and the attempts to replace them.

use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use sync_core::{ShopDomain, ShopEvent, Token, TokenAttempt, TokenPurpose, VersionedToken};

use super::{State, after, change_status, install, noon};
use crate::sample::{installation, shop};

/// An attempt of the process `by`, begun `seconds` after noon.
fn attempt(by: u64, seconds: i64) -> TokenAttempt {
    TokenAttempt {
        by,
        begun_at: after(seconds),
        purpose: TokenPurpose::Renewal,
    }
}

fn token(access: &str) -> Token {
    Token {
        access_token: SecretString::from(access),
        ..installation(&shop("a"), noon()).token
    }
}

/// A shop with a token.
async fn installed(state: &dyn State) -> (ShopDomain, VersionedToken) {
    let a = shop("a");
    install(state, &a).await;
    let stored = stored(state, &a).await;
    (a, stored)
}

async fn stored(state: &dyn State, shop: &ShopDomain) -> VersionedToken {
    state.token(shop).await.unwrap().unwrap()
}

async fn begin(
    state: &dyn State,
    shop: &ShopDomain,
    version: u64,
    replaces: Option<TokenAttempt>,
    attempt: TokenAttempt,
) -> bool {
    let begun = state
        .begin_token_attempt(shop, version, replaces, attempt)
        .await;
    begun.unwrap()
}

async fn replace(
    state: &dyn State,
    shop: &ShopDomain,
    version: u64,
    attempt: TokenAttempt,
    access: &str,
) -> bool {
    let token = token(access);
    let replaced = state.replace_token(shop, version, attempt, &token).await;
    replaced.unwrap()
}

/// Only the process that began the attempt can replace the token, once for each version.
pub async fn a_token_is_replaced_once_for_each_version(state: &dyn State) {
    assert!(state.token(&shop("a")).await.unwrap().is_none());
    let (a, first) = installed(state).await;
    assert_eq!(first.token.access_token.expose_secret(), "shpat_a");
    assert_eq!(first.token.expires_at, Some(after(3600)));
    let refresh = first.token.refresh_token.as_ref().unwrap();
    assert_eq!(refresh.expose_secret(), "shprt_a");

    let (one, version) = (attempt(1, 0), first.version);
    assert!(
        !replace(state, &a, version, one, "shpat_unrequested").await,
        "no attempt was begun"
    );
    assert!(begin(state, &a, version, None, one).await);
    assert!(replace(state, &a, version, one, "shpat_2").await);
    assert!(
        !replace(state, &a, version, one, "shpat_late").await,
        "the version is outdated"
    );
    let next = stored(state, &a).await;
    assert_eq!(next.token.access_token.expose_secret(), "shpat_2");
    assert_eq!((next.version, next.attempt), (version + 1, None));
    assert!(
        !replace(state, &a, next.version, one, "shpat_late").await,
        "the attempt has ended"
    );
    assert!(!begin(state, &shop("b"), 1, None, one).await);
    assert!(!replace(state, &shop("b"), 1, one, "shpat_b").await);
}

/// The stored attempt is returned with the token, truncated to microseconds.
pub async fn an_attempt_is_visible_until_it_ends(state: &dyn State) {
    let (a, first) = installed(state).await;
    assert_eq!(first.attempt, None);
    let exact = after(0) + chrono::TimeDelta::nanoseconds(123_456_789);
    let begun = TokenAttempt {
        by: u64::MAX,
        begun_at: exact,
        purpose: TokenPurpose::Migration,
    };
    assert!(begin(state, &a, first.version, None, begun).await);
    let seen = stored(state, &a).await;
    assert_eq!(seen.version, first.version);
    assert_eq!(seen.token.access_token.expose_secret(), "shpat_a");
    let stored_attempt = TokenAttempt {
        begun_at: after(0) + chrono::TimeDelta::microseconds(123_456),
        ..begun
    };
    assert_eq!(seen.attempt, Some(stored_attempt));
    assert!(replace(state, &a, first.version, begun, "shpat_2").await);
    assert_eq!(stored(state, &a).await.attempt, None);
}

/// Of several processes that see no attempt, one begins. The same holds for processes that take an attempt over.
pub async fn of_concurrent_attempts_one_begins(state: &dyn State) {
    let (a, first) = installed(state).await;
    let mut replaces = None;
    for round in 0..3 {
        let attempts: Vec<_> = (1..=8).map(|by| attempt(by, round)).collect();
        let begun = attempts
            .iter()
            .map(|attempt| begin(state, &a, first.version, replaces, *attempt));
        let begun = join_all(begun).await;
        let winners: Vec<_> = attempts
            .into_iter()
            .zip(begun)
            .filter_map(|(attempt, won)| won.then_some(attempt))
            .collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(stored(state, &a).await.attempt, Some(winners[0]));
        replaces = Some(winners[0]);
    }
}

/// A process takes an attempt over by naming all of its fields. The process that began it can no longer save a token.
pub async fn an_attempt_is_taken_over_by_naming_it(state: &dyn State) {
    let (a, first) = installed(state).await;
    let (dead, next) = (attempt(1, 0), attempt(2, 60));
    assert!(begin(state, &a, first.version, None, dead).await);
    let migration = TokenAttempt {
        purpose: TokenPurpose::Migration,
        ..dead
    };
    for other in [
        None,
        Some(attempt(2, 0)),
        Some(attempt(1, 1)),
        Some(migration),
    ] {
        let begun = begin(state, &a, first.version, other, next).await;
        assert!(!begun, "{other:?} is not the current attempt");
    }
    for other in [attempt(2, 0), attempt(1, 1), migration] {
        let replaced = replace(state, &a, first.version, other, "shpat_2").await;
        assert!(!replaced, "{other:?} is not the current attempt");
    }
    let (version, late) = (first.version + 1, Some(dead));
    assert!(!begin(state, &a, version, late, next).await);
    assert_eq!(stored(state, &a).await.attempt, Some(dead));

    assert!(begin(state, &a, first.version, Some(dead), next).await);
    assert!(!replace(state, &a, first.version, dead, "shpat_dead").await);
    assert!(replace(state, &a, first.version, next, "shpat_next").await);
    let stored = stored(state, &a).await;
    assert_eq!(stored.token.access_token.expose_secret(), "shpat_next");
}

/// An attempt belongs to one shop's token. It ends with an installation, an uninstallation or an erasure.
pub async fn an_attempt_ends_with_its_token(state: &dyn State) {
    let (a, first) = installed(state).await;
    install(state, &shop("b")).await;
    let begun = attempt(1, 0);
    assert!(begin(state, &a, first.version, None, begun).await);
    assert_eq!(stored(state, &shop("b")).await.attempt, None);

    install(state, &a).await;
    let second = stored(state, &a).await;
    assert_eq!((second.version, second.attempt), (first.version + 1, None));
    for version in [first.version, second.version] {
        assert!(!replace(state, &a, version, begun, "shpat_late").await);
        assert!(!begin(state, &a, version, Some(begun), attempt(1, 1)).await);
    }

    assert!(begin(state, &a, second.version, None, begun).await);
    change_status(state, &a, ShopEvent::Uninstalled).await;
    assert!(state.token(&a).await.unwrap().is_none());
    assert!(!replace(state, &a, second.version, begun, "shpat_late").await);
    assert!(!begin(state, &a, second.version, Some(begun), attempt(1, 1)).await);
    install(state, &a).await;
    let third = stored(state, &a).await;
    assert!(third.version > second.version && third.attempt.is_none());

    // Versions start from the beginning after an erasure.
    assert!(begin(state, &a, third.version, None, begun).await);
    state.erase(&a).await.unwrap();
    for _ in 0..third.version {
        install(state, &a).await;
        let current = stored(state, &a).await;
        assert_eq!(current.attempt, None);
        assert!(!replace(state, &a, current.version, begun, "shpat_late").await);
    }
    let last = stored(state, &a).await;
    assert_eq!(last.token.access_token.expose_secret(), "shpat_a");
}
