//! The reading of a file that is in order: it is cut into batches of whole things while it arrives.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::arrival::{Arrival, Arrivals};
use super::batch::{Batch, Batches};
use super::fetch::{Piece, Promise, cut_short};
use super::layout::{Layout, Role};
use super::{BulkError, BulkOptions};

/// Batches of a file that arrives.
#[derive(Debug)]
pub(super) struct Cutter {
    arriving: mpsc::Receiver<Piece>,
    /// Until the file has ended.
    arrivals: Option<Arrivals>,
    cut: Cut,
}

/// What has been cut.
#[derive(Debug, Default)]
struct Cut {
    /// The thing whose lines arrive.
    root: Option<u64>,
    gathered: Batch,
    full: VecDeque<Batch>,
}

impl Cutter {
    pub(super) fn new(
        layout: Layout,
        options: &BulkOptions,
        arriving: mpsc::Receiver<Piece>,
    ) -> Self {
        Self {
            arriving,
            arrivals: Some(Arrivals::new(layout, options)),
            cut: Cut::default(),
        }
    }

    fn end(&mut self, promise: Promise) -> Result<(), BulkError> {
        if let Some(arrivals) = self.arrivals.take() {
            promise.compare(arrivals.end(|line| self.cut.take(line))?)?;
            self.cut
                .full
                .push_back(std::mem::take(&mut self.cut.gathered));
        }
        Ok(())
    }
}

impl Batches for Cutter {
    /// Ends with an error when the download has failed, which then says so itself.
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, BulkError> {
        loop {
            if let Some(full) = self.cut.full.pop_front() {
                *batch = full;
                return Ok(!batch.is_empty());
            }
            let Some(arrivals) = &mut self.arrivals else {
                return Ok(false);
            };
            match self.arriving.blocking_recv().ok_or_else(cut_short)? {
                Piece::Bytes(all) => {
                    for bytes in all {
                        arrivals.push(&bytes, |line| self.cut.take(line))?;
                    }
                }
                Piece::End(promise) => self.end(promise)?,
            }
        }
    }
}

impl Cut {
    /// Refuses a line that is not where it should be: things in the order of their ids, each with its parts right after
    /// it.
    fn take(&mut self, line: &Arrival<'_>) -> Result<(), BulkError> {
        let root = &mut self.root;
        let in_order = match line.role {
            Role::Root(number) => root.replace(number).is_none_or(|before| before < number),
            Role::Child(_) | Role::Grandchild(_) => root.is_some() && line.root == *root,
        };
        if !in_order {
            return Err(BulkError::OutOfOrder { line: line.number });
        }
        if matches!(line.role, Role::Root(_)) && self.gathered.is_full() {
            self.full.push_back(std::mem::take(&mut self.gathered));
        }
        self.gathered.push(line.head, line.text);
        Ok(())
    }
}
