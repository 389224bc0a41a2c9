//! Takes the text of bulk queries from the documents in `operations/`, which are checked against the schema.
//!
//! Shopify allows no variables in a bulk query. The operation name is removed too, so the text starts at the first
//! brace.

use graphql_client::GraphQLQuery;

use crate::operations;

const NAMESPACE: &str = r#"(namespace: "custom")"#;

/// A query for a bulk operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document(fn() -> &'static str);

impl Document {
    /// The text of the query, with metafields of one namespace or, with `None`, of all.
    pub(super) fn text(self, namespace: Option<&str>) -> String {
        let document = (self.0)();
        let begin = document.find("\nquery ").and_then(|query| {
            let brace = document[query..].find('{')?;
            Some(query + brace)
        });
        let begin = begin.or_else(|| document.find('{')).unwrap_or(0);
        let argument = match namespace {
            // A JSON string is a valid GraphQL string.
            Some(name) => format!("(namespace: {})", serde_json::Value::from(name)),
            None => String::new(),
        };
        document[begin..].trim_end().replace(NAMESPACE, &argument)
    }
}

macro_rules! documents {
    ($($constant:ident: $operation:ident in $module:ident,)+) => {
        $(pub(super) const $constant: Document =
            Document(|| operations::$operation::build_query(operations::$module::Variables {}).query);)+

        #[cfg(test)]
        const ALL: &[(&str, Document)] = &[$((stringify!($operation), $constant),)+];
    };
}

documents! {
    PRODUCTS: BulkProducts in bulk_products,
    COLLECTIONS: BulkCollections in bulk_collections,
    LOCATIONS: BulkLocations in bulk_locations,
    DISCOUNTS: BulkDiscounts in bulk_discounts,
    DISCOUNT_GETS_PRODUCTS: BulkDiscountGetsProducts in bulk_discount_gets_products,
    DISCOUNT_GETS_VARIANTS: BulkDiscountGetsVariants in bulk_discount_gets_variants,
    DISCOUNT_GETS_COLLECTIONS: BulkDiscountGetsCollections in bulk_discount_gets_collections,
    DISCOUNT_BUYS_PRODUCTS: BulkDiscountBuysProducts in bulk_discount_buys_products,
    DISCOUNT_BUYS_COLLECTIONS: BulkDiscountBuysCollections in bulk_discount_buys_collections,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each opening brace: the word before it, and the words before the braces around it.
    fn braces(text: &str) -> Vec<(String, Vec<String>)> {
        let spaced = text.replace('{', " { ").replace('}', " } ");
        let (mut open, mut found, mut before) = (Vec::new(), Vec::new(), "");
        for word in spaced.split_whitespace() {
            match word {
                "{" => {
                    found.push((before.to_owned(), open.clone()));
                    open.push(before.to_owned());
                }
                "}" => {
                    open.pop();
                }
                _ => {}
            }
            before = word;
        }
        assert!(open.is_empty(), "{text}");
        found
    }

    #[test]
    fn every_query_follows_the_rules_of_bulk_operations() {
        for (name, document) in ALL {
            let text = document.text(Some("custom"));
            for forbidden in [
                "$", "first:", "after:", "pageInfo", "cursor", "nodes", "#", "...F",
            ] {
                assert!(!text.contains(forbidden), "{name}: {forbidden}");
            }
            let braces = braces(&text);
            let roots = braces.iter().filter(|(_, around)| around.len() == 1);
            assert_eq!(roots.count(), 1, "{name}: outermost fields");
            let edges: Vec<_> = braces.iter().filter(|(word, _)| word == "edges").collect();
            assert!(
                (1..=5).contains(&edges.len()),
                "{name}: {} connections",
                edges.len()
            );
            for (_, around) in edges {
                let depth = around.iter().filter(|word| *word == "edges").count();
                assert!(depth <= 2, "{name}: {depth} nested levels");
            }
            for node in text.split("node {").skip(1) {
                assert!(node.trim_start().starts_with("id"), "{name}: {node}");
            }
            let nodes = braces.iter().filter(|(word, _)| word == "node").count();
            let edges = braces.iter().filter(|(word, _)| word == "edges").count();
            assert_eq!(nodes, edges, "{name}");
        }
    }

    #[test]
    fn the_namespace_is_written_into_the_text() {
        for document in [PRODUCTS, COLLECTIONS] {
            let text = document.text(Some("a\"b"));
            assert!(
                text.contains(r#"metafields(namespace: "a\"b") {"#),
                "{text}"
            );
            assert!(document.text(None).contains("metafields {"));
        }
    }
}
