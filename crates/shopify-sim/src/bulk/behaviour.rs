//! Defines how a shop treats bulk operations and how they end.

use serde::{Deserialize, Serialize};

/// How a shop treats bulk operations. In JSON, an absent field has its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BulkBehaviour {
    /// Whether the app may run bulk operations; real apps have to be approved for them in the Partner Dashboard.
    pub enabled: bool,
    /// How operations end that are started from now on.
    #[serde(rename = "end")]
    pub outcome: BulkOutcome,
    /// Whether the parent of an inventory level is its inventory item instead of the variant.
    pub levels_of_items: bool,
}

impl Default for BulkBehaviour {
    fn default() -> Self {
        Self {
            enabled: true,
            outcome: BulkOutcome::default(),
            levels_of_items: false,
        }
    }
}

/// How a bulk operation ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BulkOutcome {
    /// It completes with a file, as soon as the file is written.
    #[default]
    Completes,
    /// It fails with `INTERNAL_SERVER_ERROR`.
    Fails,
    /// It fails with `TIMEOUT`.
    TimesOut,
    /// It completes with a file of the stated size and number of lines, but the last root object has lost its fields.
    #[serde(rename = "spoils")]
    Corrupts,
    /// It runs until it is cancelled or [`finish_bulk_operations`](crate::ShopControl::finish_bulk_operations) is
    /// called.
    Never,
}
