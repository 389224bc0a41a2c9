//! Computes the last day on which Shopify supports an API version.

use chrono::{Datelike, NaiveDate};

/// Returns the last day on which a version of the API is supported. After it, the oldest supported version serves its
/// requests. Returns `None` if `version` is not a version.
///
/// Dates stated by Shopify come from a table. Other versions follow its rule: 12 months after the release on the first
/// of the month, plus two weeks.
///
/// Source: Shopify, "About Shopify API versioning" (read in July and November 2026).
pub fn supported_until(version: &str) -> Option<NaiveDate> {
    let stated = STATED_ENDS.iter().find(|(name, ..)| *name == version);
    if let Some((_, year, month, day)) = stated {
        return NaiveDate::from_ymd_opt(*year, *month, *day);
    }
    if version.len() != "2026-10".len() {
        return None;
    }
    let released = NaiveDate::parse_from_str(&format!("{version}-01"), "%Y-%m-%d").ok()?;
    if !matches!(released.month(), 1 | 4 | 7 | 10) {
        return None;
    }
    NaiveDate::from_ymd_opt(released.year() + 1, released.month(), 16)
}

const STATED_ENDS: [(&str, i32, u32, u32); 5] = [
    ("2025-10", 2026, 10, 16),
    ("2026-01", 2027, 1, 16),
    ("2026-04", 2027, 4, 16),
    ("2026-07", 2027, 7, 16),
    ("2026-10", 2027, 10, 16),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_end_on_the_stated_day_or_by_the_rule() {
        for (version, until) in [
            ("2025-10", "2026-10-16"),
            ("2026-10", "2027-10-16"),
            ("2027-01", "2028-01-16"),
            ("2030-07", "2031-07-16"),
        ] {
            assert_eq!(supported_until(version), until.parse().ok(), "{version}");
        }
        for version in ["", "unstable", "2026-11", "2026", "2026-10-01", "26-10"] {
            assert_eq!(supported_until(version), None, "{version}");
        }
    }
}
