use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::BulkOptions;

/// Many lists of bytes in one temporary file: a list is a chain of blocks, and only the last block of each is in memory.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    end: u64,
    block: usize,
    parts: Vec<Part>,
}

#[derive(Debug, Default)]
struct Part {
    written: Vec<Block>,
    open: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    begin: u64,
    length: usize,
}

impl Spill {
    /// `parts` lists, which hold up to `memory` bytes together before they are written.
    pub(super) fn new(parts: usize, memory: usize, options: &BulkOptions) -> io::Result<Self> {
        let file = match &options.folder {
            Some(folder) => tempfile::tempfile_in(folder)?,
            None => tempfile::tempfile()?,
        };
        let parts = parts.max(1);
        Ok(Self {
            file,
            end: 0,
            block: (memory / parts).clamp(64, 64 << 10),
            parts: (0..parts).map(|_| Part::default()).collect(),
        })
    }

    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Appends to a list.
    pub(super) fn push(&mut self, part: usize, bytes: &[u8]) -> io::Result<()> {
        let list = &mut self.parts[part];
        if list.open.len() + bytes.len() > self.block && !list.open.is_empty() {
            let length = list.open.len();
            self.file.seek(SeekFrom::Start(self.end))?;
            self.file.write_all(&list.open)?;
            list.written.push(Block {
                begin: self.end,
                length,
            });
            self.end += length as u64;
            list.open.clear();
        }
        list.open.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes a list out, whole and in the order in which it was pushed.
    pub(super) fn take(&mut self, part: usize) -> io::Result<Vec<u8>> {
        let list = std::mem::take(&mut self.parts[part]);
        let written: usize = list.written.iter().map(|block| block.length).sum();
        let mut all = Vec::with_capacity(written + list.open.len());
        for block in list.written {
            let begin = all.len();
            all.resize(begin + block.length, 0);
            self.file.seek(SeekFrom::Start(block.begin))?;
            self.file.read_exact(&mut all[begin..])?;
        }
        all.extend_from_slice(&list.open);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_as_they_were_written() {
        let options = BulkOptions::default();
        let mut spill = Spill::new(3, 0, &options).unwrap();
        let mut expected = vec![Vec::new(); 3];
        for number in 0..2000u32 {
            let part = (number as usize * 7) % 3;
            let bytes = vec![b'a' + (number % 26) as u8; number as usize % 150];
            spill.push(part, &bytes).unwrap();
            expected[part].extend(bytes);
        }
        for (part, expected) in expected.iter().enumerate() {
            assert_eq!(spill.take(part).unwrap(), *expected);
            assert!(spill.take(part).unwrap().is_empty());
        }
    }
}
