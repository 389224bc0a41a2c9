//! Carries out a full scan: reads the whole catalogue, verifies the counts and tombstones deleted items.

use futures::StreamExt;

use super::refresh::RefreshTargets;
use super::run::{RunContext, RunError};
use crate::item::{Item, ItemKey, ItemKind};
use crate::ports::{Count, ScanItem, WriteMode};
use crate::{DirtyItem, ItemFailure, Outcome, PortError, WorkArguments, WorkKind};

/// The shop's count of a kind differs from the number of items read.
#[derive(Debug, thiserror::Error)]
#[error("the shop reports {expected} {kind} items, but {read} were read")]
struct CountMismatch {
    kind: ItemKind,
    expected: u64,
    read: u64,
}

impl RunContext<'_> {
    pub(super) async fn scan(&mut self, arguments: WorkArguments) -> Result<Outcome, RunError> {
        let engine = self.engine;
        let ports = &engine.ports;
        // The scan covers the items that were dirty before it began. Items that become dirty during it stay dirty.
        let covered = ports
            .inbox
            .dirty(self.lease, ports.clock.now(), u32::MAX)
            .await?;
        self.end_interrupted_scans().await;
        for kind in ItemKind::SCANNED {
            self.scan_kind(kind).await?;
            self.tombstone_missing(kind, arguments.accept_deletions)
                .await?;
        }
        let (done, failed) = self.split_covered(covered).await?;
        self.settle(WorkKind::Scan, done, failed).await
    }

    /// Splits the dirty items that the scan covered into settled and failed ones: those of quarantined items failed.
    async fn split_covered(
        &self,
        covered: Vec<DirtyItem>,
    ) -> Result<(Vec<DirtyItem>, Vec<ItemFailure>), PortError> {
        let mut targets = RefreshTargets::default();
        if self.tally.has_quarantined() {
            for item in &covered {
                targets.add(item.key, self.known_targets(item.key).await?);
            }
        }
        Ok(self.split_dirty(covered, &targets))
    }

    /// Interrupted scans that still run at the shop can delay this one but not falsify it, so an error is only logged.
    async fn end_interrupted_scans(&self) {
        let (shop, run) = (self.shop(), self.run);
        match self.engine.ports.catalog.end_interrupted_scans(shop).await {
            Ok(0) => {}
            Ok(ended) => {
                log::info!(shop:%, run:%, ended; "Ended {ended} operations that interrupted scans had left running at the shop");
            }
            Err(error) => {
                log::warn!(shop:%, run:%; "Could not end the operations of interrupted scans at the shop; scanning anyway: {}", error.chain());
            }
        }
    }

    async fn scan_kind(&mut self, kind: ItemKind) -> Result<(), RunError> {
        let engine = self.engine;
        let ports = &engine.ports;
        let lease = self.lease;
        let shop = &lease.shop;
        let before = ports.catalog.count(shop, kind).await?;
        self.tally.count(kind).expected = before.map(|count| count.count);
        self.report_read(kind);
        let mut items = ports.catalog.scan(shop, kind);
        let mut batch: Vec<Item> = Vec::with_capacity(engine.config.batch_size);
        loop {
            let item = items.next().await.transpose()?;
            let ended = item.is_none();
            match item {
                Some(ScanItem::Found(item)) => batch.push(*item),
                Some(ScanItem::Unreadable(key, error)) => {
                    self.tally
                        .quarantine_within_limit(&engine.config, key, error)?;
                }
                None => {}
            }
            if batch.len() == engine.config.batch_size || (ended && !batch.is_empty()) {
                self.upsert(&batch, WriteMode::Scan(self.run)).await?;
                batch.clear();
                self.report_read(kind);
            }
            if ended {
                break;
            }
        }
        drop(items);
        self.verify_count(kind, before).await
    }

    /// Compares the number of items read with the shop's count. The catalogue may change during the scan, so a number
    /// between the counts before and after it is accepted too.
    async fn verify_count(
        &mut self,
        kind: ItemKind,
        before: Option<Count>,
    ) -> Result<(), RunError> {
        let Some(before) = before else { return Ok(()) };
        let ports = &self.engine.ports;
        // Counted in the mirror, so that an item returned twice counts once. Quarantined items were not written by this
        // scan and are added.
        let known = ports.mirror.counts(self.shop()).await?;
        let known = known.get(&kind).copied().unwrap_or_default();
        let unseen = ports.mirror.unseen(self.shop(), kind, self.run).await?;
        let quarantined = self.tally.quarantined_count(kind);
        let read = known - unseen.len() as u64 + quarantined;
        if count_matches(before, before, read) {
            return Ok(());
        }
        let after = ports.catalog.count(self.shop(), kind).await?;
        let after = after.unwrap_or(before);
        if count_matches(before, after, read) {
            return Ok(());
        }
        let expected = after.count;
        let mismatch = CountMismatch {
            kind,
            expected,
            read,
        };
        Err(PortError::retry("read the whole catalogue", mismatch).into())
    }

    /// Tombstones the items that the scan has not seen, after fetching each by id confirms that it is deleted.
    async fn tombstone_missing(
        &mut self,
        kind: ItemKind,
        accept_deletions: bool,
    ) -> Result<(), RunError> {
        let engine = self.engine;
        let ports = &engine.ports;
        let mut missing: Vec<ItemKey> = ports.mirror.unseen(self.shop(), kind, self.run).await?;
        missing.retain(|key| self.tally.error_of(*key).is_none());
        if missing.is_empty() {
            return Ok(());
        }
        let known = ports.mirror.counts(self.shop()).await?;
        let known = known.get(&kind).copied().unwrap_or_default();
        let count = missing.len() as u64;
        if !accept_deletions && engine.config.is_too_many(count, known) {
            return Err(RunError::Halted {
                kind: kind.as_str(),
                missing: count,
                known,
            });
        }
        // Items that still exist are written as seen by this scan; deleted ones become tombstones.
        self.read_items(missing, WriteMode::Scan(self.run)).await?;
        Ok(())
    }
}

fn count_matches(before: Count, after: Count, read: u64) -> bool {
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
    fn a_number_between_both_counts_matches() {
        assert!(count_matches(exactly(5), exactly(5), 5));
        assert!(count_matches(exactly(5), exactly(7), 6));
        assert!(count_matches(exactly(7), exactly(5), 6));
        assert!(!count_matches(exactly(5), exactly(5), 4));
        assert!(!count_matches(exactly(5), exactly(7), 8));
    }

    #[test]
    fn an_inexact_count_is_only_a_lower_bound() {
        let many = Count {
            count: 25_001,
            exact: false,
        };
        assert!(count_matches(many, many, 190_000));
        assert!(!count_matches(many, many, 25_000));
    }
}
