use std::io::{self, Read};

use memchr::memchr;

/// Lines of a reader that is known to have none longer than fits into memory.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    over: bool,
}

const FIRST_BUFFER: usize = 256 << 10;

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; FIRST_BUFFER],
            begin: 0,
            end: 0,
            over: false,
        }
    }

    /// The next line without its end; `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let mut searched = self.begin;
        loop {
            if let Some(length) = memchr(b'\n', &self.buffer[searched..self.end]) {
                let line = self.begin..searched + length;
                self.begin = line.end + 1;
                return Ok(Some(&self.buffer[line]));
            }
            if self.over {
                let line = self.begin..self.end;
                self.begin = self.end;
                return Ok((!line.is_empty()).then(|| &self.buffer[line]));
            }
            searched = self.end - self.begin;
            self.fill()?;
        }
    }

    /// Reads on, after moving what is left to the front.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.begin..self.end, 0);
        self.end -= self.begin;
        self.begin = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end * 2, 0);
        }
        match self.reader.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.over = true,
            Ok(read) => self.end += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Drops<'t>(&'t [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else {
                return Ok(0);
            };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn all(reader: impl Read) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(reader);
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(line.to_vec());
        }
        found
    }

    #[test]
    fn lines_come_whole_whatever_the_reader_gives_at_a_time() {
        let long = "x".repeat(FIRST_BUFFER * 3);
        for (text, lines) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("a\n\nb", vec!["a", "", "b"]),
            (&*format!("a\n{long}\nb\n"), vec!["a", &*long, "b"]),
        ] {
            let expected: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
            assert_eq!(all(text.as_bytes()), expected);
            assert_eq!(all(Drops(text.as_bytes())), expected);
        }
    }
}
