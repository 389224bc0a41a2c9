//! Values that several types answer.

use super::super::object::{Ask, Context, Tree};
use crate::catalog::model::{Cents, Seconds, iso};

/// The scopes that let an app read products and what hangs on them.
pub(super) const PRODUCTS: &[&str] = &["read_products"];
pub(super) const ITEMS: &[&str] = &["read_inventory", "read_products"];
pub(super) const LEVELS: &[&str] = &["read_inventory"];
pub(super) const LOCATIONS: &[&str] = &["read_locations"];
pub(super) const DISCOUNTS: &[&str] = &["read_discounts"];

/// `UnsignedInt64`: a number as text.
pub(crate) fn unsigned<'a>(number: u64) -> Tree<'a> {
    number.to_string().into()
}

pub(crate) fn moment<'a>(at: Seconds) -> Tree<'a> {
    iso(at).into()
}

pub(super) fn money<'a>(context: &'a Context<'a>, amount: Cents) -> Tree<'a> {
    Tree::Object(
        "MoneyV2",
        vec![
            ("amount", amount.decimal().into()),
            (
                "currencyCode",
                context.catalog.shop.currency.as_str().into(),
            ),
        ],
    )
}

/// A count that stops at the field's `limit`, if it has one.
pub(super) fn counted<T>(ask: Ask<'_>, all: impl Iterator<Item = T>) -> Tree<'static> {
    let limit = ask
        .number("limit")
        .map(|limit| usize::try_from(limit).unwrap_or(0));
    let found = match limit {
        Some(limit) => all.take(limit.saturating_add(1)).count(),
        None => all.count(),
    };
    let limit = limit.unwrap_or(usize::MAX);
    let precision = if found > limit { "AT_LEAST" } else { "EXACT" };
    Tree::Object(
        "Count",
        vec![
            ("count", found.min(limit).into()),
            ("precision", precision.into()),
        ],
    )
}

/// Text cut to the length that `truncateAt` names, the dots included.
pub(super) fn truncated(ask: Ask<'_>, text: String) -> String {
    let Some(length) = ask.number("truncateAt") else {
        return text;
    };
    let length = usize::try_from(length).unwrap_or(0);
    if text.chars().count() <= length {
        return text;
    }
    let kept = text.chars().take(length.saturating_sub(3));
    kept.chain("...".chars().take(length)).collect()
}
