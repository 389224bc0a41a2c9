use serde::{Deserialize, Serialize};

/// How a shop treats bulk operations. Over HTTP, what is absent takes its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BulkBehaviour {
    /// Whether the app may run any; Shopify has to be asked for that in the Partner Dashboard.
    pub enabled: bool,
    /// How those end that are started from now on.
    #[serde(rename = "end")]
    pub outcome: BulkOutcome,
    /// Whether inventory levels name the inventory item as their parent, instead of the variant.
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
    /// With a file, as soon as it is written.
    #[default]
    Completes,
    /// It fails with `INTERNAL_SERVER_ERROR`.
    Fails,
    /// It fails with `TIMEOUT`.
    TimesOut,
    /// With a file that is as long as is said and has as many lines, but the last thing in it has lost its fields.
    #[serde(rename = "spoils")]
    Corrupts,
    /// It runs until it is cancelled or [`finish_bulk`](crate::ShopControl::finish_bulk_operations) is called.
    Never,
}
