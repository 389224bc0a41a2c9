//! Reads the result files of completed operations into a stream of objects.

use std::sync::{Arc, Mutex, PoisonError};

use async_stream::try_stream;
use futures::{FutureExt, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::assemble::BulkObject;
use super::chunks::{CHUNK_QUEUE, Chunk};
use super::decode_pool::{Objects, thread_error};
use super::grouped::GroupedFile;
use super::layout::Layout;
use super::partition::{Partitioner, Partitions};
use super::regroup::RegroupedLines;
use super::{Bulk, BulkError, BulkOperation, BulkOptions};
use crate::Error;

impl Bulk {
    /// Reads the objects in the files of operations, whose lines may be in any order, in the order of their ids.
    pub(super) fn read_unordered<T: BulkObject>(
        &self,
        operations: Vec<BulkOperation>,
    ) -> impl Stream<Item = Result<Objects<T>, Error>> + Send + use<T> {
        let bulk = self.clone();
        try_stream! {
            let partitions = bulk.partition(T::LAYOUT, &operations).await?;
            // Finishes sorting, which may take a while.
            let regrouped = spawn_blocking(move || RegroupedLines::new(partitions, T::LAYOUT));
            let regrouped = regrouped.await.map_err(thread_error)??;
            let mut objects = std::pin::pin!(bulk.decode_batches::<T>(regrouped));
            while let Some(object) = objects.next().await {
                yield object?;
            }
        }
    }

    /// Downloads and partitions the files of operations, and compares them with the counts that Shopify states.
    async fn partition(
        &self,
        layout: Layout,
        operations: &[BulkOperation],
    ) -> Result<Partitions, Error> {
        let (chunks, receiver) = mpsc::channel(CHUNK_QUEUE);
        let options = Arc::clone(&self.options);
        let partitioning = spawn_blocking(move || partition_chunks(layout, &options, receiver));
        for operation in operations {
            if !self.send_file(operation, &chunks).await? {
                break;
            }
        }
        drop(chunks);
        Ok(partitioning.await.map_err(thread_error)??)
    }

    /// Reads the objects in a grouped file during its download.
    pub(super) fn read_grouped<T: BulkObject>(
        &self,
        operation: BulkOperation,
    ) -> impl Stream<Item = Result<Objects<T>, Error>> + Send + use<T> {
        let bulk = self.clone();
        try_stream! {
            let (chunks, receiver) = mpsc::channel(CHUNK_QUEUE);
            let stored_error = Arc::new(Mutex::new(None));
            // Polled here and not in a task of its own, so that its log lines have the context of the caller's task.
            let fetch = bulk.clone().send_file_or_store_error(operation, chunks, Arc::clone(&stored_error));
            let mut fetch = std::pin::pin!(fetch.fuse());
            let file = GroupedFile::new(T::LAYOUT, &bulk.options, receiver);
            let mut objects = std::pin::pin!(bulk.decode_batches::<T>(file));
            loop {
                let object = tokio::select! {
                    object = objects.next() => object,
                    () = &mut fetch => continue,
                };
                let Some(object) = object else { break };
                let stored_error = || stored_error.lock().unwrap_or_else(PoisonError::into_inner).take();
                yield object.map_err(|error| stored_error().unwrap_or_else(|| error.into()))?;
            }
        }
    }

    /// Stores the error of a download before the parser sees that the file ends early.
    async fn send_file_or_store_error(
        self,
        operation: BulkOperation,
        chunks: mpsc::Sender<Chunk>,
        stored_error: Arc<Mutex<Option<Error>>>,
    ) {
        if let Err(error) = self.send_file(&operation, &chunks).await {
            *stored_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }
}

fn partition_chunks(
    layout: Layout,
    options: &BulkOptions,
    mut receiver: mpsc::Receiver<Chunk>,
) -> Result<Partitions, BulkError> {
    let mut partitioner = Partitioner::new(layout, options);
    while let Some(chunk) = receiver.blocking_recv() {
        match chunk {
            Chunk::Bytes(all) => all.iter().try_for_each(|bytes| partitioner.push(bytes))?,
            Chunk::End(stated) => stated.check(partitioner.end_file()?)?,
        }
    }
    Ok(partitioner.finish())
}
