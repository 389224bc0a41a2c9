use async_trait::async_trait;

use crate::{PortError, Run, RunId, RunReport, ShopDomain, Timestamp, Trigger};

/// The record of runs.
#[async_trait]
pub trait RunLog: Send + Sync {
    /// Begins a run and gives it its number.
    async fn start(
        &self,
        shop: &ShopDomain,
        trigger: Trigger,
        full: bool,
        at: Timestamp,
    ) -> Result<RunId, PortError>;

    /// Ends a run.
    async fn finish(&self, run: RunId, report: &RunReport, at: Timestamp) -> Result<(), PortError>;

    /// The newest runs, of one shop or of all, newest first.
    async fn recent(&self, shop: Option<&ShopDomain>, limit: u32) -> Result<Vec<Run>, PortError>;

    /// Forgets runs and deliveries older than `before`. Returns how many rows went.
    async fn prune(&self, before: Timestamp) -> Result<u64, PortError>;
}
