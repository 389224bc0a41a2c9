//! [`sync_core::ports::ShopRegistry`]: tokens, and the attempts to replace them.

use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use sync_core::{ShopDomain, ShopStatus, Token, TokenAttempt, TokenPurpose, VersionedToken};

use super::{State, after, install, noon};
use crate::sample::{installation, shop};

/// An attempt begun so many seconds after noon. `by` stands for a process.
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

/// A token is replaced by whoever has begun to, once for each version.
pub async fn a_token_is_replaced_once_for_each_version(state: &dyn State) {
    assert!(state.token(&shop("a")).await.unwrap().is_none());
    let (a, first) = installed(state).await;
    assert_eq!(first.token.access_token.expose_secret(), "shpat_a");
    assert_eq!(first.token.expires_at, Some(after(3600)));
    let refresh = first.token.refresh_token.as_ref().unwrap();
    assert_eq!(refresh.expose_secret(), "shprt_a");

    let (one, version) = (attempt(1, 0), first.version);
    assert!(
        !replace(state, &a, version, one, "shpat_unasked").await,
        "it was not begun"
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

/// Whoever reads the token sees what was begun, as it was written but for parts of a microsecond.
pub async fn an_attempt_is_seen_until_it_ends(state: &dyn State) {
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
    let kept = TokenAttempt {
        begun_at: after(0) + chrono::TimeDelta::microseconds(123_456),
        ..begun
    };
    assert_eq!(seen.attempt, Some(kept));
    assert!(replace(state, &a, first.version, begun, "shpat_2").await);
    assert_eq!(stored(state, &a).await.attempt, None);
}

/// Of many who see a token without an attempt, one begins. The same goes for those who want to take one over.
pub async fn of_those_who_begin_together_one_wins(state: &dyn State) {
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

/// An attempt is taken over by whoever names it, all of it. Whoever had begun it can save nothing any more.
pub async fn an_attempt_is_taken_over_by_whoever_names_it(state: &dyn State) {
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
        assert!(!begun, "{other:?} is not what is under way");
    }
    for other in [attempt(2, 0), attempt(1, 1), migration] {
        let replaced = replace(state, &a, first.version, other, "shpat_2").await;
        assert!(!replaced, "{other:?} is not what is under way");
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

/// An attempt is one on this shop's token, and ends with an installation, an uninstallation or an erasure.
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
    state.set_status(&a, ShopStatus::Uninstalled).await.unwrap();
    assert!(state.token(&a).await.unwrap().is_none());
    assert!(!replace(state, &a, second.version, begun, "shpat_late").await);
    assert!(!begin(state, &a, second.version, Some(begun), attempt(1, 1)).await);
    install(state, &a).await;
    let third = stored(state, &a).await;
    assert!(third.version > second.version && third.attempt.is_none());

    // Versions begin anew after an erasure.
    assert!(begin(state, &a, third.version, None, begun).await);
    state.erase(&a).await.unwrap();
    for _ in 0..third.version {
        install(state, &a).await;
        let anew = stored(state, &a).await;
        assert_eq!(anew.attempt, None);
        assert!(!replace(state, &a, anew.version, begun, "shpat_late").await);
    }
    let last = stored(state, &a).await;
    assert_eq!(last.token.access_token.expose_secret(), "shpat_a");
}
