//! The second reading: whatever the order of the lines, things go out in the order of their ids, each with its parts
//! right after it.
//!
//! A file that is so already is passed on. Otherwise its lines are dealt out to parts, each a range of root ids that fits
//! into memory, and sorted part by part. A part of a part names only its direct parent, so those lines go by a detour:
//! they are dealt out by their parent, beside notes of which root that parent belongs to.

use std::io::{self, Read};

use super::head::{Head, Key, Kind};
use super::lines::Lines;
use super::scan::{BATCH, Layout, Role, Scanned};
use super::spill::Spill;
use super::{BulkError, BulkOptions};

/// What is kept in memory of each line beside the line.
const PER_LINE: u64 = size_of::<Entry>() as u64;
/// The most parts a file is cut into.
const MOST_PARTS: usize = 8192;

/// Takes whole things as lines. `false`: nobody wants them any more.
pub(super) type Taker<'t> = dyn FnMut(Vec<u8>) -> bool + 't;

/// Passes all things of a file on.
pub(super) fn regroup(
    scanned: Scanned,
    layout: Layout,
    options: &BulkOptions,
    give: &mut Taker<'_>,
) -> Result<(), BulkError> {
    if scanned.grouped {
        return pass_on(scanned, give);
    }
    let mut batches = Batches::new(give);
    Deal::new(scanned, layout, options)?.run(&mut batches)?;
    batches.flush();
    Ok(())
}

/// Cuts the file where the scan has seen things begin.
fn pass_on(mut scanned: Scanned, give: &mut Taker<'_>) -> Result<(), BulkError> {
    let mut begin = 0;
    let ends = scanned.cuts.iter().chain(std::iter::once(&scanned.length));
    for end in ends {
        let length = end - begin;
        let mut batch = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        let read = (&mut scanned.spool).take(length).read_to_end(&mut batch)?;
        if read as u64 != length {
            return Err(cut_off().into());
        }
        if !give(batch) {
            break;
        }
        begin = *end;
    }
    Ok(())
}

/// Gathers lines until there are enough of them to be worth a trip.
struct Batches<'g, 't> {
    give: &'g mut Taker<'t>,
    gathered: Vec<u8>,
    wanted: bool,
}

impl<'g, 't> Batches<'g, 't> {
    fn new(give: &'g mut Taker<'t>) -> Self {
        Self {
            give,
            gathered: Vec::with_capacity(BATCH + BATCH / 4),
            wanted: true,
        }
    }

    /// A thing begins with the next line. `false`: nobody wants it.
    fn begin_thing(&mut self) -> bool {
        if self.gathered.len() >= BATCH {
            self.flush();
        }
        self.wanted
    }

    fn line(&mut self, line: &[u8]) {
        self.gathered.extend_from_slice(line);
        self.gathered.push(b'\n');
    }

    fn flush(&mut self) {
        if self.wanted && !self.gathered.is_empty() {
            let next = Vec::with_capacity(BATCH + BATCH / 4);
            let batch = std::mem::replace(&mut self.gathered, next);
            self.wanted = (self.give)(batch);
        }
    }
}

/// Where a line is within its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    root: u64,
    /// The thing itself comes before its parts.
    is_part: bool,
    begin: usize,
    end: usize,
}

/// A file on its way through the parts.
struct Deal {
    scanned: Scanned,
    layout: Layout,
    /// The first root number of each part but the first.
    bounds: Vec<u64>,
    by_root: Spill,
    /// Lines whose root is not known, by their parent.
    lost: Spill,
    /// Which root a parent belongs to, dealt out like them.
    notes: Spill,
}

impl Deal {
    fn new(scanned: Scanned, layout: Layout, options: &BulkOptions) -> Result<Self, BulkError> {
        // A quarter each for a part, for what waits to be written, and for what is being decoded.
        let share = (options.memory / 4).max(1);
        let parts = |bytes: u64| {
            let parts = bytes.div_ceil(share as u64);
            usize::try_from(parts)
                .unwrap_or(MOST_PARTS)
                .clamp(1, MOST_PARTS)
        };
        let wanted = parts(scanned.length + scanned.lines * PER_LINE);
        let bounds = bounds(&scanned.sample, wanted);
        let (detours, share) = match layout.middle {
            // Two notes for each middle part at most.
            Some(_) => (parts(scanned.children * 2 * NOTE as u64 * 4), share / 3),
            None => (1, share),
        };
        Ok(Self {
            by_root: Spill::new(bounds.len() + 1, share, options)?,
            lost: Spill::new(detours, share, options)?,
            notes: Spill::new(detours, share, options)?,
            bounds,
            scanned,
            layout,
        })
    }

    fn run(mut self, batches: &mut Batches<'_, '_>) -> Result<(), BulkError> {
        self.deal_out()?;
        self.bring_home()?;
        for part in 0..self.by_root.parts() {
            let lines = self.by_root.take(part)?;
            let entries = entries(&lines)?;
            if !self.give(&lines, &entries, batches)? {
                break;
            }
        }
        Ok(())
    }

    fn part_of(&self, root: u64) -> usize {
        self.bounds.partition_point(|bound| *bound <= root)
    }

    fn deal_out(&mut self) -> Result<(), BulkError> {
        let spool = std::mem::replace(&mut self.scanned.spool, tempfile::spooled_tempfile(0));
        let mut lines = Lines::new(spool);
        let mut number = 0;
        while let Some(line) = lines.next()? {
            number += 1;
            let head = Head::read(line).ok_or(BulkError::Line { line: number })?;
            match self.layout.role(&head)? {
                Role::Root => self.home(head.id.number, false, line)?,
                Role::Child(root) => {
                    for name in self.layout.names(&head, line).into_iter().flatten() {
                        let note = Note { name, root }.written();
                        self.notes.push(detour(name, self.notes.parts()), &note)?;
                    }
                    self.home(root, true, line)?;
                }
                Role::Grandchild(parent) => {
                    let part = detour(parent, self.lost.parts());
                    self.lost.push(part, line)?;
                    self.lost.push(part, b"\n")?;
                }
            }
        }
        Ok(())
    }

