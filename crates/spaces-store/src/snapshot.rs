//! Writes the published document item by item to a spool, so that its size is not limited by memory.
//!
//! Items are canonical JSON (RFC 8785) and the frame around them is fixed, so that the document is canonical without
//! being parsed.

mod layout;
mod spool;
mod writer;

pub use crate::error::SnapshotError;
pub use layout::{Section, Shape, SingleLayout};
pub use spool::{Spool, SpoolConfig};
pub use writer::SnapshotWriter;
