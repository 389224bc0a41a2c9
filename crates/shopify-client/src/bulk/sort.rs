//! Sorts more records than fit into memory: an external merge sort with sorted runs in a temporary file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufWriter, IntoInnerError, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// The key that records are sorted by. The sort is stable.
pub(super) type SortKey = (u64, u64);

/// The most runs that are merged at once.
const MAX_MERGE_RUNS: usize = 128;
/// The size of the write buffer, in bytes.
const WRITE_BUFFER_BYTES: usize = 256 << 10;
const MIN_READ_BYTES: usize = 4 << 10;
const MAX_READ_BYTES: usize = 1 << 20;

/// The size of a record's header: its key and its length.
const HEADER: usize = 3 * 8;

/// Collects records in any order.
#[derive(Debug)]
pub(super) struct Sorter {
    memory: usize,
    buffer: SortBuffer,
    run_file: RunFile,
}

/// The records in memory.
#[derive(Debug, Default)]
struct SortBuffer {
    /// Headers and records in insertion order.
    bytes: Vec<u8>,
    /// The key and offset of each record.
    entries: Vec<(SortKey, usize)>,
    unsorted: bool,
}

impl SortBuffer {
    fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<(SortKey, usize)>()
    }

    fn push(&mut self, key: SortKey, record: [&[u8]; 2]) {
        self.unsorted |= self.entries.last().is_some_and(|(last, _)| *last > key);
        self.entries.push((key, self.bytes.len()));
        let length = record[0].len() + record[1].len();
        self.bytes.extend_from_slice(&header(key, length));
        for part in record {
            self.bytes.extend_from_slice(part);
        }
    }

    fn sort(&mut self) {
        if self.unsorted {
            self.entries.sort_unstable();
            self.unsorted = false;
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.unsorted = false;
    }
}

/// The temporary file with its sorted runs.
#[derive(Debug)]
struct RunFile {
    folder: Option<PathBuf>,
    file: Option<BufWriter<File>>,
    end: u64,
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    begin: u64,
    end: u64,
    last: SortKey,
}

impl RunFile {
    fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            file: None,
            end: 0,
            runs: Vec::new(),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = match &self.folder {
                    Some(folder) => tempfile::tempfile_in(folder)?,
                    None => tempfile::tempfile()?,
                };
                none.insert(BufWriter::with_capacity(WRITE_BUFFER_BYTES, file))
            }
        };
        file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Ends the run that was appended since `begin`, or extends the run before it if the keys allow that.
    fn end_run(&mut self, begin: u64, first: SortKey, last: SortKey) {
        let end = self.end;
        match self.runs.last_mut() {
            Some(run) if run.last <= first => (run.end, run.last) = (end, last),
            _ => self.runs.push(Run { begin, end, last }),
        }
    }

    /// The file and its runs, for reading.
    fn into_parts(self) -> io::Result<(Option<File>, Vec<Run>)> {
        let file = self.file.map(BufWriter::into_inner).transpose();
        Ok((file.map_err(IntoInnerError::into_error)?, self.runs))
    }
}

