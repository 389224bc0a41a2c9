//! The reading of files whose lines are in any order: they are counted and sorted while they arrive.

use super::arrival::{Arrival, Arrivals, Counts};
use super::head::Key;
use super::layout::{Layout, Role};
use super::sort::{SortKey, Sorter};
use super::{BulkError, BulkOptions};

/// The lines of files, by what they belong to.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Each thing and its parts, by its number: the line's head, and the line.
    pub(super) things: Sorter,
    /// The same of lines of which only the parent is known, by that.
    pub(super) strays: Sorter,
    /// The number of the thing that a part belongs to, by the name of that part.
    pub(super) names: Sorter,
}

impl Scanned {
    fn new(options: &BulkOptions) -> Self {
        let sorter = |share| Sorter::new(options.memory_limit / share, options.temp_dir.as_ref());
        Self {
            things: sorter(4),
            strays: sorter(16),
            names: sorter(16),
        }
    }

    fn take(&mut self, line: &Arrival<'_>) -> Result<(), BulkError> {
        let record = [&line.head.written()[..], line.text];
        match (line.role, line.root) {
            (Role::Root(number), _) => self.things.push((number, THING), record)?,
            (Role::Child(root), _) | (Role::Grandchild(_), Some(root)) => {
                self.things.push((root, PART), record)?;
            }
            (Role::Grandchild(parent), None) => self.strays.push(by_name(parent), record)?,
        }
        if let Some(root) = line.root {
            for name in line.names.into_iter().flatten() {
                self.names.push(by_name(name), [&root.to_le_bytes(), b""])?;
            }
        }
        Ok(())
    }
}

/// The second part of a line's key: a thing comes before its parts.
pub(super) const THING: u64 = 0;
pub(super) const PART: u64 = 1;

fn by_name(name: Key) -> SortKey {
    (name.number, name.kind as u64)
}

/// Reads files, one after another.
#[derive(Debug)]
pub(super) struct Scan<'o> {
    layout: Layout,
    options: &'o BulkOptions,
    /// The present file.
    arrivals: Arrivals,
    /// Whether things are kept: the files after the first bring only further parts.
    first_file: bool,
    scanned: Scanned,
}

impl<'o> Scan<'o> {
    pub(super) fn new(layout: Layout, options: &'o BulkOptions) -> Self {
        Self {
            layout,
            options,
            arrivals: Arrivals::new(layout, options),
            first_file: true,
            scanned: Scanned::new(options),
        }
    }

    /// Takes the next bytes of the file.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), BulkError> {
        let (scanned, first) = (&mut self.scanned, self.first_file);
        self.arrivals.push(bytes, |line| keep(scanned, first, line))
    }

    /// Ends the present file.
    pub(super) fn end_file(&mut self) -> Result<Counts, BulkError> {
        let next = Arrivals::new(self.layout, self.options);
        let arrivals = std::mem::replace(&mut self.arrivals, next);
        let (scanned, first) = (&mut self.scanned, self.first_file);
        let counts = arrivals.end(|line| keep(scanned, first, line))?;
        self.first_file = false;
        Ok(counts)
    }

    pub(super) fn finish(self) -> Scanned {
        self.scanned
    }
}

fn keep(scanned: &mut Scanned, first_file: bool, line: &Arrival<'_>) -> Result<(), BulkError> {
    if !first_file && matches!(line.role, Role::Root(_)) {
        return Ok(());
    }
    scanned.take(line)
}
