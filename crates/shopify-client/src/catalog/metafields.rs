//! Selects the metafields of the chosen namespaces.
//!
//! Shopify's `namespace` argument takes one namespace. If one is chosen, only that is requested. If several are chosen,
//! all metafields are requested and those of other namespaces are dropped.

use crate::ShopClient;
use crate::model::{Connection, Metafield};

impl ShopClient {
    /// The value of the `namespace` argument; `None` requests all namespaces.
    pub(crate) fn metafield_namespace(&self) -> Option<String> {
        match self.client.inner.metafield_namespaces.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    /// Drops the metafields of namespaces that were not chosen.
    pub(crate) fn retain_chosen_namespaces(&self, metafields: &mut Connection<Metafield>) {
        let chosen = &self.client.inner.metafield_namespaces;
        if !chosen.is_empty() {
            let is_chosen = |field: &Metafield| {
                chosen
                    .iter()
                    .any(|name| matches_namespace(name, &field.namespace))
            };
            metafields.nodes_mut().retain(is_chosen);
        }
    }
}

/// Whether a namespace is the chosen one. Shopify returns the app-owned namespaces `$app` and `$app:name` as
/// `app--NUMBER` and `app--NUMBER--name`.
fn matches_namespace(chosen: &str, namespace: &str) -> bool {
    if chosen == namespace {
        return true;
    }
    let own = || {
        let name = chosen.strip_prefix("$app")?;
        let rest = namespace.strip_prefix("app--")?;
        let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        Some(match name.strip_prefix(':') {
            Some(name) => rest.strip_prefix("--") == Some(name),
            None => name.is_empty() && rest.is_empty(),
        })
    };
    own().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_owned_namespace_matches_with_its_number() {
        for (chosen, namespace, expected) in [
            ("custom", "custom", true),
            ("custom", "customer", false),
            ("$app", "app--123", true),
            ("$app", "app--123--x", false),
            ("$app:x", "app--123--x", true),
            ("$app:x", "app--123--xy", false),
            ("$app:x", "app--123", false),
            ("$apple", "app--123", false),
            ("app--123--x", "app--123--x", true),
        ] {
            assert_eq!(
                matches_namespace(chosen, namespace),
                expected,
                "{chosen} {namespace}"
            );
        }
    }
}
