//! Implements [`Mirror`] in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sync_core::ports::{Change, Mirror, Revision, StoredItem, UpsertResult, WriteMode};
use sync_core::{
    ContentHash, Item, ItemId, ItemKey, ItemKind, Lease, PortError, RunId, Section, ShopDomain,
    Timestamp,
};

use super::{MemoryState, MirrorRow, Tables};

#[async_trait]
impl Mirror for MemoryState {
    async fn upsert(
        &self,
        lease: &Lease,
        items: &[Item],
        mode: WriteMode,
    ) -> Result<Vec<UpsertResult>, PortError> {
        let mut tables = self.tables();
        if mode != WriteMode::DryRun {
            tables.require_lease(lease, "write items to the mirror")?;
        }
        let mut upserted = Vec::with_capacity(items.len());
        for item in items {
            let key = (lease.shop.clone(), item.key);
            let known = tables.items.get(&key).filter(|known| !known.deleted);
            let (change, denorm_changed) = match known {
                None => (Change::Added, true),
                Some(known) if known.item.hash == item.hash => {
                    (Change::None, known.item.denorm_fields != item.denorm_fields)
                }
                Some(known) => (
                    Change::Updated,
                    known.item.denorm_fields != item.denorm_fields,
                ),
            };
            upserted.push(UpsertResult {
                key: item.key,
                change,
                denorm_changed,
            });
            if mode == WriteMode::DryRun {
                continue;
            }
            let before = known.and_then(|known| known.seen);
            let seen = match mode {
                WriteMode::Scan(run) => Some(run),
                WriteMode::Refresh | WriteMode::DryRun => before,
            };
            let row = MirrorRow {
                item: item.clone(),
                seen,
                deleted: false,
            };
            tables.items.insert(key, row);
        }
        if mode != WriteMode::DryRun && upserted.iter().any(|item| item.change != Change::None) {
            tables.increment_revision(&lease.shop);
        }
        Ok(upserted)
    }

    async fn tombstone(
        &self,
        lease: &Lease,
        keys: &[ItemKey],
        _: Timestamp,
    ) -> Result<Vec<ItemKey>, PortError> {
        let mut tables = self.tables();
        tables.require_lease(lease, "tombstone items in the mirror")?;
        let mut tombstoned = Vec::new();
        for key in keys {
            let known = tables.items.get_mut(&(lease.shop.clone(), *key));
            if let Some(known) = known.filter(|known| !known.deleted) {
                known.deleted = true;
                tombstoned.push(*key);
            }
        }
        if !tombstoned.is_empty() {
            tables.increment_revision(&lease.shop);
        }
        Ok(tombstoned)
    }

    async fn unseen(
        &self,
        shop: &ShopDomain,
        kind: ItemKind,
        run: RunId,
    ) -> Result<Vec<ItemKey>, PortError> {
        let tables = self.tables();
        let live = tables.live(shop);
        let unseen = live.filter(|known| known.item.key.kind == kind && known.seen != Some(run));
        Ok(unseen.map(|known| known.item.key).collect())
    }

    async fn referrers(
        &self,
        shop: &ShopDomain,
        keys: &[ItemKey],
    ) -> Result<Vec<ItemKey>, PortError> {
        let wanted: BTreeSet<_> = keys.iter().collect();
        let tables = self.tables();
        let live = tables.live(shop);
        let refers =
            |known: &&MirrorRow| known.item.references.iter().any(|key| wanted.contains(key));
        Ok(live.filter(refers).map(|known| known.item.key).collect())
    }

    async fn page(
        &self,
        shop: &ShopDomain,
        section: Section,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<StoredItem>, PortError> {
        let tables = self.tables();
        let mut page: Vec<StoredItem> = tables
            .live(shop)
            .filter(|known| known.item.section == section)
            .filter(|known| after.is_none_or(|after| known.item.key.id > after))
            .map(|known| StoredItem {
                id: known.item.key.id,
                body: known.item.body.clone(),
            })
            .collect();
        page.sort_by_key(|item| item.id);
        page.truncate(limit as usize);
        Ok(page)
    }

    async fn counts(&self, shop: &ShopDomain) -> Result<BTreeMap<ItemKind, u64>, PortError> {
        let tables = self.tables();
        let mut counts = BTreeMap::new();
        for known in tables.live(shop) {
            *counts.entry(known.item.key.kind).or_default() += 1;
        }
        Ok(counts)
    }

    async fn revision(&self, shop: &ShopDomain) -> Result<Revision, PortError> {
        let tables = self.tables();
        let row = tables.shops.get(shop);
        Ok(row.map_or(Revision::default(), |row| Revision {
            current: row.revision,
            published: row.shop.published.map(|(_, revision, _)| revision),
        }))
    }

    async fn mark_published(
        &self,
        lease: &Lease,
        revision: u64,
        hash: ContentHash,
        at: Timestamp,
    ) -> Result<(), PortError> {
        let mut tables = self.tables();
        tables.require_lease(lease, "store what was published")?;
        if let Some(row) = tables.shops.get_mut(&lease.shop) {
            row.shop.published = Some((at, revision, hash));
        }
        Ok(())
    }
}

impl Tables {
    fn increment_revision(&mut self, shop: &ShopDomain) {
        if let Some(row) = self.shops.get_mut(shop) {
            row.revision += 1;
        }
    }

    fn live(&self, shop: &ShopDomain) -> impl Iterator<Item = &MirrorRow> {
        let shop = shop.clone();
        self.items
            .iter()
            .filter(move |((of, _), known)| *of == shop && !known.deleted)
            .map(|(_, known)| known)
    }
}
