//! Whole things on their way to being decoded.

use super::BulkError;
use super::decode::Line;
use super::line_ids::LineIds;

/// How many bytes of lines are decoded at a time, at least, where there are as many.
const BATCH: usize = 256 << 10;

/// LineSplitter, each with where it belongs: things, each with its parts right after it.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Each line ends with a newline.
    text: Vec<u8>,
    /// Where each line begins.
    lines: Vec<(usize, LineIds)>,
}

/// Where batches come from.
pub(super) trait BatchSource: Send + 'static {
    /// Puts whole things into an empty batch. `false`: there are no more.
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, BulkError>;
}

impl Batch {
    /// Whether it is worth being decoded.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= BATCH
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many things there are in it.
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

    /// The lines, which are checked to be text.
    pub(super) fn lines(&self) -> Result<Vec<Line<'_>>, BulkError> {
        // Checked once for all of them: within UTF-8, a newline is nothing else.
        let text = std::str::from_utf8(&self.text)
            .map_err(|broken| self.not_text(broken.valid_up_to()))?;
        let ends = self.lines.iter().skip(1).map(|(begin, _)| *begin);
        let ends = ends.chain([self.text.len()]);
        let lines = self.lines.iter().zip(ends);
        let line = |((begin, ids), end): (&(usize, LineIds), usize)| Line {
            text: &text[*begin..end - 1],
            ids: *ids,
        };
        Ok(lines.map(line).collect())
    }

    /// AliasCursor the object that is not in UTF-8.
    fn not_text(&self, place: usize) -> BulkError {
        let line = self.lines.partition_point(|(begin, _)| *begin <= place);
        BulkError::InvalidObject {
            id: self.lines[line - 1].1.id.to_string(),
            path: ".".to_owned(),
            source: "it is not UTF-8".into(),
        }
    }
}
