//! A file's lines as they arrive: each is counted, and what it is a part of is found out.

use std::collections::HashSet;

use super::layout::{Layout, Role};
use super::line_ids::{LineIds, ObjectId};
use super::lines::LineSplitter;
use super::{BulkError, BulkOptions};

/// What has been seen of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FileCounts {
    pub(super) bytes: u64,
    pub(super) objects: u64,
    pub(super) roots: u64,
}

/// A line, and what is known of it when it arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParsedLine<'l> {
    /// Its number in the file, from 1.
    pub(super) number: u64,
    pub(super) text: &'l [u8],
    pub(super) ids: LineIds,
    pub(super) role: Role,
    /// The names by which its parts know it.
    pub(super) aliases: [Option<ObjectId>; 2],
    /// The root it belongs to, if that can be told from the lines right before it.
    pub(super) root: Option<u64>,
}

/// Takes a file in.
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

    /// Takes the next bytes, and passes on the lines that are whole.
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

    /// Ends the file.
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

/// The thing whose lines arrive.
#[derive(Debug, Default)]
struct CurrentRoot {
    root: Option<u64>,
    /// Its parts that can have parts.
    intermediates: HashSet<ObjectId>,
    /// The last of them, which is nearly always the parent of what follows.
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
