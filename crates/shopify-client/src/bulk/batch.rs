//! Whole things on their way to being decoded.

use super::BulkError;
use super::decode::Line;
use super::head::Head;

/// How many bytes of lines are decoded at a time, at least, where there are as many.
const BATCH: usize = 256 << 10;

/// Lines, each with where it belongs: things, each with its parts right after it.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Each line ends with a newline.
    text: Vec<u8>,
    /// Where each line begins.
    lines: Vec<(usize, Head)>,
}

/// Where batches come from.
pub(super) trait Batches: Send + 'static {
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
    pub(super) fn things(&self) -> usize {
        let things = self.lines.iter().filter(|(_, head)| head.parent.is_none());
        things.count()
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }

    pub(super) fn push(&mut self, head: Head, line: &[u8]) {
        self.lines.push((self.text.len(), head));
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
        let line = |((begin, head), end): (&(usize, Head), usize)| Line {
            text: &text[*begin..end - 1],
            head: *head,
        };
        Ok(lines.map(line).collect())
    }

    /// Names the object that is not in UTF-8.
    fn not_text(&self, place: usize) -> BulkError {
        let line = self.lines.partition_point(|(begin, _)| *begin <= place);
        BulkError::InvalidObject {
            id: self.lines[line - 1].1.id.to_string(),
            path: ".".to_owned(),
            source: "it is not UTF-8".into(),
        }
    }
}
