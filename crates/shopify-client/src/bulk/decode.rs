//! From lines to models: each line is read into its type once.

use serde::de::DeserializeOwned;

use super::BulkError;
use super::line_ids::{LineIds, ObjectId, ObjectKind};

/// What an empty list looks like in an answer.
pub(super) const EMPTY: &str = r#"{"nodes":[],"pageInfo":{"hasNextPage":false}}"#;

/// A thing and its parts, as lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectLines<'l> {
    pub(super) root: Line<'l>,
    pub(super) children: &'l [Line<'l>],
}

impl ObjectLines<'_> {
    /// Whether a line is a part of the thing itself, not of one of its parts.
    pub(super) fn is_direct_child(&self, line: &Line<'_>) -> bool {
        line.ids.parent == Some(self.root.ids.id)
    }
}

/// A line and where it belongs.
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

    /// The same with further fields at this place, which follows an opening brace.
    pub(super) fn decode_with<T: DeserializeOwned>(
        &self,
        place: usize,
        fields: &[&str],
        scratch: &mut String,
    ) -> Result<T, BulkError> {
        scratch.clear();
        // A line that begins otherwise is no object, and fails.
        let (before, after) = self.text.split_at_checked(place).unwrap_or_default();
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

/// Reads it again, to say where it fails.
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
            source: "something follows the object".into(),
        },
    }
}

/// Cuts lines into things. The first line must be one.
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
