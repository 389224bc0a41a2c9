//! Regroups sorted lines into complete objects in the order of their ids, each followed by its children.

use super::BulkError;
use super::batch::{Batch, BatchSource};
use super::layout::Layout;
use super::line_ids::{LINE_IDS_BYTES, LineIds, ObjectId};
use super::partition::{CHILD_RANK, Partitions, ROOT_RANK};
use super::sort::{SortKey, SortedRecords, Sorter, truncated};

/// Partitioned lines as a source of batches.
#[derive(Debug)]
pub(super) struct RegroupedLines {
    layout: Layout,
    objects: SortedRecords,
    /// The number of the current object.
    current: Option<u64>,
}

impl RegroupedLines {
    pub(super) fn new(partitions: Partitions, layout: Layout) -> Result<Self, BulkError> {
        let mut objects = partitions.objects;
        if !partitions.unresolved.is_empty() {
            resolve_roots(&mut objects, partitions.unresolved, partitions.aliases)?;
        }
        Ok(Self {
            layout,
            objects: objects.sorted()?,
            current: None,
        })
    }

    /// Whether a child is passed on.
    fn accepts(&self, number: u64, ids: &LineIds) -> Result<bool, BulkError> {
        if self.current == Some(number) {
            return Ok(true);
        }
        if self.layout.optional_children.contains(&ids.id.kind) {
            return Ok(false);
        }
        let kind = self.layout.root;
        Err(orphan(ObjectId { kind, number }))
    }
}

impl BatchSource for RegroupedLines {
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, BulkError> {
        while let Some(((number, rank), record)) = self.objects.peek()? {
            let (ids, line) = split_record(record)?;
            if rank == ROOT_RANK {
                if batch.is_full() {
                    return Ok(true);
                }
                // A duplicate object is returned once.
                if self.current.replace(number) != Some(number) {
                    batch.push(ids, line);
                }
            } else if self.accepts(number, &ids)? {
                batch.push(ids, line);
            }
            self.objects.advance()?;
        }
        Ok(!batch.is_empty())
    }
}

/// Finds the root objects of lines of which only the parent is known.
fn resolve_roots(
    objects: &mut Sorter,
    unresolved: Sorter,
    aliases: Sorter,
) -> Result<(), BulkError> {
    let mut unresolved = unresolved.sorted()?;
    let mut aliases = AliasCursor::new(aliases.sorted()?)?;
    while let Some((parent, record)) = unresolved.peek()? {
        let roots = aliases.roots(parent)?;
        if roots.is_empty() {
            let (ids, _) = split_record(record)?;
            return Err(orphan(ids.parent.unwrap_or(ids.id)));
        }
        // Variants may share an inventory item, also across products.
        for root in roots {
            objects.push((*root, CHILD_RANK), [record, b""])?;
        }
        unresolved.advance()?;
    }
    Ok(())
}

/// A forward cursor over sorted aliases and their root objects.
struct AliasCursor {
    sorted: SortedRecords,
    /// The next alias and its root.
    next: Option<(SortKey, u64)>,
    /// The alias of the last look-up.
    last_alias: Option<SortKey>,
    roots: Vec<u64>,
}

impl AliasCursor {
    fn new(sorted: SortedRecords) -> Result<Self, BulkError> {
        let mut aliases = Self {
            sorted,
            next: None,
            last_alias: None,
            roots: Vec::new(),
        };
        aliases.read()?;
        Ok(aliases)
    }

    fn read(&mut self) -> Result<(), BulkError> {
        self.next = match self.sorted.peek()? {
            Some((alias, root)) => {
                let root = root.first_chunk().ok_or_else(truncated)?;
                Some((alias, u64::from_le_bytes(*root)))
            }
            None => None,
        };
        Ok(self.sorted.advance()?)
    }

    /// The root objects of an alias. `alias` must not be smaller than in the last call.
    fn roots(&mut self, alias: SortKey) -> Result<&[u64], BulkError> {
        if self.last_alias.replace(alias) != Some(alias) {
            self.roots.clear();
        }
        while let Some((found, root)) = self.next.filter(|(found, _)| *found <= alias) {
            // Variants of one product may share an inventory item.
            if found == alias && !self.roots.contains(&root) {
                self.roots.push(root);
            }
            self.read()?;
        }
        Ok(&self.roots)
    }
}

/// Splits a record into the line's ids and the line.
fn split_record(record: &[u8]) -> Result<(LineIds, &[u8]), BulkError> {
    let (ids, line) = record
        .split_first_chunk::<LINE_IDS_BYTES>()
        .ok_or_else(truncated)?;
    Ok((LineIds::from_bytes(ids).ok_or_else(truncated)?, line))
}

fn orphan(parent: ObjectId) -> BulkError {
    let parent = parent.to_string();
    BulkError::Orphan { parent }
}
