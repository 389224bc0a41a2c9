//! Implements [`RunLog`] and [`PollSchedule`] in memory.

use std::time::Duration;

use async_trait::async_trait;
use sync_core::ports::{PollSchedule, RunLog};
use sync_core::{
    PortError, Run, RunId, RunReport, ShopDomain, ShopStatus, Timestamp, Trigger, WorkRequest,
};

use super::MemoryState;

#[async_trait]
impl RunLog for MemoryState {
    async fn start(
        &self,
        shop: &ShopDomain,
        trigger: Trigger,
        full: bool,
        at: Timestamp,
    ) -> Result<RunId, PortError> {
        let mut tables = self.tables();
        tables.last_run += 1;
        let id = RunId(tables.last_run);
        let run = Run {
            id,
            shop: shop.clone(),
            trigger,
            full,
            started_at: at,
            finished: None,
        };
        tables.runs.insert(id, run);
        Ok(id)
    }

    async fn finish(&self, run: RunId, report: &RunReport, at: Timestamp) -> Result<(), PortError> {
        if let Some(run) = self.tables().runs.get_mut(&run) {
            run.finished = Some((at, report.clone()));
        }
        Ok(())
    }

    async fn recent(&self, shop: Option<&ShopDomain>, limit: u32) -> Result<Vec<Run>, PortError> {
        let tables = self.tables();
        let runs = tables.runs.values().rev();
        let wanted = runs.filter(|run| shop.is_none_or(|shop| run.shop == *shop));
        Ok(wanted.take(limit as usize).cloned().collect())
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, PortError> {
        let mut tables = self.tables();
        let rows = tables.runs.len() + tables.deliveries.len();
        tables.runs.retain(|_, run| run.started_at >= before);
        tables.deliveries.retain(|_, at| *at >= before);
        Ok((rows - tables.runs.len() - tables.deliveries.len()) as u64)
    }
}

#[async_trait]
impl PollSchedule for MemoryState {
    async fn last_slot(&self) -> Result<Option<Timestamp>, PortError> {
        Ok(self.tables().slot)
    }

    async fn open_slot(
        &self,
        slot: Timestamp,
        now: Timestamp,
        spread: Duration,
    ) -> Result<Option<u64>, PortError> {
        let mut tables = self.tables();
        if tables.slot.is_some_and(|open| open >= slot) {
            return Ok(None);
        }
        tables.slot = Some(slot);
        let polled = |status| matches!(status, ShopStatus::Active | ShopStatus::Unavailable(_));
        let shops: Vec<ShopDomain> = tables
            .shops
            .values()
            .filter(|row| polled(row.shop.status))
            .map(|row| row.shop.domain.clone())
            .collect();
        let count = u32::try_from(shops.len()).unwrap_or(u32::MAX);
        for (index, shop) in (0u32..).zip(&shops) {
            let offset = spread * index / count;
            tables.request_work(shop, &WorkRequest::full(Trigger::Poll), now + offset);
        }
        Ok(Some(u64::from(count)))
    }
}
