//! One renewal of one shop's token, from the store to Shopify and back.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use secrecy::SecretString;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::shared::Parts;
use super::state::{Known, Outcome};
use super::store::Kind;
use super::{Attempt, Purpose, StoredToken, TokenRecord};
use crate::oauth::TokenGrant;
use crate::{Error, ShopDomain, TokenError};

/// How often the store is looked at while another process renews.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How often others may change the row just before this one does.
const LOST_RACES: u32 = 4;
/// Shopify may ask to be left alone for this long, and no longer.
const LONGEST_ASKED: Duration = Duration::from_mins(15);
/// Pauses between attempts to save what was obtained.
const SAVING: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Why a renewal fails, and how long Shopify asked to be left alone.
struct Failed {
    error: TokenError,
    asked: Duration,
}

impl From<TokenError> for Failed {
    fn from(error: TokenError) -> Self {
        let asked = Duration::ZERO;
        Self { error, asked }
    }
}

/// A renewal that is under way.
pub(super) struct Renewal {
    pub(super) parts: Arc<Parts>,
    pub(super) shop: ShopDomain,
    /// Shopify does not accept this one.
    pub(super) rejected: Option<SecretString>,
    /// What was known before.
    pub(super) before: Option<Known>,
    /// The version for which Shopify has said that the merchant must be asked.
    pub(super) ended: Option<u64>,
    /// A token that never expires is to be exchanged for one that does.
    pub(super) migrate: bool,
}

/// What to do next with what the store holds.
enum Step {
    /// It is good.
    Keep,
    /// Another process is at it.
    Await,
    Obtain(Purpose),
}

impl Renewal {
    pub(super) async fn run(self) -> Outcome {
        // What was known does as long as nothing else is known.
        let mut outcome = Outcome {
            known: self.before.clone(),
            error: None,
            asked: Duration::ZERO,
            only_read: false,
        };
        let ended = self.follow(&mut outcome.known).await;
        let (known, now) = (outcome.known.as_ref(), self.parts.clock.now());
        match ended {
            Ok(()) => {
                let due = known.is_some_and(|known| known.is_due(now));
                outcome.only_read = self.before.is_none() && due;
            }
            Err(Failed { error, asked }) => {
                // Otherwise the callers are told, who need another one.
                if known.is_some_and(|known| known.is_usable(self.rejected.as_ref(), now)) {
                    let shop = &self.shop;
                    log::warn!(shop:% = shop; "The token could not be renewed yet: {error}");
                }
                (outcome.error, outcome.asked) = (Some(error), asked);
            }
        }
        outcome
    }

    /// Follows the store until it holds what is wanted. `known` is what it holds, at the end and when it fails.
    async fn follow(&self, known: &mut Option<Known>) -> Result<(), Failed> {
        let start = Instant::now();
        let mut lost_races = 0;
        loop {
            let Some(kept) = self.stored(self.parts.store.load(&self.shop)).await? else {
                return self.without_store(known).await;
            };
            let kept = self.known(kept);
            let now = self.parts.clock.now();
            let step = self.next_step(&kept, now);
            *known = Some(kept.clone());
            let purpose = match step? {
                Step::Keep => return Ok(()),
                // Each of its tries begins anew, so the last one may never be old enough to be taken over.
                Step::Await if start.elapsed() > self.parts.lease => {
                    let reason = "another process fails to renew the token";
                    return Err(TokenError::temporary(reason).into());
                }
                Step::Await => {
                    sleep(LOOK_AGAIN).await;
                    continue;
                }
                Step::Obtain(purpose) => purpose,
            };
            if let Some(obtained) = self.obtain(kept.kept, purpose).await? {
                *known = Some(obtained);
                return Ok(());
            }
            lost_races += 1;
            if lost_races == LOST_RACES {
                let reason = "the stored token changes again and again";
                return Err(TokenError::temporary(reason).into());
            }
        }
    }

