//! Compares a shop's catalogue with the mirror without changing anything.

use futures::StreamExt;

use super::Engine;
use super::tally::Tally;
use crate::item::ItemKind;
use crate::ports::ScanItem;
use crate::progress::{Event, Observer};
use crate::{Outcome, PortError, RunReport, ShopDomain};

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
        let mut tally = Tally::default();
        let known = self.ports.mirror.counts(shop).await?;
        for kind in ItemKind::SCANNED {
            let known = known.get(&kind).copied().unwrap_or_default();
            self.compare(shop, kind, known, observer, &mut tally)
                .await?;
        }
        let counts = tally.report();
        let differences = counts
            .values()
            .map(|counts| counts.added + counts.changed + counts.removed)
            .sum();
        Ok(RunReport {
            outcome: Outcome::WouldPublish { differences },
            counts,
        })
    }

    async fn compare(
        &self,
        shop: &ShopDomain,
        kind: ItemKind,
        known: u64,
        observer: &dyn Observer,
        tally: &mut Tally,
    ) -> Result<(), PortError> {
        let ports = &self.ports;
        let expected = ports.catalog.count(shop, kind).await?;
        tally.count(kind).expected = expected.map(|count| count.count);
        let report = |tally: &mut Tally| {
            observer.observe(&Event::Run {
                shop: shop.clone(),
                run: None,
                progress: tally.progress(kind),
            });
        };
        report(tally);
        let items = ports.catalog.scan(shop, kind);
        let mut batches = items.ready_chunks(self.config.batch_size);
        while let Some(batch) = batches.next().await {
            let mut items = Vec::with_capacity(batch.len());
            for scanned in batch {
                match scanned? {
                    ScanItem::Found(item) => items.push(*item),
                    ScanItem::Unreadable(key, error) => {
                        tally.quarantine_within_limit(&self.config, key, error)?;
                    }
                }
            }
            tally.add(&ports.mirror.compare(shop, &items).await?);
            report(tally);
        }
        let counts = tally.count(kind);
        // Quarantined items stay in the mirror if they are there.
        let still_there = counts.read - counts.added + counts.failed;
        counts.removed = known.saturating_sub(still_there);
        Ok(())
    }
}
