//! Parses the lines of a file as they arrive: counts them and finds the object that each belongs to.

use std::collections::HashSet;

use super::layout::{Layout, Role};
use super::line_ids::{LineIds, ObjectId};
use super::lines::LineSplitter;
use super::{BulkError, BulkOptions};

/// The length and counts of a file as read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FileCounts {
    pub(super) bytes: u64,
    pub(super) objects: u64,
    pub(super) roots: u64,
}

/// A line with what is known about it on arrival.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParsedLine<'l> {
    /// The number of the line, from 1.
    pub(super) number: u64,
    pub(super) text: &'l [u8],
    pub(super) ids: LineIds,
    pub(super) role: Role,
    /// The ids that its children may use for it.
    pub(super) aliases: [Option<ObjectId>; 2],
    /// The number of its root object, if the lines before it determine it.
    pub(super) root: Option<u64>,
}

/// Parses one file.
#[derive(Debug)]
pub(super) struct FileParser {
    layout: Layout,
    lines: LineSplitter,
    counts: FileCounts,
    current: CurrentRoot,
}

impl FileParser {
    pub(super) fn new(layout: Layout, options: &BulkOptions) -> Self {
        Self {
            layout,
            lines: LineSplitter::new(options.max_line),
            counts: FileCounts::default(),
            current: CurrentRoot::default(),
        }
    }

    /// Parses the next bytes and passes the complete lines on.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&ParsedLine<'_>) -> Result<(), BulkError>,
    ) -> Result<(), BulkError> {
        let Self {
            layout,
            lines,
            counts,
            current,
        } = self;
        counts.bytes += bytes.len() as u64;
        lines.push(bytes, |number, text| {
            take(&parse(layout, counts, current, number, text)?)
        })
    }

    /// Parses the last line and returns the counts.
    pub(super) fn end(
        mut self,
        mut take: impl FnMut(&ParsedLine<'_>) -> Result<(), BulkError>,
    ) -> Result<FileCounts, BulkError> {
        let Self {
            layout,
            lines,
            counts,
            current,
        } = &mut self;
        lines.end(|number, text| take(&parse(layout, counts, current, number, text)?))?;
        Ok(self.counts)
    }
}

fn parse<'l>(
    layout: &Layout,
    counts: &mut FileCounts,
    current: &mut CurrentRoot,
    number: u64,
    text: &'l [u8],
) -> Result<ParsedLine<'l>, BulkError> {
    let ids = LineIds::read(text).ok_or(BulkError::InvalidLine { line: number })?;
    let role = layout.role(&ids)?;
    let aliases = layout.aliases(&ids, text);
    counts.objects = number;
    counts.roots += u64::from(matches!(role, Role::Root(_)));
    Ok(ParsedLine {
        number,
        text,
        ids,
        role,
        aliases,
        root: current.root_of(role, aliases),
    })
}

/// The root object whose lines arrive now.
#[derive(Debug, Default)]
struct CurrentRoot {
    root: Option<u64>,
    /// Its children that can have children.
    intermediates: HashSet<ObjectId>,
    /// The latest of them, which is nearly always the parent of the following lines.
    last: [Option<ObjectId>; 2],
}

impl CurrentRoot {
    fn root_of(&mut self, role: Role, aliases: [Option<ObjectId>; 2]) -> Option<u64> {
        match role {
            Role::Root(number) | Role::Child(number) => {
                if self.root != Some(number) {
                    self.root = Some(number);
                    self.intermediates.clear();
                    self.last = [None, None];
                }
                if aliases[0].is_some() {
                    self.last = aliases;
                    self.intermediates.extend(aliases.into_iter().flatten());
                }
                self.root
            }
            Role::Grandchild(parent) => {
                let known =
                    self.last.contains(&Some(parent)) || self.intermediates.contains(&parent);
                self.root.filter(|_| known)
            }
        }
    }
}
