//! Defines the sections of a document and their canonical order.

use crate::error::SnapshotError;

/// The JSON value of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A single object.
    Object,
    /// A complete GraphQL connection: `{"edges":[{"node":…},…],"pageInfo":{"endCursor":null,"hasNextPage":false}}`.
    Connection,
}

/// A named part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    name: String,
    shape: Shape,
}

impl Section {
    /// A section that is a single object.
    pub fn object(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            shape: Shape::Object,
        }
    }

    /// A section that is a connection of nodes.
    pub fn connection(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            shape: Shape::Connection,
        }
    }

    /// The section's name: a member of `data`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The section's value.
    pub const fn shape(&self) -> Shape {
        self.shape
    }
}

/// The layout `single`: one document, `{"data":{…}}`, with the sections as members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleLayout {
    sections: Vec<Section>,
}

impl SingleLayout {
    /// A layout of `sections`, sorted in canonical order.
    ///
    /// # Errors
    /// [`SnapshotError::DuplicateSection`] if two sections have the same name.
    pub fn new(sections: impl IntoIterator<Item = Section>) -> Result<Self, SnapshotError> {
        let mut sections: Vec<_> = sections.into_iter().collect();
        // RFC 8785, section 3.2.3: members are sorted by UTF-16 code units.
        sections.sort_by(|a, b| a.name.encode_utf16().cmp(b.name.encode_utf16()));
        if let Some(pair) = sections
            .windows(2)
            .find(|pair| pair[0].name == pair[1].name)
        {
            return Err(SnapshotError::DuplicateSection(pair[0].name.clone()));
        }
        Ok(Self { sections })
    }

    /// The sections, in the order in which they must be written.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    pub(super) fn position(&self, name: &str) -> Result<usize, SnapshotError> {
        self.sections
            .iter()
            .position(|section| section.name == name)
            .ok_or_else(|| SnapshotError::UnknownSection(name.to_owned()))
    }
}
