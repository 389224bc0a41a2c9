//! The first reading of a file, while it arrives: it is kept, counted, and looked at for its order.

use std::collections::HashSet;
use std::io::{BufWriter, Seek, Write};

use memchr::memchr;
use tempfile::SpooledTempFile;

use super::head::{Head, Key, Kind, inventory_item};
use super::{BulkError, BulkOptions};

/// How many root ids are remembered, to cut the file into parts of like size.
const SAMPLE: usize = 1 << 14;

/// What a file is made of: things, their parts, and parts of one kind of part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) root: Kind,
    /// The part that has parts itself: the variant, which is also known by its inventory item.
    pub(super) middle: Option<Kind>,
    /// Parts of something unknown that are left out instead of being an error: they come by later queries.
    pub(super) later: &'static [Kind],
}

/// What part a line plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Root,
    /// A part of the root of this number.
    Child(u64),
    /// A part of a part.
    Grandchild(Key),
}

impl Layout {
    pub(super) fn role(&self, head: &Head) -> Result<Role, BulkError> {
        match head.parent {
            None if head.id.kind == self.root => Ok(Role::Root),
            Some(parent) if parent.kind == self.root => Ok(Role::Child(parent.number)),
            Some(parent) if self.middle.is_some() && is_middle(parent.kind) => {
                Ok(Role::Grandchild(parent))
            }
            None => Err(unexpected(head.id.kind)),
            Some(parent) => Err(unexpected(parent.kind)),
        }
    }

    /// The names by which the parts of this line know it; none, if it can have no parts.
    pub(super) fn names(&self, head: &Head, line: &[u8]) -> [Option<Key>; 2] {
        if self.middle != Some(head.id.kind) {
            return [None, None];
        }
        [Some(head.id), inventory_item(line).map(|(_, item)| item)]
    }
}

/// Reports differ on whether an inventory level names the variant or the inventory item.
fn is_middle(kind: Kind) -> bool {
    matches!(kind, Kind::Variant | Kind::InventoryItem)
}

fn unexpected(kind: Kind) -> BulkError {
    let kind = kind.name();
    BulkError::Unexpected { kind }
}

/// A file that has been read once.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) spool: SpooledTempFile,
    /// In bytes.
    pub(super) length: u64,
    /// What was kept.
    pub(super) lines: u64,
    /// Parts among them.
    pub(super) children: u64,
    /// Whether the things come in the order of their ids, each with its parts right after it.
    pub(super) grouped: bool,
    /// Numbers of things from all over the file, in order.
    pub(super) sample: Vec<u64>,
}

/// Reads files, one after another, into one spool.
#[derive(Debug)]
pub(super) struct Scan {
    layout: Layout,
    max_line: usize,
    spool: BufWriter<SpooledTempFile>,
    /// The beginning of a line that has not arrived whole.
    rest: Vec<u8>,
    /// Whether root lines are kept: the files after the first bring only further parts.
    first_file: bool,
    file: Counts,
    scanned: Progress,
}

/// What has been seen of the present file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) bytes: u64,
    pub(super) objects: u64,
    pub(super) roots: u64,
}

#[derive(Debug, Default)]
struct Progress {
    length: u64,
    lines: u64,
    children: u64,
    order: Order,
    sample: Sample,
}

impl Scan {
    pub(super) fn new(layout: Layout, options: &BulkOptions) -> Self {
        let in_memory = options.memory / 2;
        let spool = match &options.folder {
            Some(folder) => tempfile::spooled_tempfile_in(in_memory, folder),
            None => tempfile::spooled_tempfile(in_memory),
        };
        Self {
            layout,
            max_line: options.max_line,
            spool: BufWriter::with_capacity(64 << 10, spool),
            rest: Vec::new(),
            first_file: true,
            file: Counts::default(),
            scanned: Progress::default(),
        }
    }

