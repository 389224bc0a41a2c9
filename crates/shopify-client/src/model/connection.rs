//! The paginated list of the GraphQL API.

use std::ops::Deref;

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list that Shopify returns in pages.
///
/// It deserialises from `{nodes, pageInfo}` or `{edges: [{node}], pageInfo}`, and serialises to
/// `{"edges": [{"node": …}], "pageInfo": {"hasNextPage": false, "endCursor": null}}`, since a cursor is useless to a
/// later reader. In objects from this crate's streams, every connection is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection<T> {
    nodes: Vec<T>,
    page: PageInfo,
}

/// The end of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    /// Whether more pages follow.
    pub has_next_page: bool,
    /// The cursor after which the next page starts.
    #[serde(default)]
    pub end_cursor: Option<String>,
}

impl<T> Connection<T> {
    /// The nodes, without the page info.
    pub fn into_nodes(self) -> Vec<T> {
        self.nodes
    }

    /// Whether it contains all pages.
    pub fn is_complete(&self) -> bool {
        !self.page.has_next_page
    }

    pub(crate) fn page(&self) -> &PageInfo {
        &self.page
    }

    pub(crate) fn into_parts(self) -> (Vec<T>, PageInfo) {
        (self.nodes, self.page)
    }

    pub(crate) fn nodes_mut(&mut self) -> &mut Vec<T> {
        &mut self.nodes
    }

    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Connection<U> {
        Connection {
            nodes: self.nodes.into_iter().map(change).collect(),
            page: self.page,
        }
    }

    /// Replaces the nodes.
    pub(crate) fn with_nodes<U>(self, nodes: Vec<U>) -> Connection<U> {
        let page = self.page;
        Connection { nodes, page }
    }

    /// Takes the connection and leaves an empty one.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Vec::new().into())
    }

    /// Appends the next page.
    pub(crate) fn append(&mut self, next: Self) {
        self.nodes.extend(next.nodes);
        self.page = next.page;
    }
}

impl<T> From<Vec<T>> for Connection<T> {
    fn from(nodes: Vec<T>) -> Self {
        let page = PageInfo::default();
        Self { nodes, page }
    }
}

impl<T> Deref for Connection<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.nodes
    }
}

impl<T> IntoIterator for Connection<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.nodes.into_iter()
    }
}

impl<'c, T> IntoIterator for &'c Connection<T> {
    type Item = &'c T;
    type IntoIter = std::slice::Iter<'c, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.nodes.iter()
    }
}

#[derive(Serialize, Deserialize)]
struct Edge<T> {
    node: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: Deserialize<'de>")]
struct Wire<T> {
    #[serde(default)]
    nodes: Option<Vec<T>>,
    #[serde(default)]
    edges: Option<Vec<Edge<T>>>,
    page_info: PageInfo,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Connection<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let from_edges = |edges: Vec<Edge<T>>| edges.into_iter().map(|edge| edge.node).collect();
        let nodes = wire.nodes.or_else(|| wire.edges.map(from_edges));
        let mut page = wire.page_info;
        // The cursor after the last page is useless, and equal lists must not differ by it.
        if !page.has_next_page {
            page.end_cursor = None;
        }
        Ok(Self {
            nodes: nodes.ok_or_else(|| D::Error::missing_field("nodes"))?,
            page,
        })
    }
}

impl<T: Serialize> Serialize for Connection<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let edges: Vec<_> = self.nodes.iter().map(|node| Edge { node }).collect();
        let page = PageInfo {
            has_next_page: self.page.has_next_page,
            end_cursor: None,
        };
        let mut written = serializer.serialize_struct("Connection", 2)?;
        written.serialize_field("edges", &edges)?;
        written.serialize_field("pageInfo", &page)?;
        written.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_edges_are_written() {
        let page = r#""pageInfo":{"hasNextPage":false,"endCursor":"abc"}"#;
        let written = r#"{"edges":[{"node":1},{"node":2}],"pageInfo":{"hasNextPage":false,"endCursor":null}}"#;
        for text in [
            format!(r#"{{"nodes":[1,2],{page}}}"#),
            format!(r#"{{"edges":[{{"node":1}},{{"node":2}}],{page}}}"#),
            written.to_owned(),
        ] {
            let read: Connection<u8> = serde_json::from_str(&text).unwrap();
            assert_eq!(&*read, [1, 2]);
            assert!(read.is_complete());
            assert_eq!(serde_json::to_string(&read).unwrap(), written);
        }
    }

    #[test]
    fn a_partial_list_is_not_complete() {
        let text = r#"{"nodes":[1],"pageInfo":{"hasNextPage":true,"endCursor":"abc"}}"#;
        let read: Connection<u8> = serde_json::from_str(text).unwrap();
        assert!(!read.is_complete());
        assert!(
            serde_json::to_string(&read)
                .unwrap()
                .contains(r#""hasNextPage":true"#)
        );
        for text in [
            r#"{"nodes":[1]}"#,
            r#"{"pageInfo":{"hasNextPage":false}}"#,
            r#"{"nodes":null,"pageInfo":{"hasNextPage":false}}"#,
            r#"{"nodes":[null],"pageInfo":{"hasNextPage":false}}"#,
            r#"{"nodes":[1],"pageInfo":{}}"#,
            "null",
        ] {
            assert!(
                serde_json::from_str::<Connection<u8>>(text).is_err(),
                "{text}"
            );
        }
    }
}
