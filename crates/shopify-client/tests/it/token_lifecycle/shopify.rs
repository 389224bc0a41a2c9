//! Simulates Shopify's token endpoint with the strictest reading of its rules, and a matching clock.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::{ExposeSecret, SecretString};
use shopify_client::oauth::TokenGrant;
use shopify_client::token::{Clock, Grants, ManagedTokens, ManagedTokensBuilder, StoredToken};
use shopify_client::{Error, ShopDomain};
use tokio::time::{Instant, sleep};

use super::store::Store;

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) fn shop() -> ShopDomain {
    ShopDomain::parse("example").unwrap()
}

/// A wall clock that follows tokio's time and can be set.
pub(crate) struct TokioClock {
    start: Instant,
    off: Mutex<TimeDelta>,
}

impl TokioClock {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            off: Mutex::default(),
        })
    }

    /// Sets the clock forward or back.
    pub(crate) fn jump(&self, by: TimeDelta) {
        *self.off.lock().unwrap() += by;
    }
}

impl Clock for TokioClock {
    fn now(&self) -> DateTime<Utc> {
        let start = DateTime::from_timestamp(1_795_000_000, 987_654_321).unwrap();
        start + *self.off.lock().unwrap() + TimeDelta::from_std(self.start.elapsed()).unwrap()
    }
}

/// A fault of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Status 503; not executed.
    Unavailable,
    /// Executed, but the response is lost.
    LostResponse,
    /// Executed, but the response is truncated.
    TruncatedResponse,
    /// Executed, but the response contains only an access token.
    AccessTokenOnly,
    /// Not executed, and no response ever arrives.
    NoResponse,
    /// Status 429 with `Retry-After`; not executed.
    Throttled(Duration),
    /// The app's secret is rejected.
    WrongSecret,
}

/// One pair. The refresh token of pair `n` is `refresh-n`.
#[derive(Debug, Clone, Copy)]
struct TokenPair {
    number: u64,
    used: bool,
}

#[derive(Default)]
struct ServerState {
    made: u64,
    /// The current pair, and the previous one, whose refresh token may be used until the current one is.
    current: Option<TokenPair>,
    previous: Option<TokenPair>,
    /// When each access token expires; `None`: never.
    ends: HashMap<String, Option<DateTime<Utc>>>,
    faults: VecDeque<Fault>,
    requests: Vec<String>,
    in_flight: HashSet<ShopDomain>,
    overlaps: u32,
    /// The lifetime of an access token; `None`: not stated.
    lasts: Option<Duration>,
}

/// Shopify's token endpoint for one shop. Using a refresh token again issues another pair and retires the first one,
/// which is the strictest reading of the documentation. Concurrent requests are an error, which [`Self::requests`]
/// reports.
pub(crate) struct Shopify {
    clock: Arc<TokioClock>,
    state: Arc<Mutex<ServerState>>,
    takes: Duration,
}

impl Shopify {
    pub(crate) fn new(clock: &Arc<TokioClock>) -> Arc<Self> {
        let state = ServerState {
            lasts: Some(HOUR),
            ..ServerState::default()
        };
        Arc::new(Self {
            clock: Arc::clone(clock),
            state: Arc::new(Mutex::new(state)),
            takes: Duration::from_millis(300),
        })
    }

    fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    pub(crate) fn clear_faults(&self) {
        self.state().faults.clear();
    }

    pub(crate) fn set_lifetime(&self, lasts: Option<Duration>) {
        self.state().lasts = lasts;
    }

    /// Returns the requests so far, such as `refresh refresh-1`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let state = self.state();
        assert_eq!(state.overlaps, 0, "two requests at a time for a shop");
        state.requests.clone()
    }

    /// Issues the pair of a new installation.
    pub(crate) fn install(&self) -> StoredToken {
        let mut state = self.state();
        state.previous = None;
        let grant = state.pair(self.clock.now());
        StoredToken::from_grant(grant, self.clock.now())
    }

    /// Issues a token that never expires.
    pub(crate) fn install_permanent(&self) -> StoredToken {
        let mut state = self.state();
        state.made += 1;
        let token = format!("permanent-{}", state.made);
        state.ends.insert(token.clone(), None);
        StoredToken {
            access_token: token.into(),
            expires_at: None,
            refresh_token: None,
            refresh_expires_at: None,
            scopes: Vec::new(),
        }
    }

    /// Revokes all tokens.
    pub(crate) fn revoke(&self) {
        let mut state = self.state();
        state.ends.clear();
        state.current = None;
        state.previous = None;
    }

    /// Whether a request with this token would be accepted.
    pub(crate) fn accepts(&self, token: &SecretString) -> bool {
        let state = self.state();
        let end = state.ends.get(token.expose_secret());
        end.is_some_and(|end| end.is_none_or(|end| self.clock.now() < end))
    }

    /// Executes a request and responds, even if the caller has given up.
    async fn respond(
        &self,
        shop: &ShopDomain,
        request: String,
        act: impl FnOnce(&mut ServerState, DateTime<Utc>) -> Result<TokenGrant, Error> + Send + 'static,
    ) -> Result<TokenGrant, Error> {
        let fault = {
            let mut state = self.state();
            state.requests.push(request);
            state.faults.pop_front()
        };
        if matches!(fault, Some(Fault::NoResponse)) {
            return pending().await;
        }
        {
            let mut state = self.state();
            let alone = state.in_flight.insert(shop.clone());
            state.overlaps += u32::from(!alone);
        }
        let (state, clock) = (Arc::clone(&self.state), Arc::clone(&self.clock));
        let (takes, shop) = (self.takes, shop.clone());
        let work = tokio::spawn(async move {
            sleep(takes).await;
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.in_flight.remove(&shop);
            match fault {
                Some(Fault::Unavailable) => Err(Error::Status {
                    operation: "access_token",
                    status: 503,
                    request_id: None,
                }),
                Some(Fault::Throttled(pause)) => Err(Error::Throttled {
                    operation: "access_token",
                    retry_after: Some(pause),
                }),
                Some(Fault::WrongSecret) => Err(Error::AccessDenied {
                    message: "invalid_client".to_owned(),
                }),
                _ => act(&mut state, clock.now()),
            }
        });
        let grant = work.await.expect("no panic")?;
        match fault {
            Some(Fault::LostResponse) => Err(Error::Transport {
                operation: "access_token",
                timed_out: true,
                source: "reset".into(),
            }),
            Some(Fault::TruncatedResponse) => Err(Error::Decode {
                operation: "access_token",
                path: ".".to_owned(),
                source: "line 1".into(),
            }),
            Some(Fault::AccessTokenOnly) => Ok(TokenGrant {
                expires_in: None,
                refresh_token: None,
                refresh_token_expires_in: None,
                ..grant
            }),
            _ => Ok(grant),
        }
    }
}

