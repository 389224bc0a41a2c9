//! Holds a request that is ready to be executed.

use std::sync::Arc;

use super::pinned_schema::PinnedSchema;
use super::plan::Plan;

/// A validated request and its cost.
#[derive(Debug)]
pub(crate) struct PreparedOperation {
    pub(super) pinned: Arc<PinnedSchema>,
    pub(super) plan: Plan,
    pub(super) requested_cost: u64,
}

impl PreparedOperation {
    /// The operation's name.
    pub(crate) fn operation_name(&self) -> Option<&str> {
        self.plan.name.as_deref()
    }

    pub(crate) fn is_mutation(&self) -> bool {
        self.plan.is_mutation
    }

    /// The cost if every connection is full; Shopify rejects requests above [`MAX_QUERY_COST`](super::MAX_QUERY_COST).
    pub(crate) fn requested_cost(&self) -> u64 {
        self.requested_cost
    }
}
