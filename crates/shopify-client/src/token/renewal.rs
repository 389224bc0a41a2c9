//! Runs one renewal of a shop's token: reads the store, requests the new token, saves it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use secrecy::SecretString;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::shared::SharedState;
use super::state::{KnownToken, RenewalOutcome};
use super::store::TokenKind;
use super::{Attempt, Purpose, StoredToken, TokenRecord};
use crate::oauth::TokenGrant;
use crate::{Error, ShopDomain, TokenError};

/// How often the store is read while another process renews.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How often another process may change the row first before the renewal fails.
const MAX_LOST_RACES: u32 = 4;
/// The maximum of Shopify's `Retry-After` that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(15);
/// Pauses between attempts to save a new token.
const SAVE_RETRY_PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Why a renewal failed, and Shopify's `Retry-After`.
struct RenewalFailure {
    error: TokenError,
    retry_after: Duration,
}

impl From<TokenError> for RenewalFailure {
    fn from(error: TokenError) -> Self {
        let retry_after = Duration::ZERO;
        Self { error, retry_after }
    }
}

/// A renewal in progress.
pub(super) struct Renewal {
    pub(super) shared: Arc<SharedState>,
    pub(super) shop: ShopDomain,
    /// The token that Shopify rejected.
    pub(super) rejected: Option<SecretString>,
    /// The token known before.
    pub(super) before: Option<KnownToken>,
    /// The version for which Shopify requires a new authorization by the merchant.
    pub(super) reauthorize_version: Option<u64>,
    /// Whether to exchange a token that never expires for an expiring one.
    pub(super) migrate: bool,
}

/// The next step, given the stored token.
enum RenewalStep {
    /// Use the stored token.
    Keep,
    /// Wait: another process is renewing it.
    AwaitOther,
    Obtain(Purpose),
}

impl Renewal {
    pub(super) async fn run(self) -> RenewalOutcome {
        // The known token remains in use until another one is known.
        let mut outcome = RenewalOutcome {
            known: self.before.clone(),
            error: None,
            retry_after: Duration::ZERO,
            first_read: false,
        };
        let result = self.bring_up_to_date(&mut outcome.known).await;
        let (known, now) = (outcome.known.as_ref(), self.shared.clock.now());
        match result {
            Ok(()) => {
                let due = known.is_some_and(|known| known.is_due(now));
                outcome.first_read = self.before.is_none() && due;
            }
            Err(RenewalFailure { error, retry_after }) => {
                // Otherwise the callers get the error, since they need another token.
                if known.is_some_and(|known| known.is_usable(self.rejected.as_ref(), now)) {
                    let shop = &self.shop;
                    log::warn!(shop:% = shop; "The token could not be renewed yet: {error}; the old one is still valid");
                }
                (outcome.error, outcome.retry_after) = (Some(error), retry_after);
            }
        }
        outcome
    }

    /// Repeats until the store holds the required token. `known` is set to the stored token, also on failure.
    async fn bring_up_to_date(&self, known: &mut Option<KnownToken>) -> Result<(), RenewalFailure> {
        let start = Instant::now();
        let mut lost_races = 0;
        loop {
            let Some(record) = self.store_call(self.shared.store.load(&self.shop)).await? else {
                return self.obtain_without_store(known).await;
            };
            let current = self.known_token(record);
            let now = self.shared.clock.now();
            let step = self.next_step(&current, now);
            *known = Some(current.clone());
            let purpose = match step? {
                RenewalStep::Keep => return Ok(()),
                // Each attempt of the other process begins a new lease, so it may never become old enough to be
                // taken over.
                RenewalStep::AwaitOther if start.elapsed() > self.shared.lease => {
                    let reason = "another process could not renew the token in time";
                    return Err(TokenError::temporary(reason).into());
                }
                RenewalStep::AwaitOther => {
                    sleep(POLL_INTERVAL).await;
                    continue;
                }
                RenewalStep::Obtain(purpose) => purpose,
            };
            if let Some(obtained) = self.obtain(current.record, purpose).await? {
                *known = Some(obtained);
                return Ok(());
            }
            lost_races += 1;
            if lost_races == MAX_LOST_RACES {
                let reason = "the stored token changed repeatedly during the renewal";
                return Err(TokenError::temporary(reason).into());
            }
        }
    }

