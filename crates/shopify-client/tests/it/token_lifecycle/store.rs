//! A store that fails on request.

use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::SubsecRound;
use shopify_client::token::{Attempt, MemoryStore, StoredToken, TokenRecord, TokenStore};
use shopify_client::{ShopDomain, TokenError};
use tokio::time::sleep;

use super::shopify::shop;

/// A store whose writes can fail. Like a database, it keeps times to the microsecond.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) rows: MemoryStore,
    troubles: Mutex<Troubles>,
}

#[derive(Default)]
struct Troubles {
    saves_that_fail: u32,
    saves_that_hang: u32,
    saves_that_are_late: u32,
    loads_that_fail: u32,
    loads_that_linger: u32,
    loads_that_panic: u32,
    begins_that_linger: u32,
    log: Vec<&'static str>,
}

impl Store {
    fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fail_saves(&self, times: u32) {
        self.troubles().saves_that_fail = times;
    }

    /// The process that saves never comes to the end of it: it dies there.
    pub(crate) fn hang_saves(&self, times: u32) {
        self.troubles().saves_that_hang = times;
    }

    /// The row is another one by then, as the store has it.
    pub(crate) fn refuse_saves(&self, times: u32) {
        self.troubles().saves_that_are_late = times;
    }

    pub(crate) fn panic_at_loads(&self, times: u32) {
        self.troubles().loads_that_panic = times;
    }

    /// What is read takes a second to arrive.
    pub(crate) fn linger_loads(&self, times: u32) {
        self.troubles().loads_that_linger = times;
    }

    /// What is begun is written, but it takes a second until the process knows.
    pub(crate) fn linger_begins(&self, times: u32) {
        self.troubles().begins_that_linger = times;
    }

    pub(crate) fn fail_loads(&self, times: u32) {
        self.troubles().loads_that_fail = times;
    }

    pub(crate) fn heal(&self) {
        let log = std::mem::take(&mut self.troubles().log);
        *self.troubles() = Troubles {
            log,
            ..Troubles::default()
        };
    }

    /// What was written.
    pub(crate) fn log(&self) -> Vec<&'static str> {
        self.troubles().log.clone()
    }

    pub(crate) async fn kept(&self) -> TokenRecord {
        self.rows.load(&shop()).await.unwrap().expect("installed")
    }
}

fn one_of(count: &mut u32) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

#[async_trait]
impl TokenStore for Store {
    async fn load(&self, shop: &ShopDomain) -> Result<Option<TokenRecord>, TokenError> {
        if one_of(&mut self.troubles().loads_that_fail) {
            return Err(TokenError::temporary("the database is away"));
        }
        let panics = one_of(&mut self.troubles().loads_that_panic);
        assert!(!panics, "a bug of the store's");
        let loaded = self.rows.load(shop).await;
        let lingers = one_of(&mut self.troubles().loads_that_linger);
        if lingers {
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
        self.troubles().log.push("begin");
        let kept = Attempt {
            begun_at: attempt.begun_at.trunc_subsecs(6),
            ..attempt
        };
        let begun = self.rows.begin(shop, version, replaces, kept).await;
        let lingers = one_of(&mut self.troubles().begins_that_linger);
        if lingers {
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
        if one_of(&mut self.troubles().saves_that_hang) {
            return pending().await;
        }
        if one_of(&mut self.troubles().saves_that_fail) {
            return Err(TokenError::temporary("the database is away"));
        }
        if one_of(&mut self.troubles().saves_that_are_late) {
            return Ok(false);
        }
        self.troubles().log.push("save");
        self.rows.save(shop, version, attempt, token).await
    }
}
