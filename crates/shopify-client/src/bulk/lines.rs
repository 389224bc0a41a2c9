use memchr::memchr;

use super::BulkError;

/// Cuts bytes, as they arrive, into lines.
#[derive(Debug)]
pub(super) struct Lines {
    max_line: usize,
    /// The beginning of a line that has not arrived whole.
    rest: Vec<u8>,
    /// Of lines that are not empty.
    taken: u64,
}

impl Lines {
    pub(super) fn new(max_line: usize) -> Self {
        Self {
            max_line,
            rest: Vec::new(),
            taken: 0,
        }
    }

    /// Takes the next bytes, and passes on each line that is whole and not empty, with its number from 1.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(u64, &[u8]) -> Result<(), BulkError>,
    ) -> Result<(), BulkError> {
        while let Some(end) = memchr(b'\n', bytes) {
            let line = &bytes[..end];
            bytes = &bytes[end + 1..];
            if self.rest.is_empty() {
                self.line(line, &mut take)?;
            } else {
                self.keep(line)?;
                self.end(&mut take)?;
            }
        }
        self.keep(bytes)
    }

    /// Ends the file, whose last line may have no end.
    pub(super) fn end(
        &mut self,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), BulkError>,
    ) -> Result<(), BulkError> {
        let mut line = std::mem::take(&mut self.rest);
        self.line(&line, &mut take)?;
        line.clear();
        self.rest = line;
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
        self.taken += 1;
        take(self.taken, line)
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
            line: self.taken + 1,
            limit: self.max_line,
        })
    }
}
