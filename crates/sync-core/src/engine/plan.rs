//! Compares a shop's catalogue with the mirror without changing anything.

use futures::StreamExt;

use super::{Counts, Engine, Quarantine, RunContext};
use crate::item::ItemKind;
use crate::ports::{ScanItem, WriteMode};
use crate::progress::Observer;
use crate::{Lease, Outcome, PortError, RunId, RunReport, ShopDomain};

impl Engine {
    /// Reports what a full scan would change: reads the whole catalogue and compares it with the mirror. Claims no lease
    /// and writes nothing.
    ///
    /// # Errors
    /// When the shop or the state database cannot be read.
    pub async fn plan(
        &self,
        shop: &ShopDomain,
        observer: &dyn Observer,
    ) -> Result<RunReport, PortError> {
        let lease = Lease {
            shop: shop.clone(),
            token: 0,
        };
        let mut context = RunContext {
            engine: self,
            lease: &lease,
            run: RunId(0),
            observer,
            counts: Counts::new(),
            quarantined: Quarantine::new(),
        };
        let known = self.ports.mirror.counts(shop).await?;
        for kind in ItemKind::SCANNED {
            let known = known.get(&kind).copied().unwrap_or_default();
            context.compare(kind, known).await?;
        }
        let counts = context.counts;
        let differences = counts
            .values()
            .map(|counts| counts.added + counts.changed + counts.removed)
            .sum();
        Ok(RunReport {
            outcome: Outcome::WouldPublish { differences },
            counts: counts
                .into_iter()
                .map(|(kind, counts)| (kind.to_owned(), counts))
                .collect(),
        })
    }
}

impl RunContext<'_> {
    async fn compare(&mut self, kind: ItemKind, known: u64) -> Result<(), PortError> {
        let engine = self.engine;
        let lease = self.lease;
        let expected = engine.ports.catalog.count(&lease.shop, kind).await?;
        let expected = expected.map(|count| count.count);
        self.count(kind).expected = expected;
        self.report_progress(None, kind);
        let items = engine.ports.catalog.scan(&lease.shop, kind);
        let mut batches = items.ready_chunks(engine.config.batch_size);
        while let Some(batch) = batches.next().await {
            let mut items = Vec::with_capacity(batch.len());
            for scanned in batch {
                match scanned? {
                    ScanItem::Found(item) => items.push(*item),
                    ScanItem::Unreadable(key, error) => self.quarantine_within_limit(key, error)?,
                }
            }
            self.upsert(&items, WriteMode::DryRun).await?;
            self.report_progress(None, kind);
        }
        let counts = self.count(kind);
        // Quarantined items stay in the mirror if they are there.
        let still_there = counts.read - counts.added + counts.failed;
        counts.removed = known.saturating_sub(still_there);
        Ok(())
    }
}
