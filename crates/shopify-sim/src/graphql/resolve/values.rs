//! Converts values that several types share.

use super::super::object::{RequestContext, ResolvedValue, SelectedField};
use crate::catalog::model::{Cents, Seconds, iso};

/// The access scopes that a field needs; one of them is sufficient.
pub(super) const PRODUCT_SCOPES: &[&str] = &["read_products"];
pub(super) const INVENTORY_ITEM_SCOPES: &[&str] = &["read_inventory", "read_products"];
pub(super) const INVENTORY_LEVEL_SCOPES: &[&str] = &["read_inventory"];
pub(super) const LOCATION_SCOPES: &[&str] = &["read_locations"];
pub(super) const DISCOUNT_SCOPES: &[&str] = &["read_discounts"];

/// The scalar `UnsignedInt64`: a number as text.
pub(crate) fn unsigned_int64<'a>(number: u64) -> ResolvedValue<'a> {
    number.to_string().into()
}

pub(crate) fn timestamp<'a>(at: Seconds) -> ResolvedValue<'a> {
    iso(at).into()
}

pub(super) fn money<'a>(context: &'a RequestContext<'a>, amount: Cents) -> ResolvedValue<'a> {
    ResolvedValue::Object(
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

/// A `Count` that stops at the field's `limit`, if it has one.
pub(super) fn count<T>(
    selected: SelectedField<'_>,
    all: impl Iterator<Item = T>,
) -> ResolvedValue<'static> {
    let limit = selected
        .number("limit")
        .map(|limit| usize::try_from(limit).unwrap_or(0));
    let found = match limit {
        Some(limit) => all.take(limit.saturating_add(1)).count(),
        None => all.count(),
    };
    let limit = limit.unwrap_or(usize::MAX);
    let precision = if found > limit { "AT_LEAST" } else { "EXACT" };
    ResolvedValue::Object(
        "Count",
        vec![
            ("count", found.min(limit).into()),
            ("precision", precision.into()),
        ],
    )
}

/// The text, shortened to the length in `truncateAt`, which includes the dots.
pub(super) fn truncate(selected: SelectedField<'_>, text: String) -> String {
    let Some(length) = selected.number("truncateAt") else {
        return text;
    };
    let length = usize::try_from(length).unwrap_or(0);
    if text.chars().count() <= length {
        return text;
    }
    let kept = text.chars().take(length.saturating_sub(3));
    kept.chain("...".chars().take(length)).collect()
}
