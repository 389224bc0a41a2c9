//! Writes a document of layout `single` from canonical items.

use super::spool::SpoolWriter;
use super::{Shape, SingleLayout, Spool, SpoolConfig};
use crate::canonical::to_canonical_vec;
use crate::error::{Error, Result, SnapshotError};

const CONNECTION_START: &[u8] = br#"{"edges":["#;
const CONNECTION_END: &[u8] = br#"],"pageInfo":{"endCursor":null,"hasNextPage":false}}"#;

/// Combines canonical items into one canonical document.
///
/// ```
/// use spaces_store::snapshot::{Section, SingleLayout, SnapshotWriter, SpoolConfig};
///
/// let layout = SingleLayout::new([Section::object("shop"), Section::connection("products")])?;
/// let mut writer = SnapshotWriter::new(layout, SpoolConfig::default())?;
/// writer.write("products", br#"{"id":"1"}"#)?; // "products" sorts before "shop"
/// writer.write("shop", br#"{"name":"Example"}"#)?;
/// let spool = writer.finish()?;
/// assert_eq!(spool.len(), 129);
/// # Ok::<(), spaces_store::Error>(())
/// ```
///
/// Writes to the temporary file are blocking calls of 256 KiB, which the page cache absorbs.
#[derive(Debug)]
pub struct SnapshotWriter {
    layout: SingleLayout,
    spool: SpoolWriter,
    /// Index in the layout of the section being written; all sections before it are complete.
    current: usize,
    /// Number of items written to the current section.
    items: u64,
}

impl SnapshotWriter {
    /// Starts an empty document.
    pub fn new(layout: SingleLayout, spool: SpoolConfig) -> Result<Self> {
        let mut spool = SpoolWriter::new(spool);
        spool.append(br#"{"data":{"#).map_err(Error::Spool)?;
        Ok(Self {
            layout,
            spool,
            current: 0,
            items: 0,
        })
    }

    /// Appends `item`, the canonical JSON of an object, to `section`.
    ///
    /// Sections must be written in the order of [`SingleLayout::sections`]; items keep their order. The caller must
    /// ensure that `item` is canonical: only its first and last byte are checked.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the item does not match the layout, [`Error::Spool`] if it cannot be written.
    pub fn write(&mut self, section: &str, item: &[u8]) -> Result<()> {
        let index = self.layout.position(section)?;
        if index < self.current {
            return Err(SnapshotError::OutOfOrder {
                section: section.to_owned(),
                current: self.layout.sections()[self.current].name().to_owned(),
            }
            .into());
        }
        if !(item.starts_with(b"{") && item.ends_with(b"}") && item.len() >= 2) {
            return Err(SnapshotError::NotAnObject(section.to_owned()).into());
        }
        self.complete_until(index)?;
        match (self.layout.sections()[index].shape(), self.items) {
            (Shape::Object, 0) => {
                self.write_name(index)?;
                self.append(item)?;
            }
            (Shape::Object, _) => {
                return Err(SnapshotError::DuplicateObject(section.to_owned()).into());
            }
            (Shape::Connection, written) => {
                if written == 0 {
                    self.write_name(index)?;
                    self.append(CONNECTION_START)?;
                } else {
                    self.append(b",")?;
                }
                self.append(br#"{"node":"#)?;
                self.append(item)?;
                self.append(b"}")?;
            }
        }
        self.items += 1;
        Ok(())
    }

    /// Completes the document. A connection without items is written as empty.
    ///
    /// # Errors
    /// [`SnapshotError::MissingObject`] if a section that is a single object was not written.
    pub fn finish(mut self) -> Result<Spool> {
        self.complete_until(self.layout.sections().len())?;
        self.append(b"}}")?;
        self.spool.finish().map_err(Error::Spool)
    }

    /// Ends the current section and writes empty connections for the sections up to `index`.
    fn complete_until(&mut self, index: usize) -> Result<()> {
        while self.current < index {
            let section = &self.layout.sections()[self.current];
            match (section.shape(), self.items) {
                (Shape::Object, 0) => {
                    return Err(SnapshotError::MissingObject(section.name().to_owned()).into());
                }
                (Shape::Object, _) => {}
                (Shape::Connection, written) => {
                    if written == 0 {
                        self.write_name(self.current)?;
                        self.append(CONNECTION_START)?;
                    }
                    self.append(CONNECTION_END)?;
                }
            }
            self.current += 1;
            self.items = 0;
        }
        Ok(())
    }

    fn write_name(&mut self, index: usize) -> Result<()> {
        let name = to_canonical_vec(self.layout.sections()[index].name())?;
        if index > 0 {
            self.append(b",")?;
        }
        self.append(&name)?;
        self.append(b":")
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.spool.append(bytes).map_err(Error::Spool)
    }
}
