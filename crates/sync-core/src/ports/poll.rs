use std::time::Duration;

use async_trait::async_trait;

use crate::{PortError, Timestamp};

/// Stores when the daily poll last ran, for all replicas.
#[async_trait]
pub trait PollSchedule: Send + Sync {
    /// The slot opened last; `None` if none was opened yet.
    async fn last_slot(&self) -> Result<Option<Timestamp>, PortError>;

    /// Opens a slot: requests a full scan of every active or unavailable shop, due at times spread evenly over `spread`
    /// from `now` on, and stores the slot, all in one transaction.
    ///
    /// Returns the number of shops, or `None` if this slot or a later one is open already.
    async fn open_slot(
        &self,
        slot: Timestamp,
        now: Timestamp,
        spread: Duration,
    ) -> Result<Option<u64>, PortError>;
}
