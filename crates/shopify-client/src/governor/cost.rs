//! Parses the cost of a request: `extensions.cost` of a response.

use serde::Deserialize;

/// `extensions.cost` of a response, in points. The numbers may be floats. Source: Shopify, "API rate limits", Admin
/// GraphQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Cost {
    /// `requestedQueryCost`: the points taken from the bucket before execution.
    #[serde(default, rename = "requestedQueryCost")]
    pub requested: Option<f64>,
    /// `actualQueryCost`: the final cost; the difference is refunded. `null` for a throttled query.
    #[serde(default, rename = "actualQueryCost")]
    pub actual: Option<f64>,
    /// The level of the bucket after the query.
    #[serde(default)]
    pub throttle_status: Option<ThrottleStatus>,
}

impl Cost {
    /// Builds a cost as a response states it.
    pub fn new(requested: f64, actual: Option<f64>, status: ThrottleStatus) -> Self {
        Self {
            requested: Some(requested),
            actual,
            throttle_status: Some(status),
        }
    }

    /// The requested cost, if it exceeds the size of the bucket.
    pub(crate) fn requested_above_bucket(&self) -> Option<f64> {
        let most = self.throttle_status?.maximum_available;
        self.requested.filter(|requested| *requested > most)
    }
}

/// The state of a shop's bucket for the app, in points.
/// Source: Shopify, "API rate limits", Admin GraphQL.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThrottleStatus {
    /// The size of the bucket.
    pub maximum_available: f64,
    /// The level after the query.
    pub currently_available: f64,
    /// The points restored per second.
    pub restore_rate: f64,
}

impl ThrottleStatus {
    /// Whether the numbers are plausible.
    pub(super) fn is_valid(&self) -> bool {
        self.maximum_available.is_finite()
            && self.maximum_available > 0.0
            && self.currently_available.is_finite()
            && self.restore_rate.is_finite()
            && self.restore_rate >= 0.0
    }
}