    fn known_token(&self, record: TokenRecord) -> KnownToken {
        let before = self.before.as_ref();
        let same = before.filter(|before| before.record.version == record.version);
        let renew_at = match same {
            Some(same) => same.renew_at,
            None => self.shared.renew_at(&record.token),
        };
        KnownToken { record, renew_at }
    }

    fn next_step(&self, known: &KnownToken, now: DateTime<Utc>) -> Result<RenewalStep, TokenError> {
        let record = &known.record;
        let usable = known.is_usable(self.rejected.as_ref(), now);
        let migrating = record
            .attempt
            .filter(|attempt| attempt.purpose == Purpose::Migration);
        let purpose = match record.token.kind() {
            // Once begun, an exchange may have ended the token, so it must be completed.
            TokenKind::Permanent if self.migrate || migrating.is_some() => Purpose::Migration,
            TokenKind::Permanent if usable => return Ok(RenewalStep::Keep),
            TokenKind::Permanent => return Err(TokenError::reauthorize()),
            // The first reader gets the token as long as it is valid, and need not wait for the next one.
            TokenKind::Refreshable | TokenKind::ClientCredentials
                if usable && (self.before.is_none() || !known.is_due(now)) =>
            {
                return Ok(RenewalStep::Keep);
            }
            TokenKind::Refreshable | TokenKind::ClientCredentials => Purpose::Renewal,
        };
        if self.reauthorize_version == Some(record.version) {
            return Err(TokenError::reauthorize());
        }
        if record
            .attempt
            .is_some_and(|other| self.is_held_by_other(other, now))
        {
            return Ok(if usable {
                RenewalStep::Keep
            } else {
                RenewalStep::AwaitOther
            });
        }
        Ok(RenewalStep::Obtain(purpose))
    }

    /// Whether another process may be renewing the token.
    fn is_held_by_other(&self, other: Attempt, now: DateTime<Utc>) -> bool {
        let lease = TimeDelta::from_std(self.shared.lease).unwrap_or(TimeDelta::MAX);
        let age = now - other.begun_at;
        // An attempt from the future comes from a wrong clock and counts as expired.
        other.by != self.shared.instance && age < lease && age > -lease
    }

    /// Records the attempt, requests the token, and saves it. Returns `None` if another process was first: read
    /// the store again.
    async fn obtain(
        &self,
        record: TokenRecord,
        purpose: Purpose,
    ) -> Result<Option<KnownToken>, RenewalFailure> {
        let (shared, shop) = (&self.shared, &self.shop);
        let (begun, now) = (Instant::now(), shared.clock.now());
        let attempt = Attempt {
            by: shared.instance,
            // Milliseconds, as it is compared with what the store returns.
            begun_at: now.trunc_subsecs(3),
            purpose,
        };
        let journaled = shared
            .store
            .begin(shop, record.version, record.attempt, attempt);
        if !self.store_call(journaled).await? {
            return Ok(None);
        }
        let token = match self.request_token(&record.token, purpose, begun, now).await {
            Ok(token) => token,
            Err(Error::Reauthorize) => {
                if self.is_unchanged(&record, attempt).await? {
                    return Err(TokenError::reauthorize().into());
                }
                // Another process has already used the next refresh token.
                return Ok(None);
            }
            Err(error) => return Err(renewal_failure(&error)),
        };
        if !self.save(record.version, attempt, &token).await? {
            return Ok(None);
        }
        log::info!(shop:% = shop; "The access token was renewed");
        let renew_at = shared.renew_new_at(&token, now);
        let record = TokenRecord {
            token,
            version: record.version + 1,
            attempt: None,
        };
        Ok(Some(KnownToken { record, renew_at }))
    }

    async fn request_token(
        &self,
        old: &StoredToken,
        purpose: Purpose,
        begun: Instant,
        now: DateTime<Utc>,
    ) -> Result<StoredToken, Error> {
        let (grants, shop) = (&self.shared.grants, &self.shop);
        if purpose == Purpose::Migration {
            let request = grants.migrate(shop, &old.access_token);
            return Ok(StoredToken::from_grant(
                self.within_half_lease(begun, request).await?,
                now,
            ));
        }
        let Some(refresh_token) = &old.refresh_token else {
            return self.request_by_credentials(begun, now).await;
        };
        let request = grants.refresh(shop, refresh_token);
        let mut grant = self.within_half_lease(begun, request).await?;
        if grant.refresh_token.is_some() {
            return Ok(StoredToken::from_grant(grant, now));
        }
        // Without a new refresh token, the old one stays in use. RFC 6749, section 6.
        grant.refresh_token = Some(refresh_token.clone());
        Ok(StoredToken {
            refresh_expires_at: old.refresh_expires_at,
            ..StoredToken::from_grant(grant, now)
        })
    }

