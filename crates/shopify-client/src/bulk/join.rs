//! From the operations that have completed to a stream of things.

use std::io;
use std::sync::Arc;

use async_stream::try_stream;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};

use super::decode::families;
use super::regroup::regroup;
use super::scan::{Counts, Layout, Scan, Scanned};
use super::shape::Shape;
use super::{Bulk, BulkError, BulkOperation, BulkOptions};
use crate::{Error, ShopClient};

/// How many pieces of a file wait between the network and the scan.
const PIECES: usize = 16;

enum Piece {
    Bytes(Bytes),
    /// The file is over, and should have been like this.
    End(Counts),
}

impl Bulk {
    /// Reads the files of operations into a spool, and compares them with what Shopify says of them.
    pub(super) async fn scan(
        &self,
        layout: Layout,
        operations: &[BulkOperation],
    ) -> Result<Scanned, Error> {
        let (pieces, arriving) = mpsc::channel(PIECES);
        let options = Arc::clone(&self.options);
        let scan = spawn_blocking(move || scan_pieces(layout, &options, arriving));
        for operation in operations {
            let mut file = self.download(operation);
            while let Some(bytes) = file.next().await {
                if pieces.send(Piece::Bytes(bytes?)).await.is_err() {
                    break;
                }
            }
            if pieces.send(Piece::End(promised(operation))).await.is_err() {
                break;
            }
        }
        drop(pieces);
        Ok(scan.await.map_err(broken)??)
    }

    /// The things in the files of operations, in the order of their ids.
    pub(super) fn join<T: Shape>(
        &self,
        scanned: Scanned,
    ) -> impl Stream<Item = Result<T, BulkError>> + Send + use<T> {
        let (shop, options) = (self.shop.clone(), Arc::clone(&self.options));
        try_stream! {
            let decoders = options.decoders.max(1);
            let (batches, arriving) = mpsc::channel(1);
            let reader = spawn_blocking(move || {
                regroup(scanned, T::LAYOUT, &options, &mut |batch| {
                    batches.blocking_send(batch).is_ok()
                })
            });
            let arriving = futures::stream::unfold(arriving, |mut arriving| async {
                let batch = arriving.recv().await?;
                Some((batch, arriving))
            });
            let decoded = arriving.map(|batch| {
                let shop = shop.clone();
                spawn_blocking(move || decode_batch::<T>(&shop, &batch))
            });
            let mut decoded = std::pin::pin!(decoded.buffered(decoders));
            while let Some(things) = decoded.next().await {
                for thing in things.map_err(broken)?? {
                    yield thing;
                }
            }
            // Only now is it certain that this was all.
            reader.await.map_err(broken)??;
        }
    }
}

fn promised(operation: &BulkOperation) -> Counts {
    Counts {
        // The download has compared it already, unless there is no file.
        bytes: operation.file_size.unwrap_or_default(),
        objects: operation.object_count,
        roots: operation.root_object_count,
    }
}

fn scan_pieces(
    layout: Layout,
    options: &BulkOptions,
    mut arriving: mpsc::Receiver<Piece>,
) -> Result<Scanned, BulkError> {
    let mut scan = Scan::new(layout, options);
    while let Some(piece) = arriving.blocking_recv() {
        match piece {
            Piece::Bytes(bytes) => scan.push(&bytes)?,
            Piece::End(promised) => compare(promised, scan.end_file()?)?,
        }
    }
    scan.finish()
}

fn compare(promised: Counts, found: Counts) -> Result<(), BulkError> {
    for (what, expected, found) in [
        ("objects", promised.objects, found.objects),
        ("root objects", promised.roots, found.roots),
    ] {
        if expected != found {
            return Err(BulkError::Count {
                what,
                expected,
                found,
            });
        }
    }
    // A size of none is a size that was not stated.
    if promised.bytes != 0 && promised.bytes != found.bytes {
        return Err(BulkError::Length {
            expected: promised.bytes,
            found: found.bytes,
        });
    }
    Ok(())
}

fn decode_batch<T: Shape>(shop: &ShopClient, lines: &[u8]) -> Result<Vec<T>, BulkError> {
    let families = families(lines, T::LAYOUT.root)?;
    let mut things = Vec::with_capacity(families.len());
    let mut scratch = Vec::new();
    for family in &families {
        let mut thing = T::assemble(family, &mut scratch)?;
        thing.keep_chosen(shop);
        thing.put_in_order();
        things.push(thing);
    }
    Ok(things)
}

/// A thread that ended otherwise than by returning.
fn broken(error: JoinError) -> BulkError {
    BulkError::Disk(io::Error::other(error))
}
