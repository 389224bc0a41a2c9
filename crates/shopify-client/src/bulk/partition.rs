//! The reading of files whose lines are in any order: they are counted and sorted while they arrive.

use super::file_parser::{FileCounts, FileParser, ParsedLine};
use super::layout::{Layout, Role};
use super::line_ids::ObjectId;
use super::sort::{SortKey, Sorter};
use super::{BulkError, BulkOptions};

/// The lines of files, by what they belong to.
#[derive(Debug)]
pub(super) struct Partitions {
    /// Each thing and its parts, by its number: the line's head, and the line.
    pub(super) objects: Sorter,
    /// The same of lines of which only the parent is known, by that.
    pub(super) unresolved: Sorter,
    /// The number of the thing that a part belongs to, by the name of that part.
    pub(super) aliases: Sorter,
}

impl Partitions {
    fn new(options: &BulkOptions) -> Self {
        let sorter = |share| Sorter::new(options.memory_limit / share, options.temp_dir.as_ref());
        Self {
            objects: sorter(4),
            unresolved: sorter(16),
            aliases: sorter(16),
        }
    }

    fn take(&mut self, line: &ParsedLine<'_>) -> Result<(), BulkError> {
        let record = [&line.ids.to_bytes()[..], line.text];
        match (line.role, line.root) {
            (Role::Root(number), _) => self.objects.push((number, ROOT), record)?,
            (Role::Child(root), _) | (Role::Grandchild(_), Some(root)) => {
                self.objects.push((root, CHILD), record)?;
            }
            (Role::Grandchild(parent), None) => self.unresolved.push(alias_key(parent), record)?,
        }
        if let Some(root) = line.root {
            for alias in line.aliases.into_iter().flatten() {
                self.aliases
                    .push(alias_key(alias), [&root.to_le_bytes(), b""])?;
            }
        }
        Ok(())
    }
}

/// The second part of a line's key: a thing comes before its parts.
pub(super) const ROOT: u64 = 0;
pub(super) const CHILD: u64 = 1;

fn alias_key(alias: ObjectId) -> SortKey {
    (alias.number, alias.kind as u64)
}

/// Reads files, one after another.
#[derive(Debug)]
pub(super) struct Partitioner<'o> {
    layout: Layout,
    options: &'o BulkOptions,
    /// The present file.
    parser: FileParser,
    /// Whether things are kept: the files after the first bring only further parts.
    first_file: bool,
    partitions: Partitions,
}

impl<'o> Partitioner<'o> {
    pub(super) fn new(layout: Layout, options: &'o BulkOptions) -> Self {
        Self {
            layout,
            options,
            parser: FileParser::new(layout, options),
            first_file: true,
            partitions: Partitions::new(options),
        }
    }

    /// Takes the next bytes of the file.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), BulkError> {
        let (partitions, first) = (&mut self.partitions, self.first_file);
        self.parser
            .push(bytes, |line| keep(partitions, first, line))
    }

    /// Ends the present file.
    pub(super) fn end_file(&mut self) -> Result<FileCounts, BulkError> {
        let next = FileParser::new(self.layout, self.options);
        let parser = std::mem::replace(&mut self.parser, next);
        let (partitions, first) = (&mut self.partitions, self.first_file);
        let counts = parser.end(|line| keep(partitions, first, line))?;
        self.first_file = false;
        Ok(counts)
    }

    pub(super) fn finish(self) -> Partitions {
        self.partitions
    }
}

fn keep(
    partitions: &mut Partitions,
    first_file: bool,
    line: &ParsedLine<'_>,
) -> Result<(), BulkError> {
    if !first_file && matches!(line.role, Role::Root(_)) {
        return Ok(());
    }
    partitions.take(line)
}
