//! The published document, written piece by piece: its size is bounded by the spool, not by memory.
//!
//! Items arrive as canonical JSON. The frame around them is fixed, so that the whole is canonical (RFC 8785) without
//! ever being parsed as a whole.

mod layout;
mod spool;
mod writer;

pub use layout::{Section, Shape, SingleLayout};
pub use spool::{Spool, SpoolConfig};
pub use writer::SnapshotWriter;

/// A document was not written as its layout says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Two sections of a layout have the same name.
    #[error("the layout names the section `{0}` twice")]
    DuplicateSection(String),
    /// The layout has no such section.
    #[error("the layout has no section `{0}`")]
    UnknownSection(String),
    /// Sections have to be written in canonical order, which is that of [`SingleLayout::sections`].
    #[error("section `{section}` comes before `{current}`, which is already being written")]
    OutOfOrder {
        /// What was to be written.
        section: String,
        /// Where the writer already is.
        current: String,
    },
    /// A section that is one object was written twice.
    #[error("section `{0}` is one object and was already written")]
    DuplicateObject(String),
    /// A section that is one object was never written.
    #[error("section `{0}` is missing")]
    MissingObject(String),
    /// An item is not the text of a JSON object.
    #[error("an item of section `{0}` is not a JSON object")]
    NotAnObject(String),
}
