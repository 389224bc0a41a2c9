//! Decodes batches on several threads.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_stream::try_stream;
use futures::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use super::assemble::BulkObject;
use super::batch::{Batch, BatchSource};
use super::decode::{ObjectLines, group_by_root};
use super::line_ids::ObjectId;
use super::{Bulk, BulkError};
use crate::catalog::UnreadableObject;
use crate::{Error, Gid, ShopClient};

/// How many decoded batches may wait for the caller, besides those being decoded.
const QUEUED_BATCHES: usize = 2;

/// The objects of a batch, or the error of the batch. An unreadable object does not affect the others.
type DecodeResult<T> = Result<Objects<T>, BulkError>;
pub(super) type Objects<T> = Vec<Result<T, UnreadableObject>>;

impl Bulk {
    /// Decodes batches in their order. The objects of a batch stay together, since they are large and every stream that
    /// passes them on singly moves each of them.
    pub(super) fn decode_batches<T: BulkObject>(
        &self,
        batches: impl BatchSource,
    ) -> impl Stream<Item = Result<Objects<T>, BulkError>> + Send {
        let decoders = self.options.decoder_threads.max(1);
        let shop = self.shop.clone();
        let (results, mut receiver) = mpsc::channel(decoders + QUEUED_BATCHES);
        try_stream! {
            let batches = Arc::new(Mutex::new(Some(batches)));
            let mut threads = JoinSet::new();
            for _ in 0..decoders {
                let (shop, batches, results) = (shop.clone(), Arc::clone(&batches), results.clone());
                threads.spawn_blocking(move || decode_worker::<T>(&shop, &batches, &results));
            }
            drop(results);
            while let Some(result) = receiver.recv().await {
                let result: oneshot::Receiver<DecodeResult<T>> = result;
                // Without a result, the thread has panicked.
                let Ok(objects) = result.await else { break };
                yield objects?;
            }
            // A panic means that objects are missing.
            while let Some(thread) = threads.join_next().await {
                thread.map_err(thread_error)?;
            }
        }
    }
}

/// Runs on each thread: takes a batch, reserves its place in the order of results, decodes it and sends the result.
fn decode_worker<T: BulkObject>(
    shop: &ShopClient,
    batches: &Mutex<Option<impl BatchSource>>,
    results: &mpsc::Sender<oneshot::Receiver<DecodeResult<T>>>,
) {
    let mut batch = Batch::default();
    loop {
        batch.clear();
        let mut source = batches.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = match source.as_mut().map(|source| source.fill(&mut batch)) {
            None | Some(Ok(false)) => return,
            Some(Ok(true)) => Ok(()),
            // Nothing after an error is used.
            Some(Err(error)) => {
                *source = None;
                Err(error)
            }
        };
        let (response, result) = oneshot::channel();
        if results.blocking_send(result).is_err() {
            return;
        }
        drop(source);
        let objects = filled.and_then(|()| decode_batch::<T>(shop, &batch));
        // If the receiver was dropped, sending the next result fails too, which ends the loop.
        drop(response.send(objects));
    }
}

fn decode_batch<T: BulkObject>(shop: &ShopClient, batch: &Batch) -> DecodeResult<T> {
    let lines = batch.lines()?;
    let mut objects = Vec::with_capacity(batch.root_count());
    let mut scratch = String::new();
    for object_lines in group_by_root(&lines, T::LAYOUT.root) {
        objects.push(assemble::<T>(shop, &object_lines?, &mut scratch)?);
    }
    Ok(objects)
}

fn assemble<T: BulkObject>(
    shop: &ShopClient,
    object_lines: &ObjectLines<'_>,
    scratch: &mut String,
) -> Result<Result<T, UnreadableObject>, BulkError> {
    match T::assemble(object_lines, scratch) {
        Ok(mut object) => {
            object.retain_chosen_namespaces(shop);
            object.sort_lists();
            Ok(Ok(object))
        }
        Err(error @ BulkError::InvalidObject { .. }) => {
            let ObjectId { kind, number } = object_lines.root.ids.id;
            let id = Gid::new(kind.name(), number);
            let error = Error::from(error);
            Ok(Err(UnreadableObject { id, error }))
        }
        Err(error) => Err(error),
    }
}

/// The error of a thread that panicked.
pub(super) fn thread_error(error: JoinError) -> BulkError {
    BulkError::TempFile(io::Error::other(error))
}
