//! From the operations that have completed to a stream of things.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_stream::try_stream;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use super::cut::Cutter;
use super::decode::{families, lines};
use super::regroup::{Taker, regroup};
use super::scan::{Counts, Layout, Scan, Scanned};
use super::shape::Shape;
use super::{Bulk, BulkError, BulkOperation, BulkOptions};
use crate::{Error, ShopClient};

/// How many pieces of a file wait between the network and the scan, and how many bytes make one.
const PIECES: usize = 4;
const PIECE: usize = 128 << 10;
/// How many batches are decoded while the caller is busy with one, beside those in the hands of the decoders.
const AHEAD: usize = 1;

enum Piece {
    Bytes(Vec<Bytes>),
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
            if !self.fetch(operation, &pieces).await? {
                break;
            }
        }
        drop(pieces);
        Ok(scan.await.map_err(broken)??)
    }

    /// Sends a file to its reader. `false`: that has failed, and says why itself.
    async fn fetch(
        &self,
        operation: &BulkOperation,
        pieces: &mpsc::Sender<Piece>,
    ) -> Result<bool, Error> {
        let mut file = self.download(operation);
        let (mut gathered, mut length) = (Vec::new(), 0);
        while let Some(bytes) = file.next().await {
            let bytes = bytes?;
            length += bytes.len();
            gathered.push(bytes);
            if length >= PIECE {
                length = 0;
                let piece = Piece::Bytes(std::mem::take(&mut gathered));
                if pieces.send(piece).await.is_err() {
                    return Ok(false);
                }
            }
        }
        let last = pieces.send(Piece::Bytes(gathered)).await;
        let end = pieces.send(Piece::End(promised(operation))).await;
        Ok(last.is_ok() && end.is_ok())
    }

    /// The things in the files of operations, in the order of their ids.
    pub(super) fn join<T: Shape>(
        &self,
        scanned: Scanned,
    ) -> impl Stream<Item = Result<T, BulkError>> + Send + use<T> {
        let options = Arc::clone(&self.options);
        self.decoded(move |give| regroup(scanned, T::LAYOUT, &options, give))
    }

    /// The things in a file that is in order, as it arrives.
    pub(super) fn as_it_arrives<T: Shape>(
        &self,
        operation: BulkOperation,
    ) -> impl Stream<Item = Result<T, Error>> + Send + use<T> {
        let bulk = self.clone();
        try_stream! {
            let (pieces, arriving) = mpsc::channel(PIECES);
            let lost = Arc::new(Mutex::new(None));
            // Ends with this stream.
            let mut fetch = JoinSet::new();
            fetch.spawn(bulk.clone().fetch_or_tell(operation, pieces, Arc::clone(&lost)));
            let options = Arc::clone(&bulk.options);
            let things = bulk.decoded(move |give| cut_pieces(T::LAYOUT, &options, arriving, give));
            let mut things = std::pin::pin!(things);
            while let Some(thing) = things.next().await {
                let lost = || lost.lock().unwrap_or_else(PoisonError::into_inner).take();
                yield thing.map_err(|error| lost().unwrap_or_else(|| error.into()))?;
            }
        }
    }

    /// Says why before its reader finds that the file ends too early.
    async fn fetch_or_tell(
        self,
        operation: BulkOperation,
        pieces: mpsc::Sender<Piece>,
        lost: Arc<Mutex<Option<Error>>>,
    ) {
        if let Err(error) = self.fetch(&operation, &pieces).await {
            *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// Turns batches of whole things into things, on several threads. `read` brings the batches in their order.
    fn decoded<T, R>(&self, read: R) -> impl Stream<Item = Result<T, BulkError>> + Send + use<T, R>
    where
        T: Shape,
        R: FnOnce(&mut Taker<'_>) -> Result<(), BulkError> + Send + 'static,
    {
        let (shop, decoders) = (self.shop.clone(), self.options.decoders.max(1));
        let (batches, arriving) = mpsc::channel(1);
        try_stream! {
            let reader =
                spawn_blocking(move || read(&mut |batch| batches.blocking_send(batch).is_ok()));
            let arriving = futures::stream::unfold(arriving, |mut arriving| async {
                let batch = arriving.recv().await?;
                Some((batch, arriving))
            });
            let decoded = arriving.map(|batch: Vec<u8>| {
                let shop = shop.clone();
                spawn_blocking(move || decode_batch::<T>(&shop, &batch))
            });
            let mut decoded = std::pin::pin!(decoded.buffered(decoders + AHEAD));
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
            Piece::Bytes(all) => all.iter().try_for_each(|bytes| scan.push(bytes))?,
            Piece::End(promised) => compare(promised, scan.end_file()?)?,
        }
    }
    scan.finish()
}

/// Ends without the end of the file when the download has failed, which then says so itself.
fn cut_pieces(
    layout: Layout,
    options: &BulkOptions,
    mut arriving: mpsc::Receiver<Piece>,
    give: &mut Taker<'_>,
) -> Result<(), BulkError> {
    let mut cutter = Cutter::new(layout, options);
    while let Some(piece) = arriving.blocking_recv() {
        match piece {
            Piece::Bytes(all) => {
                for bytes in all {
                    if !cutter.push(&bytes, give)? {
                        return Ok(());
                    }
                }
            }
            Piece::End(promised) => return compare(promised, cutter.finish(give)?),
        }
    }
    Err(BulkError::Download {
        reason: "it ended too early".to_owned(),
        source: None,
    })
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

fn decode_batch<T: Shape>(shop: &ShopClient, batch: &[u8]) -> Result<Vec<T>, BulkError> {
    let lines = lines(batch)?;
    let mut things = Vec::new();
    let mut scratch = String::new();
    for family in families(&lines, T::LAYOUT.root) {
        let mut thing = T::assemble(&family?, &mut scratch)?;
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
