//! What the app has asked for.

use std::collections::BTreeMap;

use serde::Serialize;

/// The requests to a shop since the simulator started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallCounts {
    /// GraphQL requests in all, refused ones too.
    pub requests: u64,
    /// GraphQL requests by the operation's name; `""` is one without a name or unreadable.
    pub operations: BTreeMap<String, u64>,
    /// Points spent: the actual cost of all operations that were executed.
    pub points: u64,
    /// Answers with `THROTTLED`, and 429s.
    pub throttled: u64,
    /// Answers to GraphQL requests with another status than 200.
    pub failed: u64,
    /// Bulk operations that were started.
    pub bulk_operations: u64,
    /// Requests for tokens.
    pub token_requests: u64,
    /// Faults that struck.
    pub faults: u64,
}
