//! Which metafields are read.
//!
//! Shopify's argument takes one namespace. With one chosen, it is asked for; with several, all are asked for and those
//! of the others are thrown away.

use crate::ShopClient;
use crate::model::{Connection, Metafield};

impl ShopClient {
    /// The namespace to ask for; `None`: all.
    pub(crate) fn metafield_namespace(&self) -> Option<String> {
        match self.client.inner.metafield_namespaces.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    /// Throws away what was not chosen.
    pub(crate) fn retain_chosen_namespaces(&self, metafields: &mut Connection<Metafield>) {
        let chosen = &self.client.inner.metafield_namespaces;
        if !chosen.is_empty() {
            let wanted = |field: &Metafield| {
                chosen
                    .iter()
                    .any(|name| matches_namespace(name, &field.namespace))
            };
            metafields.nodes_mut().retain(wanted);
        }
    }
}

/// Whether a namespace is the chosen one. `$app` and `$app:name`, which belong to the requesting app, are returned as
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
    fn an_apps_own_namespace_is_known_by_its_number() {
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
