//! Provides access tokens that are renewed before they expire.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use secrecy::SecretString;
use tokio::time::timeout;

use super::renewal::Renewal;
use super::shared::SharedState;
use super::state::{CacheEntry, EntryState, RenewalOutcome, SharedRenewal, lock};
use super::{Clock, Grants, SystemClock, TokenSource, TokenStore};
use crate::{ShopDomain, TokenError};

/// Manages the tokens of all of an app's shops: reads them from a [`TokenStore`] and renews each before it expires,
/// with one request at a time. Cheap to clone. The [module](super) lists what happens on each failure.
#[derive(Clone)]
pub struct ManagedTokens(Arc<TokenCache>);

struct TokenCache {
    shared: Arc<SharedState>,
    entries: Mutex<HashMap<ShopDomain, Arc<CacheEntry>>>,
}

/// A renewal, which runs in a task of its own so that no caller has to wait for its end.
pub type RenewalTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Builds [`ManagedTokens`].
pub struct ManagedTokensBuilder {
    store: Arc<dyn TokenStore>,
    grants: Arc<dyn Grants>,
    clock: Arc<dyn Clock>,
    rng: Box<dyn RngCore + Send>,
    renew_before_expiry: Duration,
    lease: Duration,
    renewal_wait: Duration,
    client_credentials: bool,
    migrate: bool,
    wrap_renewal: Box<dyn Fn(RenewalTask) -> RenewalTask + Send + Sync>,
}

/// The token of one shop, renewed as needed. All instances for the same shop and [`ManagedTokens`] share one cache
/// entry.
#[derive(Clone)]
pub struct ManagedToken {
    shared: Arc<SharedState>,
    shop: ShopDomain,
    entry: Arc<CacheEntry>,
}

impl fmt::Debug for ManagedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedTokens").finish_non_exhaustive()
    }
}

impl fmt::Debug for ManagedTokensBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedTokensBuilder")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ManagedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManagedToken({})", self.shop)
    }
}

impl ManagedTokensBuilder {
    /// Sets the clock; the system's by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the random number generator; by default it is seeded by the operating system.
    #[must_use]
    pub fn rng(mut self, rng: impl RngCore + Send + 'static) -> Self {
        self.rng = Box::new(rng);
        self
    }

    /// Sets how long before its expiry a token is renewed: a random time between this and twice this. Default: 5
    /// minutes, as in Shopify's own libraries.
    #[must_use]
    pub fn renew_before_expiry(mut self, margin: Duration) -> Self {
        self.renew_before_expiry = margin;
        self
    }

    /// Sets the lease of a renewal: after this time, another process's renewal counts as dead. Default: one minute. The
    /// response must arrive within half of it.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets how long a caller waits for a renewal while the old token is still valid. Default: 10 seconds.
    #[must_use]
    pub fn renewal_wait(mut self, wait: Duration) -> Self {
        self.renewal_wait = wait;
        self
    }

    /// Requests tokens with the app's own credentials for shops that the store does not know. They are kept in memory
    /// only. Source: Shopify, "Client credentials grant".
    #[must_use]
    pub fn client_credentials(mut self) -> Self {
        self.client_credentials = true;
        self
    }

    /// Exchanges tokens that never expire for expiring ones at their first use. This cannot be undone, and ends the old
    /// token everywhere. Source: Shopify, "Use expiring offline access tokens".
    #[must_use]
    pub fn migrate_permanent(mut self) -> Self {
        self.migrate = true;
        self
    }

    /// Wraps each renewal. `wrap` is called in the task of the caller that begins the renewal, so it can carry that task's
    /// context across, such as a task-local value that the log shows. By default renewals are not wrapped.
    #[must_use]
    pub fn wrap_renewals(
        mut self,
        wrap: impl Fn(RenewalTask) -> RenewalTask + Send + Sync + 'static,
    ) -> Self {
        self.wrap_renewal = Box::new(wrap);
        self
    }

    /// Builds the managed tokens.
    pub fn build(mut self) -> ManagedTokens {
        let instance = self.rng.next_u64();
        ManagedTokens(Arc::new(TokenCache {
            shared: Arc::new(SharedState {
                store: self.store,
                grants: self.grants,
                clock: self.clock,
                rng: Mutex::new(self.rng),
                instance,
                renew_before_expiry: self.renew_before_expiry,
                lease: self.lease,
                client_credentials: self.client_credentials,
                renewal_wait: self.renewal_wait,
                migrate: self.migrate,
                wrap_renewal: self.wrap_renewal,
            }),
            entries: Mutex::default(),
        }))
    }
}

impl ManagedTokens {
    /// Returns a builder for tokens of this store, renewed through these grants.
    pub fn builder(store: Arc<dyn TokenStore>, grants: Arc<dyn Grants>) -> ManagedTokensBuilder {
        ManagedTokensBuilder {
            store,
            grants,
            clock: Arc::new(SystemClock),
            rng: Box::new(StdRng::from_os_rng()),
            renew_before_expiry: Duration::from_mins(5),
            lease: Duration::from_mins(1),
            renewal_wait: Duration::from_secs(10),
            client_credentials: false,
            migrate: false,
            wrap_renewal: Box::new(|renewal| renewal),
        }
    }

