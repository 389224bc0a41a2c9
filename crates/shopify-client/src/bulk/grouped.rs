//! Splits a grouped file, in which each object is followed by its children, into batches as it arrives.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::batch::{Batch, BatchSource};
use super::chunks::{Chunk, StatedCounts, ended_early};
use super::file_parser::{FileParser, ParsedLine};
use super::layout::{Layout, Role};
use super::{BulkError, BulkOptions};

/// A grouped file as a source of batches.
#[derive(Debug)]
pub(super) struct GroupedFile {
    chunks: mpsc::Receiver<Chunk>,
    /// `None` after the end of the file.
    parser: Option<FileParser>,
    splitter: BatchSplitter,
}

/// Collects lines into batches.
#[derive(Debug, Default)]
struct BatchSplitter {
    /// The number of the current object.
    root: Option<u64>,
    batch: Batch,
    full: VecDeque<Batch>,
}

impl GroupedFile {
    pub(super) fn new(
        layout: Layout,
        options: &BulkOptions,
        chunks: mpsc::Receiver<Chunk>,
    ) -> Self {
        Self {
            chunks,
            parser: Some(FileParser::new(layout, options)),
            splitter: BatchSplitter::default(),
        }
    }

    fn end(&mut self, stated: StatedCounts) -> Result<(), BulkError> {
        if let Some(parser) = self.parser.take() {
            stated.check(parser.end(|line| self.splitter.take(line))?)?;
            self.splitter
                .full
                .push_back(std::mem::take(&mut self.splitter.batch));
        }
        Ok(())
    }
}

impl BatchSource for GroupedFile {
    /// Returns an error when the download has failed; the download reports the reason itself.
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, BulkError> {
        loop {
            if let Some(full) = self.splitter.full.pop_front() {
                *batch = full;
                return Ok(!batch.is_empty());
            }
            let Some(parser) = &mut self.parser else {
                return Ok(false);
            };
            match self.chunks.blocking_recv().ok_or_else(ended_early)? {
                Chunk::Bytes(all) => {
                    for bytes in all {
                        parser.push(&bytes, |line| self.splitter.take(line))?;
                    }
                }
                Chunk::End(stated) => self.end(stated)?,
            }
        }
    }
}

impl BatchSplitter {
    /// Adds a line. Rejects a line that is out of order: objects must come in the order of their ids, each followed by
    /// its children.
    fn take(&mut self, line: &ParsedLine<'_>) -> Result<(), BulkError> {
        let root = &mut self.root;
        let in_order = match line.role {
            Role::Root(number) => root.replace(number).is_none_or(|before| before < number),
            Role::Child(_) | Role::Grandchild(_) => root.is_some() && line.root == *root,
        };
        if !in_order {
            return Err(BulkError::OutOfOrder { line: line.number });
        }
        if matches!(line.role, Role::Root(_)) && self.batch.is_full() {
            self.full.push_back(std::mem::take(&mut self.batch));
        }
        self.batch.push(line.ids, line.text);
        Ok(())
    }
}