    fn known(&self, kept: TokenRecord) -> Known {
        let before = self.before.as_ref();
        let same = before.filter(|before| before.kept.version == kept.version);
        let renew_at = match same {
            Some(same) => same.renew_at,
            None => self.parts.renew_at(&kept.token),
        };
        Known { kept, renew_at }
    }

    fn next_step(&self, known: &Known, now: DateTime<Utc>) -> Result<Step, TokenError> {
        let kept = &known.kept;
        let usable = known.is_usable(self.rejected.as_ref(), now);
        let migrating = kept
            .attempt
            .filter(|attempt| attempt.purpose == Purpose::Migration);
        let purpose = match kept.token.kind() {
            // Once begun, it may have ended the token: only the end of it leads on.
            Kind::Permanent if self.migrate || migrating.is_some() => Purpose::Migration,
            Kind::Permanent if usable => return Ok(Step::Keep),
            Kind::Permanent => return Err(TokenError::reauthorize()),
            // Whoever reads it first gets it as long as it is good, and need not wait for the next one.
            Kind::Refreshed | Kind::AskedAnew
                if usable && (self.before.is_none() || !known.is_due(now)) =>
            {
                return Ok(Step::Keep);
            }
            Kind::Refreshed | Kind::AskedAnew => Purpose::Renewal,
        };
        if self.ended == Some(kept.version) {
            return Err(TokenError::reauthorize());
        }
        if kept.attempt.is_some_and(|other| self.is_held(other, now)) {
            return Ok(if usable { Step::Keep } else { Step::Await });
        }
        Ok(Step::Obtain(purpose))
    }

    /// Whether another process may be at it.
    fn is_held(&self, other: Attempt, now: DateTime<Utc>) -> bool {
        let lease = TimeDelta::from_std(self.parts.lease).unwrap_or(TimeDelta::MAX);
        let age = now - other.begun_at;
        // An entry from the future is that of a clock that is wrong, and as good as an old one.
        other.by != self.parts.instance && age < lease && age > -lease
    }

    /// Journals, asks Shopify, and saves. `None`: somebody else was first, look again.
    async fn obtain(&self, kept: TokenRecord, purpose: Purpose) -> Result<Option<Known>, Failed> {
        let (parts, shop) = (&self.parts, &self.shop);
        let (begun, now) = (Instant::now(), parts.clock.now());
        let attempt = Attempt {
            by: parts.instance,
            // It is compared with what the store returns.
            begun_at: now.trunc_subsecs(3),
            purpose,
        };
        let journaled = parts.store.begin(shop, kept.version, kept.attempt, attempt);
        if !self.stored(journaled).await? {
            return Ok(None);
        }
        let token = match self.ask(&kept.token, purpose, begun, now).await {
            Ok(token) => token,
            Err(Error::Reauthorize) => {
                if self.is_unchanged(&kept, attempt).await? {
                    return Err(TokenError::reauthorize().into());
                }
                // Another process has used the next refresh token by now.
                return Ok(None);
            }
            Err(error) => return Err(of_grant(&error)),
        };
        if !self.save(kept.version, attempt, &token).await? {
            return Ok(None);
        }
        log::info!(shop:% = shop; "The access token was renewed");
        let renew_at = parts.renew_new_at(&token, now);
        let kept = TokenRecord {
            token,
            version: kept.version + 1,
            attempt: None,
        };
        Ok(Some(Known { kept, renew_at }))
    }

    async fn ask(
        &self,
        old: &StoredToken,
        purpose: Purpose,
        begun: Instant,
        now: DateTime<Utc>,
    ) -> Result<StoredToken, Error> {
        let (grants, shop) = (&self.parts.grants, &self.shop);
        if purpose == Purpose::Migration {
            let asked = grants.migrate(shop, &old.access_token);
            return Ok(StoredToken::from_grant(
                self.in_time(begun, asked).await?,
                now,
            ));
        }
        let Some(refresh_token) = &old.refresh_token else {
            return self.by_credentials(begun, now).await;
        };
        let asked = grants.refresh(shop, refresh_token);
        let mut grant = self.in_time(begun, asked).await?;
        if grant.refresh_token.is_some() {
            return Ok(StoredToken::from_grant(grant, now));
        }
        // Without another one it stays in use. RFC 6749, section 6.
        grant.refresh_token = Some(refresh_token.clone());
        Ok(StoredToken {
            refresh_expires_at: old.refresh_expires_at,
            ..StoredToken::from_grant(grant, now)
        })
    }

