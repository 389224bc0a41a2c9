//! From sorted lines to whole things, in the order of their ids, each with its parts right after it.

use super::BulkError;
use super::batch::{Batch, Batches};
use super::head::{HEAD, Head, Key};
use super::layout::Layout;
use super::scan::{PART, Scanned, THING};
use super::sort::{SortKey, Sorted, Sorter, cut_off};

/// Batches of the things in files that have been scanned.
#[derive(Debug)]
pub(super) struct Regrouped {
    layout: Layout,
    things: Sorted,
    /// The thing whose lines come.
    present: Option<u64>,
}

impl Regrouped {
    pub(super) fn new(scanned: Scanned, layout: Layout) -> Result<Self, BulkError> {
        let mut things = scanned.things;
        if !scanned.strays.is_empty() {
            bring_home(&mut things, scanned.strays, scanned.names)?;
        }
        Ok(Self {
            layout,
            things: things.sorted()?,
            present: None,
        })
    }

    /// Whether a part is to be passed on.
    fn belongs(&self, number: u64, head: &Head) -> Result<bool, BulkError> {
        if self.present == Some(number) {
            return Ok(true);
        }
        if self.layout.later.contains(&head.id.kind) {
            return Ok(false);
        }
        let kind = self.layout.root;
        Err(orphaned(Key { kind, number }))
    }
}

impl Batches for Regrouped {
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, BulkError> {
        while let Some(((number, part), record)) = self.things.peek()? {
            let (head, line) = parted(record)?;
            if part == THING {
                if batch.is_full() {
                    return Ok(true);
                }
                // What comes twice is given once.
                if self.present.replace(number) != Some(number) {
                    batch.push(head, line);
                }
            } else if self.belongs(number, &head)? {
                batch.push(head, line);
            }
            self.things.advance()?;
        }
        Ok(!batch.is_empty())
    }
}

/// Finds the things that lines belong to of which only the parent is known.
fn bring_home(things: &mut Sorter, strays: Sorter, names: Sorter) -> Result<(), BulkError> {
    let mut strays = strays.sorted()?;
    let mut names = Names::new(names.sorted()?)?;
    while let Some((parent, record)) = strays.peek()? {
        let roots = names.roots(parent)?;
        if roots.is_empty() {
            let (head, _) = parted(record)?;
            return Err(orphaned(head.parent.unwrap_or(head.id)));
        }
        // One inventory item may serve several variants, also of several products.
        for root in roots {
            things.push((*root, PART), [record, b""])?;
        }
        strays.advance()?;
    }
    Ok(())
}

/// A list of names, which is read on as it is asked.
struct Names {
    sorted: Sorted,
    /// The next of the list.
    next: Option<(SortKey, u64)>,
    /// The last that was asked for.
    asked: Option<SortKey>,
    roots: Vec<u64>,
}

impl Names {
    fn new(sorted: Sorted) -> Result<Self, BulkError> {
        let mut names = Self {
            sorted,
            next: None,
            asked: None,
            roots: Vec::new(),
        };
        names.read()?;
        Ok(names)
    }

    fn read(&mut self) -> Result<(), BulkError> {
        self.next = match self.sorted.peek()? {
            Some((name, root)) => {
                let root = root.first_chunk().ok_or_else(cut_off)?;
                Some((name, u64::from_le_bytes(*root)))
            }
            None => None,
        };
        Ok(self.sorted.advance()?)
    }

    /// The things to which what has this name belongs; each name that is asked for follows the one before it.
    fn roots(&mut self, name: SortKey) -> Result<&[u64], BulkError> {
        if self.asked.replace(name) != Some(name) {
            self.roots.clear();
        }
        while let Some((found, root)) = self.next.filter(|(found, _)| *found <= name) {
            // Several variants of one product may share an inventory item.
            if found == name && !self.roots.contains(&root) {
                self.roots.push(root);
            }
            self.read()?;
        }
        Ok(&self.roots)
    }
}

/// A line's head, and the line.
fn parted(record: &[u8]) -> Result<(Head, &[u8]), BulkError> {
    let (head, line) = record.split_first_chunk::<HEAD>().ok_or_else(cut_off)?;
    Ok((Head::from_written(head).ok_or_else(cut_off)?, line))
}

fn orphaned(parent: Key) -> BulkError {
    let parent = parent.to_string();
    BulkError::Orphan { parent }
}
