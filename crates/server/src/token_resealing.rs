//! Seals stored tokens again with the newest key after a key or a secret was rotated, so that the old one can be dropped.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sync_core::Timestamp;
use sync_core::ports::Clock;
use sync_db::{Database, Resealed};

/// How often tokens under older keys are looked for. A process that still seals with an older key may write one at any time.
const INTERVAL: Duration = Duration::from_hours(1);

/// Seals tokens with the newest key, at start and then hourly.
#[derive(Debug)]
pub(crate) struct TokenResealing {
    database: Database,
    last: Mutex<Option<Timestamp>>,
}

impl TokenResealing {
    pub(crate) fn new(database: Database) -> Self {
        let last = Mutex::default();
        Self { database, last }
    }

    /// Seals tokens that are under an older key, unless that was done within the hour.
    pub(crate) async fn run_if_due(&self, clock: &dyn Clock) {
        let now = clock.now();
        // `to_std` fails if the last time is in the future: the clock was set back.
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = last.and_then(|at| (now - at).to_std().ok());
        if elapsed.is_some_and(|elapsed| elapsed < INTERVAL) {
            return;
        }
        match self.database.reseal_tokens().await {
            Ok(result) => {
                report(result);
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            }
            Err(error) => log::warn!(
                "Tokens could not be sealed with the newest key; retrying in a minute: {}",
                sync_core::error_chain(&error)
            ),
        }
    }
}

fn report(result: Resealed) {
    let Resealed {
        resealed: shops,
        unreadable,
    } = result;
    if shops > 0 {
        log::info!(shops;
            "Sealed the tokens of {shops} shops with the newest key; once all processes use it, the older one is not needed for tokens"
        );
    }
    if unreadable > 0 {
        log::warn!(shops = unreadable;
            "The tokens of {unreadable} shops cannot be opened with any key: configure the key or the secret they were sealed with \
             (SHOPSYNC_ENCRYPTION_KEYS, STATE_TOKEN_SECRET_PREVIOUS, SHOPIFY_API_SECRET_PREVIOUS), or install these shops again"
        );
    }
}
