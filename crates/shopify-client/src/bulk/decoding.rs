//! Decoding on several threads.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_stream::try_stream;
use futures::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use super::batch::{Batch, Batches};
use super::decode::{Family, families};
use super::head::Key;
use super::shape::Shape;
use super::{Bulk, BulkError};
use crate::catalog::UnreadableObject;
use crate::{Error, Gid, ShopClient};

/// How many batches are decoded while the caller is busy with one, beside those in the hands of the decoders.
const AHEAD: usize = 2;

/// The things of a batch, or why there are none. What is wrong with one thing is no matter of the others.
type Decoded<T> = Result<Things<T>, BulkError>;
pub(super) type Things<T> = Vec<Result<T, UnreadableObject>>;

impl Bulk {
    /// Turns batches of whole things into things, in the order of the batches. They stay together as far as possible:
    /// things are large, and each stream that passes them on one by one moves each of them.
    pub(super) fn decoded<T: Shape>(
        &self,
        batches: impl Batches,
    ) -> impl Stream<Item = Result<Things<T>, BulkError>> + Send {
        let decoders = self.options.decoder_threads.max(1);
        let shop = self.shop.clone();
        let (turns, mut arriving) = mpsc::channel(decoders + AHEAD);
        try_stream! {
            let batches = Arc::new(Mutex::new(Some(batches)));
            let mut threads = JoinSet::new();
            for _ in 0..decoders {
                let (shop, batches, turns) = (shop.clone(), Arc::clone(&batches), turns.clone());
                threads.spawn_blocking(move || decode::<T>(&shop, &batches, &turns));
            }
            drop(turns);
            while let Some(turn) = arriving.recv().await {
                let turn: oneshot::Receiver<Decoded<T>> = turn;
                // Without an answer, its thread has ended otherwise than by returning.
                let Ok(things) = turn.await else { break };
                yield things?;
            }
            // Only now is it certain that this was all.
            while let Some(thread) = threads.join_next().await {
                thread.map_err(broken)?;
            }
        }
    }
}

/// One thread's part: takes a batch, and its turn among those who want to answer, again and again.
fn decode<T: Shape>(
    shop: &ShopClient,
    batches: &Mutex<Option<impl Batches>>,
    turns: &mpsc::Sender<oneshot::Receiver<Decoded<T>>>,
) {
    let mut batch = Batch::default();
    loop {
        batch.clear();
        let mut source = batches.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = match source.as_mut().map(|source| source.fill(&mut batch)) {
            None | Some(Ok(false)) => return,
            Some(Ok(true)) => Ok(()),
            // Nothing that comes after an error is of use.
            Some(Err(error)) => {
                *source = None;
                Err(error)
            }
        };
        let (answer, turn) = oneshot::channel();
        if turns.blocking_send(turn).is_err() {
            return;
        }
        drop(source);
        let things = filled.and_then(|()| decode_batch::<T>(shop, &batch));
        // Whoever does not want it will not take another turn.
        drop(answer.send(things));
    }
}

fn decode_batch<T: Shape>(shop: &ShopClient, batch: &Batch) -> Decoded<T> {
    let lines = batch.lines()?;
    let mut things = Vec::with_capacity(batch.things());
    let mut scratch = String::new();
    for family in families(&lines, T::LAYOUT.root) {
        things.push(one::<T>(shop, &family?, &mut scratch)?);
    }
    Ok(things)
}

fn one<T: Shape>(
    shop: &ShopClient,
    family: &Family<'_>,
    scratch: &mut String,
) -> Result<Result<T, UnreadableObject>, BulkError> {
    match T::assemble(family, scratch) {
        Ok(mut thing) => {
            thing.retain_chosen_namespaces(shop);
            thing.sort_lists();
            Ok(Ok(thing))
        }
        Err(error @ BulkError::InvalidObject { .. }) => {
            let Key { kind, number } = family.root.head.id;
            let id = Gid::new(kind.name(), number);
            let error = Error::from(error);
            Ok(Err(UnreadableObject { id, error }))
        }
        Err(error) => Err(error),
    }
}

/// A thread that ended otherwise than by returning.
pub(super) fn broken(error: JoinError) -> BulkError {
    BulkError::TempFile(io::Error::other(error))
}
