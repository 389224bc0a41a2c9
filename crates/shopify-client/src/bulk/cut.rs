//! The only reading of a file that is in order: it is cut into batches of whole things while it arrives.

use memchr::memchr;

use super::head::Head;
use super::regroup::Taker;
use super::scan::{BATCH, Counts, Layout, Order, Role};
use super::{BulkError, BulkOptions};

#[derive(Debug)]
pub(super) struct Cutter {
    layout: Layout,
    max_line: usize,
    /// Whole lines, and the beginning of one that has not arrived.
    gathered: Vec<u8>,
    /// Where that one begins.
    begin: usize,
    counts: Counts,
    order: Order,
}

impl Cutter {
    pub(super) fn new(layout: Layout, options: &BulkOptions) -> Self {
        Self {
            layout,
            max_line: options.max_line,
            gathered: Vec::with_capacity(BATCH * 2),
            begin: 0,
            counts: Counts::default(),
            order: Order::default(),
        }
    }

    /// Takes the next bytes of the file, and passes on what is enough for a batch. `false`: nobody wants more.
    pub(super) fn push(&mut self, bytes: &[u8], give: &mut Taker<'_>) -> Result<bool, BulkError> {
        let mut searched = self.gathered.len();
        self.counts.bytes += bytes.len() as u64;
        self.gathered.extend_from_slice(bytes);
        while let Some(length) = memchr(b'\n', &self.gathered[searched..]) {
            let end = searched + length;
            searched = end + 1;
            if self.line(end)? && self.begin >= BATCH {
                searched -= self.begin;
                if !self.pass_on(give) {
                    return Ok(false);
                }
            }
            self.begin = searched;
        }
        self.check_length(self.gathered.len() - self.begin)?;
        Ok(true)
    }

    /// Ends the file.
    pub(super) fn finish(mut self, give: &mut Taker<'_>) -> Result<Counts, BulkError> {
        self.line(self.gathered.len())?;
        if !self.gathered.is_empty() {
            give(self.gathered);
        }
        Ok(self.counts)
    }

    /// Looks at the line that ends here. `true`: a thing begins with it.
    fn line(&mut self, end: usize) -> Result<bool, BulkError> {
        let line = &self.gathered[self.begin..end];
        if line.is_empty() {
            return Ok(false);
        }
        self.check_length(line.len())?;
        self.counts.objects += 1;
        let number = self.counts.objects;
        let head = Head::read(line).ok_or(BulkError::Line { line: number })?;
        let role = self.layout.role(&head)?;
        self.order.see(&self.layout, &head, role, line);
        if !self.order.grouped {
            return Err(BulkError::Disorder { line: number });
        }
        self.counts.roots += u64::from(role == Role::Root);
        Ok(role == Role::Root)
    }

    /// Passes on all lines before the present one.
    fn pass_on(&mut self, give: &mut Taker<'_>) -> bool {
        let mut next = Vec::with_capacity(BATCH * 2);
        next.extend_from_slice(&self.gathered[self.begin..]);
        let mut batch = std::mem::replace(&mut self.gathered, next);
        batch.truncate(self.begin);
        self.begin = 0;
        give(batch)
    }

    fn check_length(&self, length: usize) -> Result<(), BulkError> {
        if length <= self.max_line {
            return Ok(());
        }
        Err(BulkError::LineTooLong {
            line: self.counts.objects + 1,
            limit: self.max_line,
        })
    }
}
