use async_trait::async_trait;
use sync_core::ports::ShopRegistry;
use sync_core::{
    Installation, PortError, Shop, ShopDomain, ShopStatus, Timestamp, Token, VersionedToken,
};

use super::{MemoryState, ShopRow};

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
        row.version += 1;
        row.token = Some(VersionedToken {
            token: installation.token.clone(),
            version: row.version,
        });
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

    async fn replace_token(
        &self,
        shop: &ShopDomain,
        expected: u64,
        token: &Token,
    ) -> Result<bool, PortError> {
        let mut tables = self.tables();
        let Some(row) = tables.shops.get_mut(shop) else {
            return Ok(false);
        };
        if row.token.is_none() || row.version != expected {
            return Ok(false);
        }
        row.version += 1;
        row.token = Some(VersionedToken {
            token: token.clone(),
            version: row.version,
        });
        Ok(true)
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
