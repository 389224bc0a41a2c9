//! Carries out a refresh: reads the dirty items again, and the items that repeat their fields.

use std::collections::HashSet;

use super::run::{RunContext, RunError};
use crate::item::{Item, ItemKey, ItemKind};
use crate::ports::{FetchResult, WriteMode};
use crate::{DirtyItem, Disposition, ItemFailure, Outcome, PortError, WorkKind};

impl RunContext<'_> {
    pub(super) async fn refresh(&mut self) -> Result<Outcome, RunError> {
        let engine = self.engine;
        let ports = &engine.ports;
        let now = ports.clock.now();
        let dirty = ports
            .inbox
            .dirty(self.lease, now, engine.config.dirty_per_run)
            .await?;
        let mut targets = RefreshTargets::default();
        for item in &dirty {
            targets.add(item.key, self.targets(item.key).await?);
        }
        self.read_items(targets.keys(), WriteMode::Refresh).await?;
        let (done, failed) = self.split_dirty(dirty, &targets);
        self.settle(WorkKind::Refresh, done, failed).await
    }

    /// The items to read for a dirty key: the item itself, or the products that an inventory item belongs to.
    async fn targets(&self, key: ItemKey) -> Result<Vec<ItemKey>, PortError> {
        let known = self.known_targets(key).await?;
        if known.is_empty() {
            let catalog = &self.engine.ports.catalog;
            return catalog.owners(self.shop(), &[key.id]).await;
        }
        Ok(known)
    }

    /// The same from the mirror alone. Empty for an inventory item that the mirror does not know.
    pub(super) async fn known_targets(&self, key: ItemKey) -> Result<Vec<ItemKey>, PortError> {
        if key.kind != ItemKind::InventoryItem {
            return Ok(vec![key]);
        }
        let mirror = &self.engine.ports.mirror;
        mirror.referrers(self.shop(), &[key]).await
    }

    /// Splits dirty items into settled ones and failed ones, which have a quarantined target.
    pub(super) fn split_dirty(
        &self,
        dirty: Vec<DirtyItem>,
        targets: &RefreshTargets,
    ) -> (Vec<DirtyItem>, Vec<ItemFailure>) {
        let config = &self.engine.config;
        let now = self.engine.ports.clock.now();
        let mut done = Vec::new();
        let mut failed = Vec::new();
        for item in dirty {
            let targets = targets.targets_of(item.key);
            let error = targets.iter().find_map(|key| self.tally.error_of(*key));
            match error {
                None => done.push(item),
                Some(error) => {
                    let wait = config.retry_base.saturating_mul(1 << item.attempts.min(20));
                    failed.push(ItemFailure {
                        error: error.clone(),
                        retry_at: now + wait.min(config.retry_max),
                        item,
                    });
                }
            }
        }
        (done, failed)
    }

    /// Fetches items by key into the mirror, then the items that repeat a changed field of those, until no item repeats an
    /// outdated field.
    pub(super) async fn read_items(
        &mut self,
        keys: Vec<ItemKey>,
        mode: WriteMode,
    ) -> Result<(), RunError> {
        let mut seen: HashSet<ItemKey> = keys.iter().copied().collect();
        let mut wave = keys;
        while !wave.is_empty() {
            let mut outdated = Vec::new();
            for batch in wave.chunks(self.engine.config.batch_size) {
                let fetched = self.fetch(batch.to_vec()).await?;
                outdated.extend(self.store_fetched(fetched, mode).await?);
            }
            let mirror = &self.engine.ports.mirror;
            wave = mirror.referrers(self.shop(), &outdated).await?;
            wave.retain(|key| seen.insert(*key));
        }
        Ok(())
    }

    /// Fetches a batch. If it fails for good, halves it until the unreadable items are found and quarantined, so that one
    /// bad item does not block the others.
    async fn fetch(&mut self, keys: Vec<ItemKey>) -> Result<Vec<FetchResult>, RunError> {
        let catalog = &self.engine.ports.catalog;
        let mut fetched = Vec::with_capacity(keys.len());
        let mut pending = vec![keys];
        while let Some(mut keys) = pending.pop() {
            match catalog.fetch(self.shop(), &keys).await {
                Ok(results) => fetched.extend(results),
                Err(error) if error.disposition == Disposition::Fail => {
                    if let [key] = keys[..] {
                        self.tally.quarantine(key, &error);
                    } else {
                        pending.push(keys.split_off(keys.len() / 2));
                        pending.push(keys);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(fetched)
    }

    /// Writes fetched items and tombstones to the mirror. Returns the keys whose denormalised fields changed or which are
    /// deleted.
    async fn store_fetched(
        &mut self,
        fetched: Vec<FetchResult>,
        mode: WriteMode,
    ) -> Result<Vec<ItemKey>, PortError> {
        let mut items = Vec::new();
        let mut deleted = Vec::new();
        for result in fetched {
            match result {
                FetchResult::Found(item) => items.push(*item),
                FetchResult::Deleted(key) => deleted.push(key),
            }
        }
        for key in &deleted {
            self.tally.release_from_quarantine(*key);
        }
        let mut outdated = self.upsert(&items, mode).await?;
        let ports = &self.engine.ports;
        let removed = ports
            .mirror
            .tombstone(self.lease, &deleted, ports.clock.now())
            .await?;
        for key in &removed {
            self.tally.count(key.kind).removed += 1;
        }
        outdated.extend(removed);
        Ok(outdated)
    }

    /// Writes items to the mirror and counts them. Returns the keys whose denormalised fields changed.
    pub(super) async fn upsert(
        &mut self,
        items: &[Item],
        mode: WriteMode,
    ) -> Result<Vec<ItemKey>, PortError> {
        let upserted = self
            .engine
            .ports
            .mirror
            .upsert(self.lease, items, mode)
            .await?;
        self.tally.add(&upserted);
        let outdated = upserted.into_iter().filter(|item| item.denorm_changed);
        Ok(outdated.map(|item| item.key).collect())
    }
}

/// Maps each dirty key to the items that are read for it.
#[derive(Debug, Default)]
pub(super) struct RefreshTargets(Vec<(ItemKey, Vec<ItemKey>)>);

impl RefreshTargets {
    pub(super) fn add(&mut self, dirty: ItemKey, targets: Vec<ItemKey>) {
        self.0.push((dirty, targets));
    }

    /// All targets without duplicates, in the order of their first occurrence.
    fn keys(&self) -> Vec<ItemKey> {
        let mut seen = HashSet::new();
        let targets = self.0.iter().flat_map(|(_, targets)| targets);
        targets.copied().filter(|key| seen.insert(*key)).collect()
    }

    fn targets_of(&self, dirty: ItemKey) -> &[ItemKey] {
        let found = self.0.iter().find(|(key, _)| *key == dirty);
        found.map_or(&[], |(_, targets)| targets)
    }
}
