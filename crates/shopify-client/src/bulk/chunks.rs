//! The files of operations on their way from the network to the thread that reads them.

use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::file_parser::FileCounts;
use super::{Bulk, BulkError, BulkOperation};
use crate::Error;

/// How many pieces of a file wait between the network and its reader, and how many bytes make one.
pub(super) const CHUNK_QUEUE: usize = 4;
const CHUNK_BYTES: usize = 128 << 10;

#[derive(Debug)]
pub(super) enum Chunk {
    Bytes(Vec<Bytes>),
    /// The file is over.
    End(StatedCounts),
}

/// What Shopify says of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatedCounts {
    bytes: Option<u64>,
    objects: u64,
    roots: u64,
}

impl StatedCounts {
    fn of(operation: &BulkOperation) -> Self {
        Self {
            bytes: operation.file_size,
            objects: operation.object_count,
            roots: operation.root_object_count,
        }
    }

    /// Refuses a file that is otherwise.
    pub(super) fn check(self, found: FileCounts) -> Result<(), BulkError> {
        for (what, expected, found) in [
            ("objects", self.objects, found.objects),
            ("root objects", self.roots, found.roots),
        ] {
            if expected != found {
                return Err(BulkError::CountMismatch {
                    what,
                    expected,
                    found,
                });
            }
        }
        match self.bytes {
            // The download has compared it already, unless there is no file.
            Some(expected) if expected != found.bytes => Err(BulkError::LengthMismatch {
                expected,
                found: found.bytes,
            }),
            _ => Ok(()),
        }
    }
}

impl Bulk {
    /// Sends a file to its reader. `false`: that has failed, and says why itself.
    pub(super) async fn send_file(
        &self,
        operation: &BulkOperation,
        chunks: &mpsc::Sender<Chunk>,
    ) -> Result<bool, Error> {
        let mut file = self.download(operation);
        let (mut buffered, mut length) = (Vec::new(), 0);
        while let Some(bytes) = file.next().await {
            let bytes = bytes?;
            length += bytes.len();
            buffered.push(bytes);
            if length >= CHUNK_BYTES {
                length = 0;
                let chunk = Chunk::Bytes(std::mem::take(&mut buffered));
                if chunks.send(chunk).await.is_err() {
                    return Ok(false);
                }
            }
        }
        let last = chunks.send(Chunk::Bytes(buffered)).await;
        let end = chunks.send(Chunk::End(StatedCounts::of(operation))).await;
        Ok(last.is_ok() && end.is_ok())
    }
}

/// A file whose end did not arrive.
pub(super) fn ended_early() -> BulkError {
    BulkError::Download {
        reason: "it ended too early".to_owned(),
        source: None,
    }
}
