//! Counts the app's requests to a shop.

use std::collections::BTreeMap;

use serde::Serialize;

/// The requests to a shop since the simulator started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallCounts {
    /// All GraphQL requests, rejected ones included.
    pub requests: u64,
    /// GraphQL requests by operation name; `""` counts requests without a name or unreadable ones.
    pub operations: BTreeMap<String, u64>,
    /// Points spent: the actual cost of all executed operations.
    pub points: u64,
    /// Responses with `THROTTLED` and responses with status 429.
    pub throttled: u64,
    /// Responses to GraphQL requests with a status other than 200.
    pub failed: u64,
    /// Bulk operations that were started.
    pub bulk_operations: u64,
    /// Requests to the token endpoint.
    pub token_requests: u64,
    /// Injected faults.
    pub faults: u64,
}
