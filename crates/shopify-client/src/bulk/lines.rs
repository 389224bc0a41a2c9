//! Splits a byte stream into lines.

use memchr::memchr;

use super::BulkError;

/// Splits bytes into lines as they arrive.
#[derive(Debug)]
pub(super) struct LineSplitter {
    max_line: usize,
    /// The start of a line that has not arrived completely.
    partial: Vec<u8>,
    /// The number of lines so far, without empty ones.
    count: u64,
}

impl LineSplitter {
    pub(super) fn new(max_line: usize) -> Self {
        Self {
            max_line,
            partial: Vec::new(),
            count: 0,
        }
    }

    /// Passes on each complete, non-empty line of the next bytes, with its number from 1.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(u64, &[u8]) -> Result<(), BulkError>,
    ) -> Result<(), BulkError> {
        while let Some(end) = memchr(b'\n', bytes) {
            let line = &bytes[..end];
            bytes = &bytes[end + 1..];
            if self.partial.is_empty() {
                self.line(line, &mut take)?;
            } else {
                self.append(line)?;
                self.end(&mut take)?;
            }
        }
        self.append(bytes)
    }

    /// Passes on the last line, which may have no newline.
    pub(super) fn end(
        &mut self,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), BulkError>,
    ) -> Result<(), BulkError> {
        let mut line = std::mem::take(&mut self.partial);
        self.line(&line, &mut take)?;
        line.clear();
        self.partial = line;
        Ok(())
    }

    fn line(
        &mut self,
        line: &[u8],
        take: &mut impl FnMut(u64, &[u8]) -> Result<(), BulkError>,
    ) -> Result<(), BulkError> {
        if line.is_empty() {
            return Ok(());
        }
        self.check_length(line.len())?;
        self.count += 1;
        take(self.count, line)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), BulkError> {
        self.check_length(self.partial.len() + bytes.len())?;
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    fn check_length(&self, length: usize) -> Result<(), BulkError> {
        if length <= self.max_line {
            return Ok(());
        }
        Err(BulkError::LineTooLong {
            line: self.count + 1,
            limit: self.max_line,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, chunk: usize, max_line: usize) -> Result<Vec<(u64, String)>, BulkError> {
        let mut lines = LineSplitter::new(max_line);
        let mut found = Vec::new();
        let mut take = |number, line: &[u8]| {
            found.push((number, String::from_utf8_lossy(line).into_owned()));
            Ok(())
        };
        for bytes in text.as_bytes().chunks(chunk) {
            lines.push(bytes, &mut take)?;
        }
        lines.end(&mut take)?;
        Ok(found)
    }

    #[test]
    fn lines_are_split_at_any_chunk_size() {
        for (text, lines) in [
            ("", vec![]),
            ("\n\n", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("a\n\nbc\r\n", vec!["a", "bc\r"]),
            ("abc\nd\nefgh", vec!["abc", "d", "efgh"]),
        ] {
            let lines = (1..).zip(lines.iter().map(|line| (*line).to_owned()));
            let expected: Vec<(u64, String)> = lines.collect();
            for chunk in 1..=12 {
                assert_eq!(
                    all(text, chunk, 4).unwrap(),
                    expected,
                    "{text:?} by {chunk}"
                );
            }
        }
    }

    #[test]
    fn the_error_names_a_line_that_is_too_long() {
        for text in ["a\n\nabcde\nb\n", "a\nabcde"] {
            for chunk in 1..=12 {
                let found = all(text, chunk, 4);
                assert!(
                    matches!(found, Err(BulkError::LineTooLong { line: 2, limit: 4 })),
                    "{text:?} by {chunk}"
                );
            }
        }
    }
}
