//! A token store with injected faults.

use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::SubsecRound;
use shopify_client::token::{Attempt, MemoryStore, StoredToken, TokenRecord, TokenStore};
use shopify_client::{ShopDomain, TokenError};
use tokio::time::sleep;

use super::shopify::shop;

/// A store whose calls can fail. Like a database, it stores times with microsecond precision.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) rows: MemoryStore,
    faults: Mutex<StoreFaults>,
}

#[derive(Default)]
struct StoreFaults {
    failing_saves: u32,
    hanging_saves: u32,
    rejected_saves: u32,
    failing_loads: u32,
    delayed_loads: u32,
    panicking_loads: u32,
    delayed_begins: u32,
    log: Vec<&'static str>,
}

impl Store {
    fn faults(&self) -> MutexGuard<'_, StoreFaults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fail_saves(&self, times: u32) {
        self.faults().failing_saves = times;
    }

    /// Saves never return: the process crashes there.
    pub(crate) fn hang_saves(&self, times: u32) {
        self.faults().hanging_saves = times;
    }

    /// Saves report a changed row.
    pub(crate) fn reject_saves(&self, times: u32) {
        self.faults().rejected_saves = times;
    }

    pub(crate) fn panic_at_loads(&self, times: u32) {
        self.faults().panicking_loads = times;
    }

    /// Loads return after a second.
    pub(crate) fn delay_loads(&self, times: u32) {
        self.faults().delayed_loads = times;
    }

    /// Attempts are recorded, but the call returns after a second.
    pub(crate) fn delay_begins(&self, times: u32) {
        self.faults().delayed_begins = times;
    }

    pub(crate) fn fail_loads(&self, times: u32) {
        self.faults().failing_loads = times;
    }

    pub(crate) fn clear_faults(&self) {
        let log = std::mem::take(&mut self.faults().log);
        *self.faults() = StoreFaults {
            log,
            ..StoreFaults::default()
        };
    }

    /// Returns the writes.
    pub(crate) fn log(&self) -> Vec<&'static str> {
        self.faults().log.clone()
    }

    pub(crate) async fn record(&self) -> TokenRecord {
        self.rows.load(&shop()).await.unwrap().expect("installed")
    }
}

fn take_one(count: &mut u32) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

#[async_trait]
impl TokenStore for Store {
    async fn load(&self, shop: &ShopDomain) -> Result<Option<TokenRecord>, TokenError> {
        if take_one(&mut self.faults().failing_loads) {
            return Err(TokenError::temporary("the database is unavailable"));
        }
        let panics = take_one(&mut self.faults().panicking_loads);
        assert!(!panics, "a bug in the store");
        let loaded = self.rows.load(shop).await;
        let delayed = take_one(&mut self.faults().delayed_loads);
        if delayed {
            sleep(Duration::from_secs(1)).await;
        }
        loaded
    }

    async fn begin(
        &self,
        shop: &ShopDomain,
        version: u64,
        replaces: Option<Attempt>,
        attempt: Attempt,
    ) -> Result<bool, TokenError> {
        self.faults().log.push("begin");
        let stored = Attempt {
            begun_at: attempt.begun_at.trunc_subsecs(6),
            ..attempt
        };
        let begun = self.rows.begin(shop, version, replaces, stored).await;
        let delayed = take_one(&mut self.faults().delayed_begins);
        if delayed {
            sleep(Duration::from_secs(1)).await;
        }
        begun
    }

    async fn save(
        &self,
        shop: &ShopDomain,
        version: u64,
        attempt: Attempt,
        token: &StoredToken,
    ) -> Result<bool, TokenError> {
        if take_one(&mut self.faults().hanging_saves) {
            return pending().await;
        }
        if take_one(&mut self.faults().failing_saves) {
            return Err(TokenError::temporary("the database is unavailable"));
        }
        if take_one(&mut self.faults().rejected_saves) {
            return Ok(false);
        }
        self.faults().log.push("save");
        self.rows.save(shop, version, attempt, token).await
    }
}
