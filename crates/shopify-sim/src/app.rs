//! Describes the app that the shops know and parses its access scopes.

use std::fmt;

/// The app under test, as registered with Shopify.
#[derive(Clone, Default)]
pub struct SimApp {
    /// The client id.
    pub api_key: String,
    /// The client secret: authenticates token requests and signs query strings and webhooks.
    pub api_secret: String,
    /// The complete URLs to which the grant page may redirect a browser.
    pub redirect_uris: Vec<String>,
    /// The scopes that are granted when a request to the grant page names none, such as `read_products`.
    pub scopes: Vec<String>,
}

impl fmt::Debug for SimApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimApp")
            .field("api_key", &self.api_key)
            .field("redirect_uris", &self.redirect_uris)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// Parses the grant page's list of scopes, separated by commas or spaces; `None` if one of them is not a valid scope.
pub(crate) fn parse_scopes(list: &str) -> Option<Vec<String>> {
    let mut scopes = Vec::new();
    for scope in list
        .split([',', ' '])
        .map(str::trim)
        .filter(|scope| !scope.is_empty())
    {
        if !is_scope(scope) {
            return None;
        }
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    Some(scopes)
}

fn is_scope(text: &str) -> bool {
    let access = text.strip_prefix("unauthenticated_").unwrap_or(text);
    let name = access
        .strip_prefix("read_")
        .or_else(|| access.strip_prefix("write_"));
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}

/// The `read_…` scope that a `write_…` scope implies.
fn implied_scope(scope: &str) -> Option<String> {
    scope
        .strip_prefix("unauthenticated_write_")
        .map(|name| format!("unauthenticated_read_{name}"))
        .or_else(|| {
            scope
                .strip_prefix("write_")
                .map(|name| format!("read_{name}"))
        })
}

/// `scopes`, with the `read_…` scope that each `write_…` scope implies.
pub(crate) fn with_implied_scopes(scopes: &[String]) -> Vec<String> {
    let mut all = scopes.to_vec();
    for read in scopes.iter().filter_map(|scope| implied_scope(scope)) {
        if !all.contains(&read) {
            all.push(read);
        }
    }
    all
}

/// `scopes` as the token response lists them: without those that another one implies.
pub(crate) fn scope_string(scopes: &[String]) -> String {
    let implied: Vec<_> = scopes
        .iter()
        .filter_map(|scope| implied_scope(scope))
        .collect();
    let kept: Vec<_> = scopes
        .iter()
        .filter(|scope| !implied.contains(scope))
        .map(String::as_str)
        .collect();
    kept.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_implies_reading() {
        let scopes = parse_scopes("write_products, read_products,read_locations").unwrap();
        assert_eq!(scope_string(&scopes), "write_products,read_locations");
        let scopes = parse_scopes("write_products,unauthenticated_write_checkouts").unwrap();
        assert_eq!(
            with_implied_scopes(&scopes),
            [
                "write_products",
                "unauthenticated_write_checkouts",
                "read_products",
                "unauthenticated_read_checkouts"
            ]
        );
    }

    #[test]
    fn invalid_scopes_are_rejected() {
        for list in [
            "products",
            "read_",
            "read_products;drop",
            "READ_PRODUCTS",
            "own_all",
        ] {
            assert_eq!(parse_scopes(list), None, "{list}");
        }
        assert_eq!(parse_scopes("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_secret_is_not_shown() {
        let app = SimApp {
            api_secret: "hush".to_owned(),
            ..SimApp::default()
        };
        assert!(!format!("{app:?}").contains("hush"));
    }
}
