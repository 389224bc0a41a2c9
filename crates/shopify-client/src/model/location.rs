use serde::{Deserialize, Serialize};

use super::scalar;
use crate::Gid;

/// A location that stocks inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// `gid://shopify/Location/…`
    pub id: Gid,
    /// The number of `id`.
    #[serde(deserialize_with = "scalar::text")]
    pub legacy_resource_id: String,
    /// The merchant's name for it.
    pub name: String,
    /// Whether it is active.
    pub is_active: bool,
    /// RFC 3339.
    pub updated_at: String,
}