    /// Takes the next bytes of the file.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), BulkError> {
        self.file.bytes += bytes.len() as u64;
        if !self.rest.is_empty() {
            let Some(end) = memchr(b'\n', bytes) else {
                return self.keep(bytes);
            };
            self.keep(&bytes[..end])?;
            let line = std::mem::take(&mut self.rest);
            self.line(&line)?;
            self.rest = line;
            self.rest.clear();
            bytes = &bytes[end + 1..];
        }
        while let Some(end) = memchr(b'\n', bytes) {
            self.line(&bytes[..end])?;
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), BulkError> {
        self.check_length(self.rest.len() + bytes.len())?;
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    fn check_length(&self, length: usize) -> Result<(), BulkError> {
        if length <= self.max_line {
            return Ok(());
        }
        Err(BulkError::LineTooLong {
            line: self.file.objects + 1,
            limit: self.max_line,
        })
    }

    /// Ends the present file.
    pub(super) fn end_file(&mut self) -> Result<Counts, BulkError> {
        let line = std::mem::take(&mut self.rest);
        self.line(&line)?;
        self.first_file = false;
        Ok(std::mem::take(&mut self.file))
    }

    pub(super) fn finish(self) -> Result<Scanned, BulkError> {
        let spool = self.spool.into_inner();
        let mut spool = spool.map_err(std::io::IntoInnerError::into_error)?;
        spool.rewind()?;
        let seen = self.scanned;
        Ok(Scanned {
            spool,
            length: seen.length,
            lines: seen.lines,
            children: seen.children,
            grouped: seen.order.grouped,
            sample: seen.sample.sorted(),
        })
    }

    fn line(&mut self, line: &[u8]) -> Result<(), BulkError> {
        if line.is_empty() {
            return Ok(());
        }
        self.check_length(line.len())?;
        self.file.objects += 1;
        let nothing = BulkError::Line {
            line: self.file.objects,
        };
        let head = Head::read(line).ok_or(nothing)?;
        let role = self.layout.role(&head)?;
        let seen = &mut self.scanned;
        if role == Role::Root {
            self.file.roots += 1;
            if !self.first_file {
                return Ok(());
            }
            seen.sample.take(head.id.number);
        } else {
            seen.children += 1;
        }
        seen.order.see(&self.layout, &head, role, line);
        seen.lines += 1;
        seen.length += line.len() as u64 + 1;
        self.spool.write_all(line)?;
        self.spool.write_all(b"\n")?;
        Ok(())
    }
}

/// Watches whether a file could be read as it is.
#[derive(Debug)]
struct Order {
    grouped: bool,
    root: Option<u64>,
    /// The parts of the present thing that can have parts.
    middles: HashSet<Key>,
    /// The last of them, which is nearly always the parent of what follows.
    last: [Option<Key>; 2],
}

impl Default for Order {
    fn default() -> Self {
        Self {
            grouped: true,
            root: None,
            middles: HashSet::new(),
            last: [None, None],
        }
    }
}

impl Order {
    fn see(&mut self, layout: &Layout, head: &Head, role: Role, line: &[u8]) {
        if !self.grouped {
            return;
        }
        self.grouped = match role {
            Role::Root => {
                let later = self.root.is_none_or(|last| last < head.id.number);
                self.root = Some(head.id.number);
                self.middles.clear();
                self.last = [None, None];
                later
            }
            Role::Child(root) => {
                let names = layout.names(head, line);
                if names[0].is_some() {
                    self.last = names;
                    self.middles.extend(names.into_iter().flatten());
                }
                self.root == Some(root)
            }
            Role::Grandchild(parent) => {
                self.last.contains(&Some(parent)) || self.middles.contains(&parent)
            }
        };
    }
}

/// Every so manyth root id: all at first, then every second, and so on.
#[derive(Debug)]
struct Sample {
    numbers: Vec<u64>,
    every: u64,
    seen: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            every: 1,
            seen: 0,
        }
    }
}

impl Sample {
    fn take(&mut self, number: u64) {
        if self.seen.is_multiple_of(self.every) {
            self.numbers.push(number);
        }
        self.seen += 1;
        if self.numbers.len() == SAMPLE {
            let mut place = 0;
            self.numbers.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.every *= 2;
        }
    }

    fn sorted(mut self) -> Vec<u64> {
        self.numbers.sort_unstable();
        self.numbers.dedup();
        self.numbers
    }
}
