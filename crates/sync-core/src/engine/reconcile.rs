//! Reading the whole catalogue, and telling what is gone from what was merely not seen.

use futures::StreamExt;

use super::refresh::Named;
use super::{Pass, Stop};
use crate::item::{Item, ItemKey, ItemKind};
use crate::ports::{Count, ScanItem, WriteMode};
use crate::work::FullScan;
use crate::{DirtyItem, ItemFailure, Outcome, PortError};

/// The shop's own count and what was read disagree.
#[derive(Debug, thiserror::Error)]
#[error("the shop says that it has {expected} {kind} items, but {read} were read")]
struct CountDisagrees {
    kind: ItemKind,
    expected: u64,
    read: u64,
}

impl Pass<'_> {
    pub(super) async fn reconcile(&mut self, full: FullScan) -> Result<Outcome, Stop> {
        let engine = self.engine;
        let ports = &engine.ports;
        // What was dirty before the scan began is covered by it; marks made meanwhile stay.
        let covered = ports
            .inbox
            .dirty(self.lease, ports.clock.now(), u32::MAX)
            .await?;
        self.audit_subscriptions().await?;
        self.end_interrupted_scans().await;
        for kind in ItemKind::SCANNED {
            self.scan(kind).await?;
            self.bury(kind, full.accept_deletions).await?;
        }
        let outcome = self.publish().await?;
        let shop = self.shop();
        ports.registry.record_scan(shop, ports.clock.now()).await?;
        let (done, failed) = self.sort_covered(covered).await?;
        ports.inbox.settle(self.lease, &done, &failed).await?;
        Ok(outcome)
    }

    /// Only what was set aside is still to be dealt with.
    async fn sort_covered(
        &self,
        covered: Vec<DirtyItem>,
    ) -> Result<(Vec<DirtyItem>, Vec<ItemFailure>), PortError> {
        let mut named = Named::default();
        if !self.set_aside.is_empty() {
            for item in &covered {
                named.add(item.key, self.known_targets(item.key).await?);
            }
        }
        Ok(self.sort(covered, &named))
    }

    /// Subscriptions made through the API vanish after repeated failures, so every full scan looks after them.
    /// A shop that refuses one is still worth scanning.
    async fn audit_subscriptions(&self) -> Result<(), PortError> {
        let shop = self.shop();
        let audit = self.engine.ports.catalog.audit_subscriptions(shop).await?;
        for topic in audit.created.iter().chain(&audit.updated) {
            log::info!(shop:%, run:% = self.run, topic = topic.as_str(); "The webhook subscription to {topic} was missing or wrong and is mended");
        }
        for (topic, reason) in &audit.failed {
            log::warn!(shop:%, run:% = self.run, topic = topic.as_str(); "The shop refuses a webhook subscription to {topic}: {reason}");
        }
        Ok(())
    }

    /// What is left of them can delay this scan, but not make it wrong: it goes on if they cannot be ended.
    async fn end_interrupted_scans(&self) {
        let (shop, run) = (self.shop(), self.run);
        match self.engine.ports.catalog.end_interrupted_scans(shop).await {
            Ok(0) => {}
            Ok(ended) => {
                log::info!(shop:%, run:%, ended; "Ended what an interrupted scan had left going on at the shop");
            }
            Err(error) => {
                log::warn!(shop:%, run:%; "What an interrupted scan has left at the shop could not be ended: {}", error.chain());
            }
        }
    }

    async fn scan(&mut self, kind: ItemKind) -> Result<(), Stop> {
        let engine = self.engine;
        let ports = &engine.ports;
        let lease = self.lease;
        let shop = &lease.shop;
        let before = ports.catalog.count(shop, kind).await?;
        let expected = before.map(|count| count.count);
        self.count(kind).expected = expected;
        self.tell_read(Some(self.run), kind);
        let mut items = ports.catalog.scan(shop, kind);
        let mut batch: Vec<Item> = Vec::with_capacity(engine.config.batch_size);
        loop {
            let item = items.next().await.transpose()?;
            let ended = item.is_none();
            match item {
                Some(ScanItem::Found(item)) => batch.push(*item),
                Some(ScanItem::Unreadable(key, error)) => self.do_without(key, error)?,
                None => {}
            }
            if batch.len() == engine.config.batch_size || (ended && !batch.is_empty()) {
                self.upsert(&batch, WriteMode::Scan(self.run)).await?;
                batch.clear();
                self.tell_read(Some(self.run), kind);
            }
            if ended {
                break;
            }
        }
        drop(items);
        self.certify(kind, before).await
    }

    /// Sets an item aside, unless that makes too many: then it is no longer about single items.
    pub(super) fn do_without(&mut self, key: ItemKey, error: PortError) -> Result<(), PortError> {
        self.set_aside(key, &error);
        let counts = *self.count(key.kind);
        let all = counts.expected.unwrap_or_default();
        if self.engine.config.is_too_many(counts.failed, all) {
            return Err(error);
        }
        Ok(())
    }

    /// Compares what was read with what the shop says it has. The catalogue may change during the scan, so a
    /// number between the counts before and after it is right too.
    async fn certify(&mut self, kind: ItemKind, before: Option<Count>) -> Result<(), Stop> {
        let Some(before) = before else { return Ok(()) };
        let ports = &self.engine.ports;
        // Counted in the mirror, where an item that was answered twice is one. One that was set aside is there too, or
        // is in the shop alone; it was not written.
        let known = ports.mirror.counts(self.shop()).await?;
        let known = known.get(&kind).copied().unwrap_or_default();
        let unseen = ports.mirror.unseen(self.shop(), kind, self.run).await?;
        let set_aside = self.set_aside.keys().filter(|key| key.kind == kind).count();
        let read = known - unseen.len() as u64 + set_aside as u64;
        if agrees(before, before, read) {
            return Ok(());
        }
        let after = ports.catalog.count(self.shop(), kind).await?;
        let after = after.unwrap_or(before);
        if agrees(before, after, read) {
            return Ok(());
        }
        let expected = after.count;
        let disagrees = CountDisagrees {
            kind,
            expected,
            read,
        };
        Err(PortError::retry("read the whole catalogue", disagrees).into())
    }

    /// Buries the items that the scan has not seen and of which the shop, asked for each, says that they are gone.
    async fn bury(&mut self, kind: ItemKind, accept_deletions: bool) -> Result<(), Stop> {
        let engine = self.engine;
        let ports = &engine.ports;
        let mut missing: Vec<ItemKey> = ports.mirror.unseen(self.shop(), kind, self.run).await?;
        missing.retain(|key| !self.set_aside.contains_key(key));
        if missing.is_empty() {
            return Ok(());
        }
        let known = ports.mirror.counts(self.shop()).await?;
        let known = known.get(&kind).copied().unwrap_or_default();
        let count = missing.len() as u64;
        if !accept_deletions && engine.config.is_too_many(count, known) {
            return Err(Stop::Halted {
                kind: kind.as_str(),
                missing: count,
                known,
            });
        }
        // Those that exist after all are written as seen; those that are gone become tombstones.
        self.read(missing, WriteMode::Scan(self.run)).await?;
        Ok(())
    }
}

fn agrees(before: Count, after: Count, read: u64) -> bool {
    let least = before.count.min(after.count);
    let most = before.count.max(after.count);
    let open_ended = !(before.exact && after.exact);
    least <= read && (read <= most || open_ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exactly(count: u64) -> Count {
        Count { count, exact: true }
    }

    #[test]
    fn a_number_between_both_counts_is_right() {
        assert!(agrees(exactly(5), exactly(5), 5));
        assert!(agrees(exactly(5), exactly(7), 6));
        assert!(agrees(exactly(7), exactly(5), 6));
        assert!(!agrees(exactly(5), exactly(5), 4));
        assert!(!agrees(exactly(5), exactly(7), 8));
    }

    #[test]
    fn a_lower_bound_bounds_only_below() {
        let many = Count {
            count: 25_001,
            exact: false,
        };
        assert!(agrees(many, many, 190_000));
        assert!(!agrees(many, many, 25_000));
    }
}
