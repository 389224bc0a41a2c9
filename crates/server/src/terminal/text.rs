//! Phrases that several commands print: counts with their nouns, the key of a shop's document.

use indicatif::HumanCount;
use spaces_store::{ShopPrefix, SnapshotKey};
use sync_core::ShopDomain;

/// A number of things: `1 product`, `3,000 products`.
pub(crate) fn of(count: u64, kind: &str) -> String {
    format!("{} {}", HumanCount(count), kind_name(kind, count))
}

/// The word for that many things of a kind.
pub(crate) fn kind_name(kind: &str, count: u64) -> String {
    plural(&kind.replace('_', " "), count)
}

pub(crate) fn plural(word: &str, count: u64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{word}{s}")
}

/// Where the shop's document is in the Space.
pub(crate) fn key_of(shop: &ShopDomain) -> String {
    ShopPrefix::new(shop.as_str()).map_or_else(
        |_| shop.to_string(),
        |prefix| SnapshotKey::single(&prefix).to_string(),
    )
}
