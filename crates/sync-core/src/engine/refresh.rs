//! Reading again what deliveries named, and nothing else.

use std::collections::HashSet;

use super::{Pass, Stop};
use crate::item::{Item, ItemKey, ItemKind};
use crate::ports::{Change, FetchResult, WriteMode};
use crate::{DirtyItem, Disposition, ItemFailure, Outcome, PortError};

impl Pass<'_> {
    pub(super) async fn refresh(&mut self) -> Result<Outcome, Stop> {
        let engine = self.engine;
        let ports = &engine.ports;
        let now = ports.clock.now();
        let dirty = ports
            .inbox
            .dirty(self.lease, now, engine.config.dirty_per_run)
            .await?;
        let mut named = Named::default();
        for item in &dirty {
            named.add(item.key, self.targets(item.key).await?);
        }
        self.read(named.keys(), WriteMode::Refresh).await?;
        let outcome = self.publish_if_changed().await?;
        // Marks go only after the upload: if the process dies before, the items are read again.
        let (done, failed) = self.sort(dirty, &named);
        ports.inbox.settle(self.lease, &done, &failed).await?;
        Ok(outcome)
    }

    /// The items to read for a dirty key: itself, or the products an inventory item belongs to.
    async fn targets(&self, key: ItemKey) -> Result<Vec<ItemKey>, PortError> {
        let known = self.known_targets(key).await?;
        if known.is_empty() {
            let catalog = &self.engine.ports.catalog;
            return catalog.owners(self.shop(), &[key.id]).await;
        }
        Ok(known)
    }

    /// As far as the mirror knows them.
    pub(super) async fn known_targets(&self, key: ItemKey) -> Result<Vec<ItemKey>, PortError> {
        if key.kind != ItemKind::InventoryItem {
            return Ok(vec![key]);
        }
        let mirror = &self.engine.ports.mirror;
        mirror.referrers(self.shop(), &[key]).await
    }

    /// Nothing is published before the first full scan has succeeded: a part of a catalogue is not a snapshot.
    async fn publish_if_changed(&mut self) -> Result<Outcome, Stop> {
        let ports = &self.engine.ports;
        let revision = ports.mirror.revision(self.shop()).await?;
        let shop = ports.registry.find(self.shop()).await?;
        let scanned = shop.is_some_and(|shop| shop.reconciled_at.is_some());
        if !scanned || revision.published == Some(revision.current) {
            return Ok(Outcome::Unchanged);
        }
        self.publish().await
    }

    /// Tells the marks that have been dealt with from those of which an item was set aside.
    pub(super) fn sort(
        &self,
        dirty: Vec<DirtyItem>,
        named: &Named,
    ) -> (Vec<DirtyItem>, Vec<ItemFailure>) {
        let config = &self.engine.config;
        let now = self.engine.ports.clock.now();
        let mut done = Vec::new();
        let mut failed = Vec::new();
        for item in dirty {
            let targets = named.targets_of(item.key);
            let error = targets.iter().find_map(|key| self.set_aside.get(key));
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

    /// Reads items by their keys into the mirror, then those that repeat something of what changed, until
    /// nothing repeats anything outdated.
    pub(super) async fn read(&mut self, keys: Vec<ItemKey>, write: WriteMode) -> Result<(), Stop> {
        let mut seen: HashSet<ItemKey> = keys.iter().copied().collect();
        let mut wave = keys;
        while !wave.is_empty() {
            let mut outdated = Vec::new();
            for batch in wave.chunks(self.engine.config.batch_size) {
                let fetched = self.fetch(batch.to_vec()).await?;
                outdated.extend(self.write(fetched, write).await?);
            }
            let mirror = &self.engine.ports.mirror;
            wave = mirror.referrers(self.shop(), &outdated).await?;
            wave.retain(|key| seen.insert(*key));
        }
        Ok(())
    }

    /// Reads a batch. If the shop's answer to it is beyond us, halves it until the items at fault stand alone,
    /// so that one bad item does not hold up the others.
    async fn fetch(&mut self, keys: Vec<ItemKey>) -> Result<Vec<FetchResult>, Stop> {
        let catalog = &self.engine.ports.catalog;
        let mut fetched = Vec::with_capacity(keys.len());
        let mut pending = vec![keys];
        while let Some(mut keys) = pending.pop() {
            match catalog.fetch(self.shop(), &keys).await {
                Ok(answers) => fetched.extend(answers),
                Err(error) if error.disposition == Disposition::Fail => {
                    if let [key] = keys[..] {
                        self.set_aside(key, &error);
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

    /// Writes what was fetched. Returns the keys whose label changed or which are gone.
    async fn write(
        &mut self,
        fetched: Vec<FetchResult>,
        write: WriteMode,
    ) -> Result<Vec<ItemKey>, PortError> {
        let mut items = Vec::new();
        let mut gone = Vec::new();
        for answer in fetched {
            match answer {
                FetchResult::Found(item) => items.push(*item),
                FetchResult::Deleted(key) => gone.push(key),
            }
        }
        for key in &gone {
            self.take_back(*key);
        }
        let mut outdated = self.upsert(&items, write).await?;
        let ports = &self.engine.ports;
        let removed = ports
            .mirror
            .tombstone(self.lease, &gone, ports.clock.now())
            .await?;
        for key in &removed {
            self.count(key.kind).removed += 1;
        }
        outdated.extend(removed);
        Ok(outdated)
    }

    /// Writes items to the mirror and counts them. Returns the keys whose label changed.
    pub(super) async fn upsert(
        &mut self,
        items: &[Item],
        write: WriteMode,
    ) -> Result<Vec<ItemKey>, PortError> {
        let upserted = self
            .engine
            .ports
            .mirror
            .upsert(self.lease, items, write)
            .await?;
        for item in &upserted {
            self.take_back(item.key);
            let counts = self.count(item.key.kind);
            counts.read += 1;
            match item.change {
                Change::Added => counts.added += 1,
                Change::Updated => counts.changed += 1,
                Change::None => {}
            }
        }
        let outdated = upserted.into_iter().filter(|item| item.denorm_changed);
        Ok(outdated.map(|item| item.key).collect())
    }
}

/// Which items are read for which dirty keys.
#[derive(Debug, Default)]
pub(super) struct Named(Vec<(ItemKey, Vec<ItemKey>)>);

impl Named {
    pub(super) fn add(&mut self, dirty: ItemKey, targets: Vec<ItemKey>) {
        self.0.push((dirty, targets));
    }

    /// Every target once, in the order of first mention.
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
