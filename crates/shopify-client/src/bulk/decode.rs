//! From lines to models: each line is read into its type once.

use serde::de::DeserializeOwned;

use super::BulkError;
use super::head::{Head, Key, Kind};

/// What an empty list looks like in an answer.
pub(super) const EMPTY: &str = r#"{"nodes":[],"pageInfo":{"hasNextPage":false}}"#;

/// A thing and its parts, as lines.
#[derive(Debug)]
pub(super) struct Family<'l> {
    pub(super) root: Line<'l>,
    pub(super) parts: Vec<Line<'l>>,
}

impl Family<'_> {
    /// Whether a line is a part of the thing itself, not of one of its parts.
    pub(super) fn owns(&self, line: &Line<'_>) -> bool {
        line.head.parent == Some(self.root.head.id)
    }
}

/// A line and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'l> {
    pub(super) text: &'l [u8],
    pub(super) head: Head,
}

impl Line<'_> {
    pub(super) fn kind(&self) -> Kind {
        self.head.id.kind
    }

    pub(super) fn decode<T: DeserializeOwned>(&self) -> Result<T, BulkError> {
        decode(self.head.id, self.text)
    }

    /// The same with further fields at this place, which follows an opening brace.
    pub(super) fn decode_with<T: DeserializeOwned>(
        &self,
        place: usize,
        fields: &[&str],
        scratch: &mut Vec<u8>,
    ) -> Result<T, BulkError> {
        scratch.clear();
        scratch.extend_from_slice(&self.text[..place]);
        for name in fields {
            scratch.push(b'"');
            scratch.extend_from_slice(name.as_bytes());
            scratch.extend_from_slice(b"\":");
            scratch.extend_from_slice(EMPTY.as_bytes());
            scratch.push(b',');
        }
        scratch.extend_from_slice(&self.text[place..]);
        decode(self.head.id, scratch)
    }
}

fn decode<T: DeserializeOwned>(id: Key, text: &[u8]) -> Result<T, BulkError> {
    serde_json::from_slice(text).map_err(|_| explain::<T>(id, text))
}

/// Reads it again, to say where it fails.
fn explain<T: DeserializeOwned>(id: Key, text: &[u8]) -> BulkError {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read: Result<T, _> = serde_path_to_error::deserialize(&mut reader);
    let id = id.to_string();
    match read {
        Err(error) => BulkError::Object {
            id,
            path: error.path().to_string(),
            source: Box::new(error.into_inner()),
        },
        Ok(_) => BulkError::Object {
            id,
            path: ".".to_owned(),
            source: "something follows the object".into(),
        },
    }
}

/// Cuts lines into things. The first line must be one.
pub(super) fn families(lines: &[u8], root: Kind) -> Result<Vec<Family<'_>>, BulkError> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for (place, text) in lines.split(|byte| *byte == b'\n').enumerate() {
        if text.is_empty() {
            continue;
        }
        let head = Head::read(text).ok_or(BulkError::Line {
            line: place as u64 + 1,
        })?;
        let line = Line { text, head };
        match families.last_mut() {
            _ if head.parent.is_none() && head.id.kind == root => families.push(Family {
                root: line,
                parts: Vec::new(),
            }),
            Some(family) => family.parts.push(line),
            None => {
                let parent = head.parent.unwrap_or(head.id).to_string();
                return Err(BulkError::Orphan { parent });
            }
        }
    }
    Ok(families)
}
