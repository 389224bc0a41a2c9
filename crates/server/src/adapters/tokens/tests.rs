//! Tests the token adapter with scripted grants and a database in memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use shopify_client::Error;
use shopify_client::oauth::TokenGrant;
use shopify_client::token::Purpose;
use sync_core::progress::{Event, Observer, Progress};
use sync_core::{Installation, RunId, Token, Trigger, VersionedToken};
use sync_db::Database;
use testkit::ManualClock;

use super::*;
use crate::run_events::{RunEvents, current_run, with_run_context};
use crate::service::tests::database_in_memory;

/// Grants `access-1`, `access-2`, …; fails with `failure` if it is set.
struct FakeGrants {
    /// Begun requests, and those that returned a grant.
    requests: AtomicU64,
    calls: AtomicU64,
    failure: Mutex<Option<Error>>,
    concurrent_install: Mutex<Option<(Arc<Database>, Installation)>>,
    /// The registry that must contain the attempt before the grant is requested.
    registry: Arc<Database>,
    /// The run that the last grant was requested in.
    run: Mutex<Option<(ShopDomain, RunId)>>,
}

impl FakeGrants {
    async fn grant(&self, refresh: bool) -> Result<TokenGrant, Error> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let stored = self.registry.token(&shop()).await.unwrap().unwrap();
        assert!(stored.attempt.is_some(), "the attempt is not recorded");
        *self.run.lock().unwrap() = current_run();
        let concurrent_install = self.concurrent_install.lock().unwrap().take();
        if let Some((state, installation)) = concurrent_install {
            state.install(&installation).await.unwrap();
        }
        if let Some(error) = self.failure.lock().unwrap().take() {
            return Err(error);
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(TokenGrant {
            access_token: format!("access-{number}").into(),
            scopes: Vec::new(),
            expires_in: Some(Duration::from_hours(1)),
            refresh_token: refresh.then(|| "refresh".into()),
            refresh_token_expires_in: None,
        })
    }
}

#[async_trait]
impl Grants for FakeGrants {
    async fn refresh(
        &self,
        _: &shopify_client::ShopDomain,
        token: &SecretString,
    ) -> Result<TokenGrant, Error> {
        assert_eq!(token.expose_secret(), "refresh");
        self.grant(true).await
    }

    async fn client_credentials(
        &self,
        _: &shopify_client::ShopDomain,
    ) -> Result<TokenGrant, Error> {
        self.grant(false).await
    }

    async fn migrate(
        &self,
        _: &shopify_client::ShopDomain,
        _: &SecretString,
    ) -> Result<TokenGrant, Error> {
        panic!("no test migrates a token")
    }
}

/// A token for one hour.
fn token(access: &str, refresh: Option<&str>, now: Timestamp) -> Token {
    Token {
        access_token: access.into(),
        expires_at: Some(now + Duration::from_hours(1)),
        refresh_token: refresh.map(SecretString::from),
        refresh_expires_at: None,
    }
}

struct Setup {
    state: Arc<Database>,
    grants: Arc<FakeGrants>,
    clock: ManualClock,
    tokens: ShopTokens,
    source: Arc<dyn TokenSource>,
}

fn shop() -> ShopDomain {
    "a.myshopify.com".parse().unwrap()
}

fn installation(token: Token, at: Timestamp) -> Installation {
    Installation {
        domain: shop(),
        token,
        scopes: Vec::new(),
        at,
    }
}

async fn setup(token: impl FnOnce(Timestamp) -> Token) -> Setup {
    let clock = ManualClock::new("2026-11-24T10:00:00Z".parse().unwrap());
    let state = Arc::new(database_in_memory().await);
    let now = clock.now();
    state.install(&installation(token(now), now)).await.unwrap();
    let grants = Arc::new(FakeGrants {
        requests: AtomicU64::new(0),
        calls: AtomicU64::new(0),
        failure: Mutex::new(None),
        concurrent_install: Mutex::new(None),
        registry: state.clone(),
        run: Mutex::new(None),
    });
    let tokens = ShopTokens::new(state.clone(), grants.clone(), Arc::new(clock.clone()));
    Setup {
        source: tokens.for_shop(&shop()),
        tokens,
        state,
        grants,
        clock,
    }
}

