//! What Shopify says about costs: `extensions.cost` of an answer.

use serde::Deserialize;

/// `extensions.cost` of an answer, in points. Numbers may be floats.
/// Source: Shopify, "API rate limits", Admin GraphQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Cost {
    /// `requestedQueryCost`: what the query takes from the bucket before it is carried out.
    #[serde(default, rename = "requestedQueryCost")]
    pub requested: Option<f64>,
    /// `actualQueryCost`: what it costs in the end; the difference is given back. `null` for a throttled query.
    #[serde(default, rename = "actualQueryCost")]
    pub actual: Option<f64>,
    /// How full the bucket was when the query was through.
    #[serde(default)]
    pub throttle_status: Option<ThrottleStatus>,
}

impl Cost {
    /// A cost, as the answer to a query would tell it.
    pub fn new(requested: f64, actual: Option<f64>, status: ThrottleStatus) -> Self {
        Self {
            requested: Some(requested),
            actual,
            throttle_status: Some(status),
        }
    }

    /// What was asked for, if the bucket can never hold as much.
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
    /// The most that the bucket holds.
    pub maximum_available: f64,
    /// What it held when the query was through.
    pub currently_available: f64,
    /// What flows in, per second.
    pub restore_rate: f64,
}

impl ThrottleStatus {
    /// Whether one can reckon with it.
    pub(super) fn is_valid(&self) -> bool {
        self.maximum_available.is_finite()
            && self.maximum_available > 0.0
            && self.currently_available.is_finite()
            && self.restore_rate.is_finite()
            && self.restore_rate >= 0.0
    }
}