    async fn by_credentials(
        &self,
        begun: Instant,
        now: DateTime<Utc>,
    ) -> Result<StoredToken, Error> {
        let asked = self.parts.grants.client_credentials(&self.shop);
        Ok(StoredToken::by_credentials(
            self.in_time(begun, asked).await?,
            now,
        ))
    }

    /// An answer that comes later than half the lease is as good as lost: another process may ask by the time that it
    /// would be saved. The time is looked at first, so that a renewal that stood still for long, as on a machine that
    /// slept, sends nothing.
    async fn in_time(
        &self,
        begun: Instant,
        asked: impl Future<Output = Result<TokenGrant, Error>> + Send,
    ) -> Result<TokenGrant, Error> {
        tokio::select! {
            biased;
            () = sleep_until(begun + self.parts.lease / 2) => Err(Error::Transport {
                operation: "access_token",
                timed_out: true,
                source: "no answer in time".into(),
            }),
            answer = asked => answer,
        }
    }

    /// Saves, again and again: until it is saved the new token must not be used, as its use retires the old one.
    async fn save(
        &self,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError> {
        let store = &self.parts.store;
        for pause in SAVING {
            let saved = store.save(&self.shop, version, attempt, token);
            match self.stored(saved).await {
                Err(error) if error.retryable => {
                    let shop = &self.shop;
                    log::warn!(shop:% = shop; "The new token could not be saved yet: {error}");
                    sleep(pause).await;
                }
                ended => return ended,
            }
        }
        let saved = store.save(&self.shop, version, attempt, token);
        self.stored(saved).await
    }

    /// What the store says, if it says so in time. If it does not, nobody knows whether it was done; the version tells.
    async fn stored<T>(
        &self,
        asked: impl Future<Output = Result<T, TokenError>> + Send,
    ) -> Result<T, TokenError> {
        let answered = timeout(self.parts.lease / 2, asked).await;
        answered.unwrap_or_else(|_| Err(TokenError::temporary("the token store does not answer")))
    }

    async fn is_unchanged(&self, kept: &TokenRecord, attempt: Attempt) -> Result<bool, TokenError> {
        let stored = self.stored(self.parts.store.load(&self.shop)).await?;
        Ok(stored.is_some_and(|stored| {
            stored.version == kept.version && stored.attempt == Some(attempt)
        }))
    }

    /// A token that needs no store, if the app's own credentials are enough.
    async fn without_store(&self, known: &mut Option<Known>) -> Result<(), Failed> {
        if !self.parts.by_credentials {
            *known = None;
            return Err(TokenError::permanent("the app is not installed in this shop").into());
        }
        let now = self.parts.clock.now();
        let token = self.by_credentials(Instant::now(), now).await;
        let token = token.map_err(|error| of_grant(&error))?;
        let renew_at = self.parts.renew_new_at(&token, now);
        let kept = TokenRecord {
            token,
            version: 0,
            attempt: None,
        };
        *known = Some(Known { kept, renew_at });
        Ok(())
    }
}

fn of_grant(error: &Error) -> Failed {
    let asked = error.retry_after().unwrap_or_default();
    let error = match error {
        Error::Reauthorize => TokenError::reauthorize(),
        // Half an answer, or one of a proxy: asked for again with the same refresh token.
        Error::Decode { .. } | Error::Status { .. } => TokenError::temporary(error.to_string()),
        error if error.is_retryable() => TokenError::temporary(error.to_string()),
        error => TokenError::permanent(error.to_string()),
    };
    let asked = asked.min(LONGEST_ASKED);
    Failed { error, asked }
}
