//! Formats phrases that several commands print: counts with their nouns, the key of a shop's document.

use indicatif::HumanCount;
use sync_core::ShopDomain;

use crate::adapters::snapshot_key;

/// Formats a count with its noun: `1 product`, `3,000 products`.
pub(crate) fn count_of(count: u64, kind: &str) -> String {
    format!("{} {}", HumanCount(count), kind_noun(kind, count))
}

/// Returns the noun of a kind, in the singular or the plural as the count needs it.
pub(crate) fn kind_noun(kind: &str, count: u64) -> String {
    pluralize(&kind.replace('_', " "), count)
}

/// Adds an `s` unless the count is 1.
pub(crate) fn pluralize(word: &str, count: u64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{word}{s}")
}

/// Returns the key of the shop's document in the Space, for printing.
pub(crate) fn document_key(shop: &ShopDomain) -> String {
    snapshot_key(shop).map_or_else(|_| shop.to_string(), |key| key.to_string())
}
