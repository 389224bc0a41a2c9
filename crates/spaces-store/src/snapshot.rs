//! The published document, written piece by piece: its size is bounded by the spool, not by memory.
//!
//! Items arrive as canonical JSON. The frame around them is fixed, so that the whole is canonical (RFC 8785) without
//! ever being parsed as a whole.

mod layout;
mod spool;
mod writer;

pub use crate::error::SnapshotError;
pub use layout::{Section, Shape, SingleLayout};
pub use spool::{Spool, SpoolConfig};
pub use writer::SnapshotWriter;