impl ServerState {
    fn pair(&mut self, now: DateTime<Utc>) -> TokenGrant {
        self.made += 1;
        let number = self.made;
        self.current = Some(TokenPair {
            number,
            used: false,
        });
        let access_token = format!("access-{number}");
        let lasts = self.lasts.unwrap_or(HOUR);
        let end = now + TimeDelta::from_std(lasts).unwrap();
        self.ends.insert(access_token.clone(), Some(end));
        TokenGrant {
            access_token: access_token.into(),
            scopes: vec!["read_products".to_owned()],
            expires_in: self.lasts,
            refresh_token: Some(format!("refresh-{number}").into()),
            refresh_token_expires_in: Some(HOUR * 24 * 90),
        }
    }

    fn refresh(&mut self, number: u64, now: DateTime<Utc>) -> Result<TokenGrant, Error> {
        let is = |pair: Option<TokenPair>| pair.is_some_and(|pair| pair.number == number);
        if is(self.current) {
            self.previous = self.current.map(|pair| TokenPair { used: true, ..pair });
        } else if !is(self.previous) || self.current.is_some_and(|pair| pair.used) {
            return Err(Error::Reauthorize);
        }
        Ok(self.pair(now))
    }
}

#[async_trait]
impl Grants for Shopify {
    async fn refresh(
        &self,
        shop: &ShopDomain,
        refresh_token: &SecretString,
    ) -> Result<TokenGrant, Error> {
        let token = refresh_token.expose_secret().to_owned();
        let number = token.strip_prefix("refresh-").unwrap().parse().unwrap();
        self.respond(shop, format!("refresh {token}"), move |state, now| {
            state.refresh(number, now)
        })
        .await
    }

    async fn client_credentials(&self, shop: &ShopDomain) -> Result<TokenGrant, Error> {
        self.respond(shop, "credentials".to_owned(), |state, now| {
            let lasts = state.lasts;
            let grant = state.pair(now);
            Ok(TokenGrant {
                refresh_token: None,
                refresh_token_expires_in: None,
                expires_in: lasts,
                ..grant
            })
        })
        .await
    }

    async fn migrate(
        &self,
        shop: &ShopDomain,
        access_token: &SecretString,
    ) -> Result<TokenGrant, Error> {
        let token = access_token.expose_secret().to_owned();
        self.respond(shop, format!("migrate {token}"), move |state, now| {
            let known = state.ends.contains_key(&token);
            // It is known and ended: this is a repeated exchange.
            let used = state.current.is_some_and(|pair| pair.used);
            if !known || used {
                return Err(Error::Reauthorize);
            }
            state.ends.insert(token.clone(), Some(now));
            Ok(state.pair(now))
        })
        .await
    }
}

/// A shop, its store, and the processes that share it.
pub(crate) struct Setup {
    pub(crate) clock: Arc<TokioClock>,
    pub(crate) shopify: Arc<Shopify>,
    pub(crate) store: Arc<Store>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let clock = TokioClock::start();
        Self {
            shopify: Shopify::new(&clock),
            store: Arc::default(),
            clock,
        }
    }

    /// With a token that lasts an hour from now.
    pub(crate) fn installed() -> Self {
        let setup = Self::new();
        setup.store.rows.install(&shop(), setup.shopify.install());
        setup
    }

    /// With a token that never expires.
    pub(crate) fn permanent() -> Self {
        let setup = Self::new();
        let token = setup.shopify.install_permanent();
        setup.store.rows.install(&shop(), token);
        setup
    }

    pub(crate) fn builder(&self, seed: u64) -> ManagedTokensBuilder {
        let (store, grants) = (Arc::clone(&self.store), Arc::clone(&self.shopify));
        ManagedTokens::builder(store as _, grants as _)
            .clock(Arc::clone(&self.clock) as _)
            .rng(StdRng::seed_from_u64(seed))
    }

    /// The managed tokens of one process.
    pub(crate) fn process(&self, seed: u64) -> ManagedTokens {
        self.builder(seed).build()
    }
}