impl Setup {
    async fn access(&self) -> String {
        let token = self.source.access_token().await.unwrap();
        token.expose_secret().to_owned()
    }

    fn renewals(&self) -> u64 {
        self.grants.calls.load(Ordering::Relaxed)
    }

    async fn stored(&self) -> VersionedToken {
        self.state.token(&shop()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_and_stored() {
    let setup = setup(|now| token("old", Some("refresh"), now)).await;
    setup.clock.advance(Duration::from_mins(49));
    assert_eq!(setup.access().await, "old");
    setup.clock.advance(Duration::from_mins(6));
    assert_eq!(setup.access().await, "access-1");
    assert_eq!(setup.access().await, "access-1");
    assert_eq!(setup.renewals(), 1);
    let stored = setup.stored().await;
    assert_eq!(stored.token.access_token.expose_secret(), "access-1");
}

#[tokio::test]
async fn many_callers_renew_once() {
    let setup = setup(|now| token("old", Some("refresh"), now)).await;
    setup.clock.advance(Duration::from_hours(2));
    let callers = (0..20).map(|_| setup.access());
    let got = futures::future::join_all(callers).await;
    assert!(got.iter().all(|token| token == "access-1"), "{got:?}");
    let rejected = SecretString::from("access-1");
    let callers = (0..20).map(|_| setup.source.renew(&rejected));
    for renewed in futures::future::join_all(callers).await {
        assert_eq!(renewed.unwrap().expose_secret(), "access-2");
    }
    assert_eq!(setup.renewals(), 2);
}

#[tokio::test]
async fn a_rejected_token_that_was_replaced_elsewhere_is_not_refreshed() {
    let setup = setup(|now| token("old", Some("refresh"), now)).await;
    assert_eq!(setup.access().await, "old");
    let now = setup.clock.now();
    let new = installation(token("new", Some("refresh"), now), now);
    setup.state.install(&new).await.unwrap();
    let renewed = setup.source.renew(&"old".into()).await.unwrap();
    assert_eq!(renewed.expose_secret(), "new");
    assert_eq!(setup.renewals(), 0);
}

#[tokio::test]
async fn the_first_stored_token_wins() {
    let setup = setup(|now| token("old", Some("refresh"), now)).await;
    setup.clock.advance(Duration::from_hours(2));
    let now = setup.clock.now();
    let theirs = installation(token("theirs", Some("refresh"), now), now);
    *setup.grants.concurrent_install.lock().unwrap() = Some((setup.state.clone(), theirs));
    assert_eq!(setup.access().await, "theirs");
    let stored = setup.stored().await;
    assert_eq!(stored.token.access_token.expose_secret(), "theirs");
}

#[tokio::test]
async fn a_refresh_token_that_was_used_elsewhere_is_no_failure() {
    let setup = setup(|now| token("old", Some("refresh"), now)).await;
    setup.clock.advance(Duration::from_hours(2));
    let now = setup.clock.now();
    let theirs = installation(token("theirs", Some("refresh"), now), now);
    *setup.grants.concurrent_install.lock().unwrap() = Some((setup.state.clone(), theirs));
    *setup.grants.failure.lock().unwrap() = Some(Error::Reauthorize);
    assert_eq!(setup.access().await, "theirs");
}

#[tokio::test]
async fn a_new_installation_replaces_a_valid_token() {
    let setup = setup(|now| token("old", Some("refresh"), now)).await;
    assert_eq!(setup.access().await, "old");
    let now = setup.clock.now();
    let new = installation(token("new", Some("refresh"), now), now);
    setup.state.install(&new).await.unwrap();
    setup.tokens.forget(&shop());
    assert_eq!(setup.access().await, "new");
    assert_eq!(setup.renewals(), 0);
}

#[tokio::test]
async fn a_transient_failure_keeps_the_old_token_until_it_expires() {
    let setup = setup(|now| token("old", Some("refresh"), now)).await;
    setup.clock.advance(Duration::from_mins(57));
    let transient = || Error::Status {
        operation: "refresh",
        status: 503,
        request_id: None,
    };
    *setup.grants.failure.lock().unwrap() = Some(transient());
    assert_eq!(setup.access().await, "old");
    setup.clock.advance(Duration::from_mins(3));
    *setup.grants.failure.lock().unwrap() = Some(transient());
    let error = setup.source.access_token().await.unwrap_err();
    assert!(error.retryable, "{error}");
    setup.clock.advance(Duration::from_mins(1));
    assert_eq!(setup.access().await, "access-1");
}

#[tokio::test]
async fn a_rejected_refresh_token_is_a_permanent_failure() {
    let setup = setup(|now| token("old", Some("refresh"), now)).await;
    setup.clock.advance(Duration::from_hours(2));
    *setup.grants.failure.lock().unwrap() = Some(Error::Reauthorize);
    let error = setup.source.access_token().await.unwrap_err();
    assert!(!error.retryable, "{error}");
    let mapped = crate::adapters::shopify_error("probe", error.into());
    let reason = sync_core::UnavailableReason::Unauthorized;
    assert_eq!(mapped.disposition, Disposition::ShopUnavailable { reason });
}

#[tokio::test]
async fn client_credentials_tokens_are_requested_again() {
    let setup = setup(|now| token("old", None, now)).await;
    setup.clock.advance(Duration::from_hours(1));
    assert_eq!(setup.access().await, "access-1");
    assert!(setup.stored().await.token.refresh_token.is_none());
}

#[tokio::test]
async fn a_token_without_expiry_or_a_missing_one_is_not_renewed() {
    let fixed = setup(|now| Token {
        expires_at: None,
        ..token("fixed", None, now)
    })
    .await;
    fixed.clock.advance(Duration::from_hours(10_000));
    assert_eq!(fixed.access().await, "fixed");
    let error = fixed.source.renew(&"fixed".into()).await.unwrap_err();
    assert!(!error.retryable);

    let uninstalled = setup(|now| token("old", Some("refresh"), now)).await;
    let event = sync_core::ShopEvent::Uninstalled;
    let changed = uninstalled.state.change_status(&shop(), event).await;
    assert!(changed.unwrap().is_some());
    let error = uninstalled.source.access_token().await.unwrap_err();
    assert!(!error.retryable);
    assert_eq!(uninstalled.renewals(), 0);
}

#[test]
fn attempts_survive_the_conversion() {
    let begun_at = "2026-11-24T10:00:00.123456Z".parse().unwrap();
    for purpose in [Purpose::Renewal, Purpose::Migration] {
        let attempt = Attempt {
            by: u64::MAX,
            begun_at,
            purpose,
        };
        let stored = VersionedToken {
            token: token("old", None, begun_at),
            version: 7,
            attempt: Some(to_registry_attempt(attempt)),
        };
        let converted = to_client_token(stored);
        assert_eq!((converted.version, converted.attempt), (7, Some(attempt)));
    }
}

#[tokio::test]
async fn a_renewal_logs_with_the_run_that_began_it() {
    let setup = setup(|now| token("access-0", Some("refresh"), now)).await;
    setup.clock.advance(Duration::from_mins(59));
    let run = RunId(7);
    let begin = async {
        let started = Progress::Started {
            trigger: Trigger::Manual,
            full: true,
        };
        RunEvents::default().observe(&Event::Run {
            shop: shop(),
            run: Some(run),
            progress: started,
        });
        let mut source = std::pin::pin!(setup.access());
        // The first use reads the registry; the run begins the renewal and does not wait for its end.
        while setup.grants.requests.load(Ordering::Relaxed) == 0 {
            assert!(futures::poll!(source.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
    };
    with_run_context(begin).await;
    assert_eq!(current_run(), None);
    assert_eq!(setup.access().await, "access-1");
    assert_eq!(*setup.grants.run.lock().unwrap(), Some((shop(), run)));
}
