//! From the operations that have completed to a stream of things.

use std::sync::{Arc, Mutex, PoisonError};

use async_stream::try_stream;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};

use super::cut::Cutter;
use super::decoding::{Things, broken};
use super::fetch::{PIECES, Piece};
use super::layout::Layout;
use super::regroup::Regrouped;
use super::scan::{Scan, Scanned};
use super::shape::Shape;
use super::{Bulk, BulkError, BulkOperation, BulkOptions};
use crate::Error;

impl Bulk {
    /// The things in the files of operations, however their lines are ordered, in the order of their ids.
    pub(super) fn in_any_order<T: Shape>(
        &self,
        operations: Vec<BulkOperation>,
    ) -> impl Stream<Item = Result<Things<T>, Error>> + Send + use<T> {
        let bulk = self.clone();
        try_stream! {
            let scanned = bulk.scan(T::LAYOUT, &operations).await?;
            // Sorts what is left to be sorted, which may take a while.
            let regrouped = spawn_blocking(move || Regrouped::new(scanned, T::LAYOUT));
            let regrouped = regrouped.await.map_err(broken)??;
            let mut things = std::pin::pin!(bulk.decoded::<T>(regrouped));
            while let Some(thing) = things.next().await {
                yield thing?;
            }
        }
    }

    /// Reads the files of operations, and compares them with what Shopify says of them.
    async fn scan(&self, layout: Layout, operations: &[BulkOperation]) -> Result<Scanned, Error> {
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

    /// The things in a file that is in order, as it arrives.
    pub(super) fn as_it_arrives<T: Shape>(
        &self,
        operation: BulkOperation,
    ) -> impl Stream<Item = Result<Things<T>, Error>> + Send + use<T> {
        let bulk = self.clone();
        try_stream! {
            let (pieces, arriving) = mpsc::channel(PIECES);
            let lost = Arc::new(Mutex::new(None));
            // Ends with this stream.
            let mut fetch = JoinSet::new();
            fetch.spawn(bulk.clone().fetch_or_tell(operation, pieces, Arc::clone(&lost)));
            let cutter = Cutter::new(T::LAYOUT, &bulk.options, arriving);
            let mut things = std::pin::pin!(bulk.decoded::<T>(cutter));
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
            Piece::End(promise) => promise.compare(scan.end_file()?)?,
        }
    }
    Ok(scan.finish())
}
