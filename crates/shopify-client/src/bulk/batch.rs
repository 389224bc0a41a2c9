//! Collects the lines of complete objects into batches for decoding.

use super::BulkError;
use super::decode::Line;
use super::line_ids::LineIds;

/// The least size of a batch in bytes, except for the last one.
const BATCH: usize = 256 << 10;

/// Lines with their ids: objects, each followed by its children.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The lines, each with a newline at its end.
    text: Vec<u8>,
    /// The offset and the ids of each line.
    lines: Vec<(usize, LineIds)>,
}

/// A source of batches.
pub(super) trait BatchSource: Send + 'static {
    /// Fills an empty batch with complete objects. Returns `false` at the end.
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, BulkError>;
}

impl Batch {
    /// Whether the batch is large enough to be decoded.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= BATCH
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The number of objects in the batch.
    pub(super) fn root_count(&self) -> usize {
        let roots = self.lines.iter().filter(|(_, ids)| ids.parent.is_none());
        roots.count()
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }

    pub(super) fn push(&mut self, ids: LineIds, line: &[u8]) {
        self.lines.push((self.text.len(), ids));
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }

    /// The lines as UTF-8.
    pub(super) fn lines(&self) -> Result<Vec<Line<'_>>, BulkError> {
        // One check for all lines: in UTF-8, the byte of a newline is never part of another character.
        let text = std::str::from_utf8(&self.text)
            .map_err(|error| self.invalid_utf8(error.valid_up_to()))?;
        let ends = self.lines.iter().skip(1).map(|(begin, _)| *begin);
        let ends = ends.chain([self.text.len()]);
        let lines = self.lines.iter().zip(ends);
        let line = |((begin, ids), end): (&(usize, LineIds), usize)| Line {
            text: &text[*begin..end - 1],
            ids: *ids,
        };
        Ok(lines.map(line).collect())
    }

    /// The error that names the object that is not UTF-8.
    fn invalid_utf8(&self, offset: usize) -> BulkError {
        let line = self.lines.partition_point(|(begin, _)| *begin <= offset);
        BulkError::InvalidObject {
            id: self.lines[line - 1].1.id.to_string(),
            path: ".".to_owned(),
            source: "the line is not UTF-8".into(),
        }
    }
}