    /// Returns the token of a shop. Sends no request and reads nothing until it is used.
    pub fn shop(&self, shop: &ShopDomain) -> ManagedToken {
        let entries = self.0.entries.lock();
        // No code panics while it holds the lock, so the map is complete even if the lock is poisoned.
        let mut entries = entries.unwrap_or_else(PoisonError::into_inner);
        ManagedToken {
            shared: Arc::clone(&self.0.shared),
            shop: shop.clone(),
            entry: Arc::clone(entries.entry(shop.clone()).or_default()),
        }
    }

    /// Drops the cached token, so that its next use reads the store. Call it after an installation or a removal.
    pub fn forget(&self, shop: &ShopDomain) {
        self.shop(shop).lock().forget();
    }
}

impl ManagedToken {
    /// Exchanges a token that never expires for an expiring one. Does nothing if the token already expires. The
    /// exchange cannot be undone, and ends the old token everywhere. If the response is lost, the exchange is repeated,
    /// here or in another process, for up to seven days. Source: Shopify, "Use expiring offline access tokens".
    ///
    /// # Errors
    /// As for [`TokenSource::access_token`].
    pub async fn migrate(&self) -> Result<(), TokenError> {
        let renewal = loop {
            let running = {
                let mut state = self.lock();
                match state.renewal.clone() {
                    Some(running) => running,
                    None => break self.start(&mut state, None, true),
                }
            };
            self.await_renewal(running).await;
        };
        match self.await_renewal(renewal).await.error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, EntryState> {
        lock(&self.entry)
    }

    /// Returns a valid token other than `rejected`.
    async fn current(&self, rejected: Option<&SecretString>) -> Result<SecretString, TokenError> {
        // More iterations would be needed only if each new token is rejected too.
        for _ in 0..4 {
            let (usable, renewal, stale) = {
                let mut state = self.lock();
                let now = self.shared.clock.now();
                let usable = state.usable(rejected, now);
                if let Some(known) = usable.as_ref().filter(|known| !known.is_due(now)) {
                    return Ok(known.token());
                }
                if let Some(pause) = state.active_pause(now) {
                    match (&usable, pause.error) {
                        (Some(known), _) => return Ok(known.token()),
                        (None, Some(error)) => return Err(error),
                        (None, None) => {}
                    }
                }
                let running = state.renewal.clone();
                let renewal = running
                    .unwrap_or_else(|| self.start(&mut state, rejected, self.shared.migrate));
                (usable, renewal, state.stale)
            };
            let Some(outcome) = self.await_renewal_for(renewal, usable.is_some()).await else {
                let now = self.shared.clock.now();
                match usable.filter(|known| known.is_usable(rejected, now)) {
                    Some(known) => return Ok(known.token()),
                    // It expired during the wait.
                    None => continue,
                }
            };
            match (self.usable_token(&outcome, rejected), outcome.error) {
                _ if stale => {}
                (Some(_), None) if outcome.first_read => {}
                (Some(token), _) => return Ok(token),
                (None, Some(error)) => return Err(error),
                // The renewal of another caller returned the token that is rejected here.
                (None, None) => {}
            }
        }
        Err(TokenError::temporary("every new token is rejected too"))
    }

    fn usable_token(
        &self,
        outcome: &RenewalOutcome,
        rejected: Option<&SecretString>,
    ) -> Option<SecretString> {
        let known = outcome.known.as_ref()?;
        let now = self.shared.clock.now();
        known.is_usable(rejected, now).then(|| known.token())
    }

    fn start(
        &self,
        state: &mut EntryState,
        rejected: Option<&SecretString>,
        migrate: bool,
    ) -> SharedRenewal {
        let renewal = Renewal {
            shared: Arc::clone(&self.shared),
            shop: self.shop.clone(),
            rejected: rejected.cloned(),
            before: state.known.clone(),
            reauthorize_version: state.reauthorize_version,
            migrate,
        };
        state.begin(&self.entry, Arc::clone(&self.shared), renewal.run())
    }

    /// Waits for a renewal. The first to see its end, a caller or the driver task, records its outcome.
    async fn await_renewal(&self, renewal: SharedRenewal) -> RenewalOutcome {
        let outcome = renewal.clone().await;
        self.lock().record(&renewal, &outcome, &self.shared);
        outcome
    }

    /// Like [`Self::await_renewal`], but returns `None` after the renewal wait if the caller has a valid token.
    async fn await_renewal_for(
        &self,
        renewal: SharedRenewal,
        has_token: bool,
    ) -> Option<RenewalOutcome> {
        let finished = self.await_renewal(renewal);
        if has_token {
            timeout(self.shared.renewal_wait, finished).await.ok()
        } else {
            Some(finished.await)
        }
    }
}

#[async_trait]
impl TokenSource for ManagedToken {
    async fn access_token(&self) -> Result<SecretString, TokenError> {
        self.current(None).await
    }

    async fn renew(&self, rejected: &SecretString) -> Result<SecretString, TokenError> {
        self.current(Some(rejected)).await
    }
}