    /// Puts a line where its thing is: its root, its length, itself.
    fn home(&mut self, root: u64, is_part: bool, line: &[u8]) -> Result<(), BulkError> {
        let part = self.part_of(root);
        let mut mark = [0; MARK];
        mark[..8].copy_from_slice(&root.to_le_bytes());
        mark[8] = u8::from(is_part);
        mark[9..].copy_from_slice(&(line.len() as u64).to_le_bytes());
        self.by_root.push(part, &mark)?;
        self.by_root.push(part, line)?;
        Ok(())
    }

    /// Finds the roots of the lines that did not know theirs.
    fn bring_home(&mut self) -> Result<(), BulkError> {
        for part in 0..self.lost.parts() {
            let lost = self.lost.take(part)?;
            let notes = Note::sorted(&self.notes.take(part)?);
            for line in lost
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                let parent = Head::read(line).and_then(|head| head.parent);
                let parent = parent.ok_or(BulkError::Line { line: 0 })?;
                let begin = notes.partition_point(|note| note.name < parent);
                let found = notes[begin..].iter().take_while(|note| note.name == parent);
                let mut orphan = true;
                // One inventory item may serve several variants, also of several products.
                for note in found {
                    orphan = false;
                    self.home(note.root, true, line)?;
                }
                if orphan {
                    return Err(orphaned(parent));
                }
            }
        }
        Ok(())
    }

    fn may_be_lost(&self, head: Option<Head>) -> bool {
        head.is_some_and(|head| self.layout.later.contains(&head.id.kind))
    }

    /// Gives out the things of one part. `false`: nobody wants more.
    fn give(
        &self,
        lines: &[u8],
        entries: &[Entry],
        batches: &mut Batches<'_, '_>,
    ) -> Result<bool, BulkError> {
        for thing in entries.chunk_by(|a, b| a.root == b.root) {
            let number = thing[0].root;
            if thing[0].is_part {
                let kind = self.layout.root;
                let texts = thing.iter().map(|entry| &lines[entry.begin..entry.end]);
                if !texts.map(Head::read).all(|head| self.may_be_lost(head)) {
                    return Err(orphaned(Key { kind, number }));
                }
                continue;
            }
            if !batches.begin_thing() {
                return Ok(false);
            }
            // What comes twice is given once.
            let twice = thing[1..].iter().take_while(|entry| !entry.is_part).count();
            for entry in std::iter::once(&thing[0]).chain(&thing[1 + twice..]) {
                batches.line(&lines[entry.begin..entry.end]);
            }
        }
        Ok(true)
    }
}

/// Root number, whether it is a part, length.
const MARK: usize = 8 + 1 + 8;

fn entries(lines: &[u8]) -> Result<Vec<Entry>, BulkError> {
    let mut entries = Vec::new();
    let mut place = 0;
    while place < lines.len() {
        let mark = lines.get(place..place + MARK).ok_or_else(cut_off)?;
        let begin = place + MARK;
        let length = usize::try_from(number(&mark[9..])).map_err(|_| cut_off())?;
        let end = begin + length;
        if end > lines.len() {
            return Err(cut_off().into());
        }
        entries.push(Entry {
            root: number(mark),
            is_part: mark[8] == 1,
            begin,
            end,
        });
        place = end;
    }
    entries.sort_unstable();
    Ok(entries)
}

/// A temporary file that is shorter than what was written to it.
fn cut_off() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

/// The first eight bytes.
fn number(bytes: &[u8]) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(number)
}

/// The numbers at which parts begin, so that each holds about as many things.
fn bounds(sample: &[u64], parts: usize) -> Vec<u64> {
    let mut bounds: Vec<u64> = (1..parts)
        .filter_map(|part| sample.get(part * sample.len() / parts).copied())
        .collect();
    bounds.dedup();
    bounds
}

/// Which detour the parts of something take.
fn detour(name: Key, parts: usize) -> usize {
    // Fibonacci hashing: numbers that follow each other are spread well.
    let spread = (name.number ^ ((name.kind as u64) << 56)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from((spread >> 32) % parts as u64).unwrap_or_default()
}

fn orphaned(parent: Key) -> BulkError {
    let parent = parent.to_string();
    BulkError::Orphan { parent }
}

/// Which root a middle part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Note {
    name: Key,
    root: u64,
}

/// Kind, number, root.
const NOTE: usize = 1 + 8 + 8;

impl Note {
    fn written(self) -> [u8; NOTE] {
        let mut bytes = [0; NOTE];
        // Only two kinds have a name here.
        bytes[0] = u8::from(self.name.kind == Kind::InventoryItem);
        bytes[1..9].copy_from_slice(&self.name.number.to_le_bytes());
        bytes[9..].copy_from_slice(&self.root.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Self {
        let kind = if bytes[0] == 1 {
            Kind::InventoryItem
        } else {
            Kind::Variant
        };
        Self {
            name: Key {
                kind,
                number: number(&bytes[1..]),
            },
            root: number(&bytes[9..]),
        }
    }

    fn sorted(bytes: &[u8]) -> Vec<Self> {
        let mut notes: Vec<Self> = bytes.chunks_exact(NOTE).map(Self::read).collect();
        notes.sort_unstable();
        // Several variants of one product may share an inventory item.
        notes.dedup();
        notes
    }
}
