//! Sends result files in chunks from the network to the thread that parses them.

use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::file_parser::FileCounts;
use super::{Bulk, BulkError, BulkOperation};
use crate::Error;

/// How many chunks may wait between the network and the parser.
pub(super) const CHUNK_QUEUE: usize = 4;
/// The least size of a chunk in bytes, except for the last one.
const CHUNK_BYTES: usize = 128 << 10;

/// A part of a file, or its end.
#[derive(Debug)]
pub(super) enum Chunk {
    Bytes(Vec<Bytes>),
    /// The end of the file.
    End(StatedCounts),
}

/// The length and counts of a file as Shopify states them.
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

    /// Compares them with what was read.
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
            // The download has compared the length already, unless there is no file.
            Some(expected) if expected != found.bytes => Err(BulkError::LengthMismatch {
                expected,
                found: found.bytes,
            }),
            _ => Ok(()),
        }
    }
}

impl Bulk {
    /// Sends a file to its parser. Returns `false` if the parser has stopped, which reports the error itself.
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

/// The error of a file whose end did not arrive.
pub(super) fn ended_early() -> BulkError {
    BulkError::Download {
        reason: "the file ended early".to_owned(),
        source: None,
    }
}