impl Sorter {
    /// Holds up to `memory` bytes, and the same amount again during reading. The rest goes to a temporary file in
    /// `folder`.
    pub(super) fn new(memory: usize, folder: Option<&PathBuf>) -> Self {
        Self {
            memory,
            buffer: SortBuffer::default(),
            run_file: RunFile::new(folder.cloned()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.entries.is_empty() && self.run_file.runs.is_empty()
    }

    /// Adds a record, which is passed in two parts.
    pub(super) fn push(&mut self, key: SortKey, record: [&[u8]; 2]) -> io::Result<()> {
        let size = HEADER + record[0].len() + record[1].len() + size_of::<(SortKey, usize)>();
        let full = self.buffer.size() + size > self.memory;
        if (full || self.extends_last_run()) && !self.buffer.entries.is_empty() {
            self.spill()?;
        }
        self.buffer.push(key, record);
        Ok(())
    }

    /// Whether the buffer would only extend the last run: then it is spilled early, to save memory.
    fn extends_last_run(&self) -> bool {
        let SortBuffer {
            bytes,
            entries,
            unsorted,
        } = &self.buffer;
        let follows = |run: &Run| entries.first().is_some_and(|(first, _)| run.last <= *first);
        bytes.len() >= WRITE_BUFFER_BYTES
            && !unsorted
            && self.run_file.runs.last().is_some_and(follows)
    }

    /// Writes the buffer to the file as a sorted run.
    fn spill(&mut self) -> io::Result<()> {
        let Self {
            buffer, run_file, ..
        } = self;
        let begin = run_file.end;
        if buffer.unsorted {
            buffer.sort();
            for (_, offset) in &buffer.entries {
                let record = &buffer.bytes[*offset..];
                run_file.append(&record[..HEADER + length(record)?])?;
            }
        } else {
            run_file.append(&buffer.bytes)?;
        }
        let ends = (buffer.entries.first(), buffer.entries.last());
        if let (Some((first, _)), Some((last, _))) = ends {
            run_file.end_run(begin, *first, *last);
        }
        buffer.clear();
        Ok(())
    }

    /// Finishes sorting and returns the records in order.
    pub(super) fn sorted(mut self) -> io::Result<SortedRecords> {
        self.buffer.sort();
        while self.run_file.runs.len() > MAX_MERGE_RUNS {
            self.merge_runs()?;
        }
        let (mut file, runs) = self.run_file.into_parts()?;
        let merge = Merge::new(&mut file, &runs, self.buffer, self.memory)?;
        Ok(SortedRecords { file, merge })
    }

    /// Merges runs into fewer, longer ones.
    fn merge_runs(&mut self) -> io::Result<()> {
        let next = RunFile::new(self.run_file.folder.clone());
        let (mut file, runs) = std::mem::replace(&mut self.run_file, next).into_parts()?;
        for runs in runs.chunks(MAX_MERGE_RUNS) {
            let begin = self.run_file.end;
            let mut merge = Merge::new(&mut file, runs, SortBuffer::default(), self.memory)?;
            let mut ends: Option<(SortKey, SortKey)> = None;
            while let Some((key, record)) = merge.peek()? {
                ends = Some((ends.map_or(key, |(first, _)| first), key));
                self.run_file.append(&header(key, record.len()))?;
                self.run_file.append(record)?;
                merge.advance(&mut file)?;
            }
            if let Some((first, last)) = ends {
                self.run_file.end_run(begin, first, last);
            }
        }
        Ok(())
    }
}

/// The records in order.
#[derive(Debug)]
pub(super) struct SortedRecords {
    file: Option<File>,
    merge: Merge,
}

impl SortedRecords {
    /// The current record; `None` after the last.
    pub(super) fn peek(&self) -> io::Result<Option<(SortKey, &[u8])>> {
        self.merge.peek()
    }

    /// Moves to the next record.
    pub(super) fn advance(&mut self) -> io::Result<()> {
        self.merge.advance(&mut self.file)
    }
}

#[derive(Debug)]
struct Merge {
    sources: Vec<MergeSource>,
    /// The current key of each source. Of equal keys, that of the earlier source comes first.
    heap: BinaryHeap<Reverse<(SortKey, usize)>>,
}

impl Merge {
    fn new(
        file: &mut Option<File>,
        runs: &[Run],
        buffer: SortBuffer,
        memory: usize,
    ) -> io::Result<Self> {
        let size = (memory / runs.len().max(1)).clamp(MIN_READ_BYTES, MAX_READ_BYTES);
        let mut sources: Vec<MergeSource> = Vec::with_capacity(runs.len() + 1);
        sources.extend(
            runs.iter()
                .map(|run| MergeSource::File(RunReader::new(*run, size))),
        );
        sources.push(MergeSource::Memory(buffer, 0));
        let mut heap = BinaryHeap::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            if let Some(key) = source.begin(file)? {
                heap.push(Reverse((key, index)));
            }
        }
        Ok(Self { sources, heap })
    }

    fn peek(&self) -> io::Result<Option<(SortKey, &[u8])>> {
        let Some(Reverse((key, index))) = self.heap.peek() else {
            return Ok(None);
        };
        Ok(Some((*key, self.sources[*index].record()?)))
    }

    fn advance(&mut self, file: &mut Option<File>) -> io::Result<()> {
        if let Some(mut top) = self.heap.peek_mut() {
            match self.sources[top.0.1].advance(file)? {
                Some(key) => top.0.0 = key,
                None => drop(PeekMut::pop(top)),
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
enum MergeSource {
    File(RunReader),
    /// The buffer and the index of its current record.
    Memory(SortBuffer, usize),
}

impl MergeSource {
    fn begin(&mut self, file: &mut Option<File>) -> io::Result<Option<SortKey>> {
        match self {
            Self::File(reader) => reader.load(file),
            Self::Memory(buffer, _) => Ok(buffer.entries.first().map(|(key, _)| *key)),
        }
    }

    /// Moves to the next record and returns its key.
    fn advance(&mut self, file: &mut Option<File>) -> io::Result<Option<SortKey>> {
        match self {
            Self::File(reader) => {
                reader.begin += HEADER + length(&reader.buffer[reader.begin..])?;
                reader.load(file)
            }
            Self::Memory(buffer, given) => {
                *given += 1;
                Ok(buffer.entries.get(*given).map(|(key, _)| *key))
            }
        }
    }

    fn record(&self) -> io::Result<&[u8]> {
        let header = match self {
            Self::File(reader) => &reader.buffer[reader.begin..],
            Self::Memory(buffer, given) => &buffer.bytes[buffer.entries[*given].1..],
        };
        let end = HEADER + length(header)?;
        Ok(&header[HEADER..end])
    }
}

/// Reads a run through a buffer.
#[derive(Debug)]
struct RunReader {
    rest: Run,
    size: usize,
    buffer: Vec<u8>,
    /// The offset of the current record in the buffer.
    begin: usize,
}

impl RunReader {
    fn new(rest: Run, size: usize) -> Self {
        Self {
            rest,
            size,
            buffer: Vec::new(),
            begin: 0,
        }
    }

    /// Loads the current record into the buffer. Returns its key; `None` after the last record.
    fn load(&mut self, file: &mut Option<File>) -> io::Result<Option<SortKey>> {
        if self.begin == self.buffer.len() && self.rest.begin == self.rest.end {
            return Ok(None);
        }
        self.fill(file, HEADER)?;
        self.fill(file, HEADER + length(&self.buffer[self.begin..])?)?;
        let header = &self.buffer[self.begin..];
        Ok(Some((number(header)?, number(&header[8..])?)))
    }

    fn fill(&mut self, file: &mut Option<File>, needed: usize) -> io::Result<()> {
        let present = self.buffer.len() - self.begin;
        if present >= needed {
            return Ok(());
        }
        let file = file.as_mut().ok_or_else(truncated)?;
        self.buffer.copy_within(self.begin.., 0);
        self.begin = 0;
        let rest = self.rest.end - self.rest.begin;
        let rest = usize::try_from(rest).unwrap_or(usize::MAX);
        let missing = needed - present;
        if missing > rest {
            return Err(truncated());
        }
        let more = (self.size.max(needed) - present).min(rest);
        self.buffer.resize(present + more, 0);
        file.seek(SeekFrom::Start(self.rest.begin))?;
        file.read_exact(&mut self.buffer[present..])?;
        self.rest.begin += more as u64;
        Ok(())
    }
}

fn header(key: SortKey, length: usize) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&key.0.to_le_bytes());
    bytes[8..16].copy_from_slice(&key.1.to_le_bytes());
    bytes[16..].copy_from_slice(&(length as u64).to_le_bytes());
    bytes
}

/// The length of a record, from its header.
fn length(header: &[u8]) -> io::Result<usize> {
    let length = number(header.get(16..).ok_or_else(truncated)?)?;
    usize::try_from(length).map_err(|_| truncated())
}

/// The first eight bytes as a number.
fn number(bytes: &[u8]) -> io::Result<u64> {
    let bytes = bytes.first_chunk().ok_or_else(truncated)?;
    Ok(u64::from_le_bytes(*bytes))
}

/// The error of a temporary file that is shorter than what was written to it.
pub(super) fn truncated() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn records_are_sorted_with_any_memory_limit(
            keys in proptest::collection::vec((0u64..50, 0u64..2), 0..600),
            memory in prop_oneof![Just(0usize), 1usize..3_000, Just(1 << 20)],
        ) {
            let mut sorter = Sorter::new(memory, None);
            let mut expected = Vec::new();
            for (index, key) in keys.into_iter().enumerate() {
                let record = format!("{index}{}", "x".repeat(index * 7 % 90));
                let (front, back) = record.as_bytes().split_at(index % record.len());
                sorter.push(key, [front, back]).unwrap();
                expected.push((key, record.into_bytes()));
            }
            prop_assert_eq!(sorter.is_empty(), expected.is_empty());
            // The expected sort is stable too.
            expected.sort_by_key(|(key, _)| *key);
            let mut sorted = sorter.sorted().unwrap();
            let mut found = Vec::new();
            while let Some((key, record)) = sorted.peek().unwrap() {
                found.push((key, record.to_vec()));
                sorted.advance().unwrap();
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn records_in_order_form_one_run() {
        let mut sorter = Sorter::new(1_000, None);
        for number in 0..1_000 {
            sorter
                .push((number / 2, number % 2), [b"some", b"object"])
                .unwrap();
        }
        sorter.spill().unwrap();
        assert_eq!(sorter.run_file.runs.len(), 1);
        sorter.push((0, 0), [b"", b""]).unwrap();
        sorter.spill().unwrap();
        sorter.push((1, 0), [b"", b""]).unwrap();
        sorter.spill().unwrap();
        assert_eq!(sorter.run_file.runs.len(), 2);
    }
}