    async fn request_by_credentials(
        &self,
        begun: Instant,
        now: DateTime<Utc>,
    ) -> Result<StoredToken, Error> {
        let request = self.shared.grants.client_credentials(&self.shop);
        Ok(StoredToken::from_client_credentials(
            self.within_half_lease(begun, request).await?,
            now,
        ))
    }

    /// Fails if the response takes longer than half the lease: another process may send its request before the token
    /// would be saved. The deadline is checked first, so that a renewal that was suspended for long, as on a machine
    /// that slept, sends nothing.
    async fn within_half_lease(
        &self,
        begun: Instant,
        request: impl Future<Output = Result<TokenGrant, Error>> + Send,
    ) -> Result<TokenGrant, Error> {
        tokio::select! {
            biased;
            () = sleep_until(begun + self.shared.lease / 2) => Err(Error::Transport {
                operation: "access_token",
                timed_out: true,
                source: "no response in time".into(),
            }),
            response = request => response,
        }
    }

    /// Saves the new token, with retries. It must not be used before it is saved, as its use retires the old one.
    async fn save(
        &self,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError> {
        let store = &self.shared.store;
        for pause in SAVE_RETRY_PAUSES {
            let saved = store.save(&self.shop, version, attempt, token);
            match self.store_call(saved).await {
                Err(error) if error.retryable => {
                    let shop = &self.shop;
                    log::warn!(shop:% = shop; "The new token could not be saved yet: {error}; retrying");
                    sleep(pause).await;
                }
                result => return result,
            }
        }
        let saved = store.save(&self.shop, version, attempt, token);
        self.store_call(saved).await
    }

    /// Awaits a call of the store, for half the lease at most. After a timeout it is unknown whether the call was
    /// executed; the version shows it later.
    async fn store_call<T>(
        &self,
        request: impl Future<Output = Result<T, TokenError>> + Send,
    ) -> Result<T, TokenError> {
        let result = timeout(self.shared.lease / 2, request).await;
        result.unwrap_or_else(|_| Err(TokenError::temporary("the token store does not respond")))
    }

    async fn is_unchanged(
        &self,
        record: &TokenRecord,
        attempt: Attempt,
    ) -> Result<bool, TokenError> {
        let stored = self.store_call(self.shared.store.load(&self.shop)).await?;
        Ok(stored.is_some_and(|stored| {
            stored.version == record.version && stored.attempt == Some(attempt)
        }))
    }

    /// Requests a token that needs no store, if client credentials are enabled.
    async fn obtain_without_store(
        &self,
        known: &mut Option<KnownToken>,
    ) -> Result<(), RenewalFailure> {
        if !self.shared.client_credentials {
            *known = None;
            return Err(TokenError::permanent("the app is not installed in this shop").into());
        }
        let now = self.shared.clock.now();
        let token = self.request_by_credentials(Instant::now(), now).await;
        let token = token.map_err(|error| renewal_failure(&error))?;
        let renew_at = self.shared.renew_new_at(&token, now);
        let record = TokenRecord {
            token,
            version: 0,
            attempt: None,
        };
        *known = Some(KnownToken { record, renew_at });
        Ok(())
    }
}

fn renewal_failure(error: &Error) -> RenewalFailure {
    let retry_after = error.retry_after().unwrap_or_default();
    let error = match error {
        Error::Reauthorize => TokenError::reauthorize(),
        // A truncated response or one of a proxy: the request is repeated with the same refresh token.
        Error::Decode { .. } | Error::Status { .. } => TokenError::temporary(error.to_string()),
        error if error.is_retryable() => TokenError::temporary(error.to_string()),
        error => TokenError::permanent(error.to_string()),
    };
    let retry_after = retry_after.min(MAX_RETRY_AFTER);
    RenewalFailure { error, retry_after }
}
