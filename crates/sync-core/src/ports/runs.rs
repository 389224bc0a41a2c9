use async_trait::async_trait;

use crate::{PortError, Run, RunId, RunReport, ShopDomain, Timestamp, Trigger};

/// Records runs.
#[async_trait]
pub trait RunLog: Send + Sync {
    /// Records the start of a run and returns its number.
    async fn start(
        &self,
        shop: &ShopDomain,
        trigger: Trigger,
        full: bool,
        at: Timestamp,
    ) -> Result<RunId, PortError>;

    /// Records the end of a run.
    async fn finish(&self, run: RunId, report: &RunReport, at: Timestamp) -> Result<(), PortError>;

    /// The newest runs of one shop, or of all shops, newest first.
    async fn recent(&self, shop: Option<&ShopDomain>, limit: u32) -> Result<Vec<Run>, PortError>;

    /// Deletes runs and deliveries older than `before`. Returns the number of deleted rows.
    async fn prune(&self, before: Timestamp) -> Result<u64, PortError>;
}
