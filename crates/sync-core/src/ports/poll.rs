use std::time::Duration;

use async_trait::async_trait;

use crate::{PortError, Timestamp};

/// When the daily poll last ran, shared by all replicas.
#[async_trait]
pub trait PollSchedule: Send + Sync {
    /// The slot opened last; `None` before the first.
    async fn last_slot(&self) -> Result<Option<Timestamp>, PortError>;

    /// Opens a slot: demands a full scan of every active or unavailable shop, the first at `now`, the others
    /// evenly over `spread`, and remembers the slot, all in one transaction.
    ///
    /// Returns how many shops that were, or `None` if this slot or a later one is open already.
    async fn open_slot(
        &self,
        slot: Timestamp,
        now: Timestamp,
        spread: Duration,
    ) -> Result<Option<u64>, PortError>;
}
