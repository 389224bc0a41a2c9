//! Deserialises the lines of an object into models, each line once.

use serde::de::DeserializeOwned;

use super::BulkError;
use super::line_ids::{LineIds, ObjectId, ObjectKind};

/// An empty list as in a response.
pub(super) const EMPTY: &str = r#"{"nodes":[],"pageInfo":{"hasNextPage":false}}"#;

/// The lines of an object: its own and those of its children.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectLines<'l> {
    pub(super) root: Line<'l>,
    pub(super) children: &'l [Line<'l>],
}

impl ObjectLines<'_> {
    /// Whether a line is a child of the object itself, not of one of its children.
    pub(super) fn is_direct_child(&self, line: &Line<'_>) -> bool {
        line.ids.parent == Some(self.root.ids.id)
    }
}

/// A line and its ids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'l> {
    pub(super) text: &'l str,
    pub(super) ids: LineIds,
}

impl Line<'_> {
    pub(super) fn kind(&self) -> ObjectKind {
        self.ids.id.kind
    }

    pub(super) fn decode<T: DeserializeOwned>(&self) -> Result<T, BulkError> {
        decode(self.ids.id, self.text)
    }

    /// Decodes the line with further fields inserted at `offset`, which follows an opening brace.
    pub(super) fn decode_with<T: DeserializeOwned>(
        &self,
        offset: usize,
        fields: &[&str],
        scratch: &mut String,
    ) -> Result<T, BulkError> {
        scratch.clear();
        // If `offset` is not in the line, the result is empty and fails to decode.
        let (before, after) = self.text.split_at_checked(offset).unwrap_or_default();
        scratch.push_str(before);
        for name in fields {
            scratch.push('"');
            scratch.push_str(name);
            scratch.push_str("\":");
            scratch.push_str(EMPTY);
            scratch.push(',');
        }
        scratch.push_str(after);
        decode(self.ids.id, scratch)
    }
}

fn decode<T: DeserializeOwned>(id: ObjectId, text: &str) -> Result<T, BulkError> {
    serde_json::from_str(text).map_err(|_| decode_error::<T>(id, text))
}

/// Decodes the text again to find the path of the error.
fn decode_error<T: DeserializeOwned>(id: ObjectId, text: &str) -> BulkError {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read: Result<T, _> = serde_path_to_error::deserialize(&mut reader);
    let id = id.to_string();
    match read {
        Err(error) => BulkError::InvalidObject {
            id,
            path: error.path().to_string(),
            source: Box::new(error.into_inner()),
        },
        Ok(_) => BulkError::InvalidObject {
            id,
            path: ".".to_owned(),
            source: "the line continues after the object".into(),
        },
    }
}

/// Groups lines by object. The first line must be that of an object.
pub(super) fn group_by_root<'l>(
    lines: &'l [Line<'l>],
    root: ObjectKind,
) -> impl Iterator<Item = Result<ObjectLines<'l>, BulkError>> {
    let is_root = move |line: &Line<'_>| line.ids.parent.is_none() && line.kind() == root;
    let objects = lines.chunk_by(move |_, next| !is_root(next));
    objects.map(move |object| match object {
        [root, children @ ..] if is_root(root) => Ok(ObjectLines {
            root: *root,
            children,
        }),
        _ => {
            let parent = object[0].ids.parent.unwrap_or(object[0].ids.id).to_string();
            Err(BulkError::Orphan { parent })
        }
    })
}
