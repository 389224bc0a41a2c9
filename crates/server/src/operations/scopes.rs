//! Compares the access scopes that the app needs with those that a shop has granted.

use shopify_client::oauth::scope_is_covered;

/// Returns the needed scopes that the granted ones do not cover.
pub(crate) fn missing_scopes(needed: &[String], granted: &[String]) -> Vec<String> {
    let missing = needed
        .iter()
        .filter(|scope| !scope_is_covered(scope, granted));
    missing.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_scope_covers_the_read_scope() {
        let list = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
        let needed = list("read_products,read_locations,read_discounts");
        let granted = list("write_products,read_locations");
        assert_eq!(missing_scopes(&needed, &granted), ["read_discounts"]);
    }
}
