//! A file's lines as they arrive: each is counted, and what it is a part of is found out.

use std::collections::HashSet;

use super::head::{Head, Key};
use super::layout::{Layout, Role};
use super::lines::Lines;
use super::{BulkError, BulkOptions};

/// What has been seen of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) bytes: u64,
    pub(super) objects: u64,
    pub(super) roots: u64,
}

/// A line, and what is known of it when it arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival<'l> {
    /// Its number in the file, from 1.
    pub(super) number: u64,
    pub(super) text: &'l [u8],
    pub(super) head: Head,
    pub(super) role: Role,
    /// The names by which its parts know it.
    pub(super) names: [Option<Key>; 2],
    /// The root it belongs to, if that can be told from the lines right before it.
    pub(super) root: Option<u64>,
}

/// Takes a file in.
#[derive(Debug)]
pub(super) struct Arrivals {
    layout: Layout,
    lines: Lines,
    counts: Counts,
    present: Present,
}

impl Arrivals {
    pub(super) fn new(layout: Layout, options: &BulkOptions) -> Self {
        Self {
            layout,
            lines: Lines::new(options.max_line),
            counts: Counts::default(),
            present: Present::default(),
        }
    }

    /// Takes the next bytes, and passes on the lines that are whole.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&Arrival<'_>) -> Result<(), BulkError>,
    ) -> Result<(), BulkError> {
        let Self {
            layout,
            lines,
            counts,
            present,
        } = self;
        counts.bytes += bytes.len() as u64;
        lines.push(bytes, |number, text| {
            take(&arrival(layout, counts, present, number, text)?)
        })
    }

    /// Ends the file.
    pub(super) fn end(
        mut self,
        mut take: impl FnMut(&Arrival<'_>) -> Result<(), BulkError>,
    ) -> Result<Counts, BulkError> {
        let Self {
            layout,
            lines,
            counts,
            present,
        } = &mut self;
        lines.end(|number, text| take(&arrival(layout, counts, present, number, text)?))?;
        Ok(self.counts)
    }
}

fn arrival<'l>(
    layout: &Layout,
    counts: &mut Counts,
    present: &mut Present,
    number: u64,
    text: &'l [u8],
) -> Result<Arrival<'l>, BulkError> {
    let head = Head::read(text).ok_or(BulkError::InvalidLine { line: number })?;
    let role = layout.role(&head)?;
    let names = layout.names(&head, text);
    counts.objects = number;
    counts.roots += u64::from(matches!(role, Role::Root(_)));
    Ok(Arrival {
        number,
        text,
        head,
        role,
        names,
        root: present.root_of(role, names),
    })
}

/// The thing whose lines arrive.
#[derive(Debug, Default)]
struct Present {
    root: Option<u64>,
    /// Its parts that can have parts.
    middles: HashSet<Key>,
    /// The last of them, which is nearly always the parent of what follows.
    last: [Option<Key>; 2],
}

impl Present {
    fn root_of(&mut self, role: Role, names: [Option<Key>; 2]) -> Option<u64> {
        match role {
            Role::Root(number) | Role::Child(number) => {
                if self.root != Some(number) {
                    self.root = Some(number);
                    self.middles.clear();
                    self.last = [None, None];
                }
                if names[0].is_some() {
                    self.last = names;
                    self.middles.extend(names.into_iter().flatten());
                }
                self.root
            }
            Role::Grandchild(parent) => {
                let known = self.last.contains(&Some(parent)) || self.middles.contains(&parent);
                self.root.filter(|_| known)
            }
        }
    }
}
