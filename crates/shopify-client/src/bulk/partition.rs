//! Partitions the lines of unordered files by object while they arrive.

use super::file_parser::{FileCounts, FileParser, ParsedLine};
use super::layout::{Layout, Role};
use super::line_ids::ObjectId;
use super::sort::{SortKey, Sorter};
use super::{BulkError, BulkOptions};

/// The lines of files, sorted by the object that they belong to.
#[derive(Debug)]
pub(super) struct Partitions {
    /// Lines whose root is known, by its number. A record is the line's ids and the line.
    pub(super) objects: Sorter,
    /// Lines of which only the parent is known, by the parent's id.
    pub(super) unresolved: Sorter,
    /// The number of the root that a child belongs to, by the ids that stand for the child.
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
            (Role::Root(number), _) => self.objects.push((number, ROOT_RANK), record)?,
            (Role::Child(root), _) | (Role::Grandchild(_), Some(root)) => {
                self.objects.push((root, CHILD_RANK), record)?;
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

/// The second part of a sort key: a root object comes before its children.
pub(super) const ROOT_RANK: u64 = 0;
pub(super) const CHILD_RANK: u64 = 1;

fn alias_key(alias: ObjectId) -> SortKey {
    (alias.number, alias.kind as u64)
}

/// Partitions files, one after another.
#[derive(Debug)]
pub(super) struct Partitioner<'o> {
    layout: Layout,
    options: &'o BulkOptions,
    /// The parser of the current file.
    parser: FileParser,
    /// Root objects are taken from the first file only; the others add children.
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

    /// Partitions the next bytes of the file.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), BulkError> {
        let (partitions, first) = (&mut self.partitions, self.first_file);
        self.parser
            .push(bytes, |line| store(partitions, first, line))
    }

    /// Ends the current file and returns its counts.
    pub(super) fn end_file(&mut self) -> Result<FileCounts, BulkError> {
        let next = FileParser::new(self.layout, self.options);
        let parser = std::mem::replace(&mut self.parser, next);
        let (partitions, first) = (&mut self.partitions, self.first_file);
        let counts = parser.end(|line| store(partitions, first, line))?;
        self.first_file = false;
        Ok(counts)
    }

    pub(super) fn finish(self) -> Partitions {
        self.partitions
    }
}

fn store(
    partitions: &mut Partitions,
    first_file: bool,
    line: &ParsedLine<'_>,
) -> Result<(), BulkError> {
    if !first_file && matches!(line.role, Role::Root(_)) {
        return Ok(());
    }
    partitions.take(line)
}
