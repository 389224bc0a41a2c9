//! Implements [`ShopRegistry`] in memory.

use async_trait::async_trait;
use chrono::SubsecRound;
use sync_core::ports::ShopRegistry;
use sync_core::{
    Installation, PortError, Shop, ShopDomain, ShopStatus, Timestamp, Token, TokenAttempt,
    VersionedToken,
};

use super::{MemoryState, ShopRow};

impl ShopRow {
    fn put_token(&mut self, token: &Token) {
        self.version += 1;
        self.token = Some(VersionedToken {
            token: token.clone(),
            version: self.version,
            attempt: None,
        });
    }

    /// The token, if its version and its current attempt are these.
    fn token_with(
        &mut self,
        version: u64,
        attempt: Option<TokenAttempt>,
    ) -> Option<&mut VersionedToken> {
        let token = self.token.as_mut();
        token.filter(|token| {
            token.version == version && token.attempt == attempt.map(truncate_to_micros)
        })
    }
}

/// The attempt as a database stores it: its time truncated to microseconds.
fn truncate_to_micros(attempt: TokenAttempt) -> TokenAttempt {
    TokenAttempt {
        begun_at: attempt.begun_at.trunc_subsecs(6),
        ..attempt
    }
}

#[async_trait]
impl ShopRegistry for MemoryState {
    async fn install(&self, installation: &Installation) -> Result<(), PortError> {
        let mut tables = self.tables();
        let domain = &installation.domain;
        let row = tables
            .shops
            .entry(domain.clone())
            .or_insert_with(|| ShopRow {
                shop: Shop {
                    domain: domain.clone(),
                    status: ShopStatus::Active,
                    installed_at: installation.at,
                    scopes: Vec::new(),
                    reconciled_at: None,
                    published: None,
                },
                token: None,
                version: 0,
                revision: 0,
            });
        row.shop.status = ShopStatus::Active;
        row.shop.installed_at = installation.at;
        row.shop.scopes.clone_from(&installation.scopes);
        row.put_token(&installation.token);
        Ok(())
    }

    async fn find(&self, shop: &ShopDomain) -> Result<Option<Shop>, PortError> {
        Ok(self.tables().shops.get(shop).map(|row| row.shop.clone()))
    }

    async fn list(&self, after: Option<&ShopDomain>, limit: u32) -> Result<Vec<Shop>, PortError> {
        let tables = self.tables();
        let shops = tables.shops.values().map(|row| &row.shop);
        let wanted = shops.filter(|shop| after.is_none_or(|after| shop.domain > *after));
        Ok(wanted.take(limit as usize).cloned().collect())
    }

    async fn token(&self, shop: &ShopDomain) -> Result<Option<VersionedToken>, PortError> {
        let tables = self.tables();
        Ok(tables.shops.get(shop).and_then(|row| row.token.clone()))
    }

    async fn begin_token_attempt(
        &self,
        shop: &ShopDomain,
        expected: u64,
        replaces: Option<TokenAttempt>,
        attempt: TokenAttempt,
    ) -> Result<bool, PortError> {
        let mut tables = self.tables();
        let row = tables.shops.get_mut(shop);
        let token = row.and_then(|row| row.token_with(expected, replaces));
        Ok(token
            .map(|token| token.attempt = Some(truncate_to_micros(attempt)))
            .is_some())
    }

    async fn replace_token(
        &self,
        shop: &ShopDomain,
        expected: u64,
        attempt: TokenAttempt,
        token: &Token,
    ) -> Result<bool, PortError> {
        let mut tables = self.tables();
        let Some(row) = tables.shops.get_mut(shop) else {
            return Ok(false);
        };
        let current = row.token_with(expected, Some(attempt)).is_some();
        if current {
            row.put_token(token);
        }
        Ok(current)
    }

    async fn set_status(&self, shop: &ShopDomain, status: ShopStatus) -> Result<(), PortError> {
        if let Some(row) = self.tables().shops.get_mut(shop) {
            row.shop.status = status;
            if status == ShopStatus::Uninstalled {
                row.token = None;
            }
        }
        Ok(())
    }

    async fn record_scan(
        &self,
        shop: &ShopDomain,
        reconciled_at: Timestamp,
    ) -> Result<(), PortError> {
        if let Some(row) = self.tables().shops.get_mut(shop) {
            row.shop.reconciled_at = Some(reconciled_at);
        }
        Ok(())
    }

    async fn erase(&self, shop: &ShopDomain) -> Result<(), PortError> {
        let mut tables = self.tables();
        tables.shops.remove(shop);
        tables.work.remove(shop);
        tables.deliveries.retain(|(of, _), _| of != shop);
        tables.dirty.retain(|(of, _), _| of != shop);
        tables.items.retain(|(of, _), _| of != shop);
        tables.runs.retain(|_, run| run.shop != *shop);
        Ok(())
    }
}
