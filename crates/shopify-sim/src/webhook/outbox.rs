//! What a shop has sent, has yet to send, or withholds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;

use super::delivery::{Delivery, DeliveryState};
use super::sender::Parcel;
use crate::locks::lock;

/// How many deliveries are remembered.
const REMEMBERED: usize = 20_000;
/// How many bytes of bodies are kept so that deliveries can be repeated.
const BODIES: usize = 64 << 20;

struct Record {
    /// Absent when the body had to make room.
    parcel: Option<Arc<Parcel>>,
    seen: Delivery,
}

/// In which order what was held goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    InOrder,
    Reversed,
    Shuffled(u64),
}

#[derive(Default)]
struct State {
    records: IndexMap<String, Record>,
    /// The records whose parcels are kept, the oldest first.
    kept: VecDeque<String>,
    kept_bytes: usize,
    held: Option<Vec<Arc<Parcel>>>,
    drop: u32,
    duplicate: u32,
}

/// The record of all deliveries of a shop. Sending is the shop's task.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// How many deliveries are under way or wait for a retry.
    open: watch::Sender<usize>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox")
            .field("open", &*self.open.borrow())
            .finish_non_exhaustive()
    }
}

/// Counts a delivery as open until dropped.
#[derive(Debug)]
pub(crate) struct Open(watch::Sender<usize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            open: watch::Sender::new(0),
        }
    }

    /// Takes a new parcel in. What is to be sent at once is returned, as often as it is to be sent.
    pub(crate) fn take(&self, parcel: Parcel) -> Vec<Arc<Parcel>> {
        let parcel = Arc::new(parcel);
        let mut state = lock(&self.state);
        let (outcome, send) = if state.drop > 0 {
            state.drop -= 1;
            (DeliveryState::Dropped, 0)
        } else {
            let copies = if state.duplicate > 0 {
                state.duplicate -= 1;
                2
            } else {
                1
            };
            match &mut state.held {
                Some(held) => {
                    held.extend(std::iter::repeat_n(parcel.clone(), copies));
                    (DeliveryState::Held, 0)
                }
                None => (DeliveryState::Pending, copies),
            }
        };
        state.record(&parcel, outcome);
        vec![parcel; send]
    }

    /// Marks one delivery as open.
    pub(crate) fn open(&self) -> Open {
        self.open.send_modify(|open| *open += 1);
        Open(self.open.clone())
    }

    /// Notes the outcome of a try.
    pub(crate) fn tried(&self, webhook_id: &str, status: Option<u16>) {
        if let Some(record) = lock(&self.state).records.get_mut(webhook_id) {
            record.seen.attempts += 1;
            record.seen.last_status = status;
            if status.is_some_and(|status| (200..300).contains(&status)) {
                record.seen.state = DeliveryState::Delivered;
            }
        }
    }

    /// Notes that no further try will be made.
    pub(crate) fn gave_up(&self, webhook_id: &str) {
        if let Some(record) = lock(&self.state).records.get_mut(webhook_id) {
            record.seen.state = DeliveryState::Failed;
        }
    }

    pub(crate) fn drop_next(&self, count: u32) {
        lock(&self.state).drop = count;
    }

    pub(crate) fn duplicate_next(&self, count: u32) {
        lock(&self.state).duplicate = count;
    }

    /// Withholds all new deliveries.
    pub(crate) fn hold(&self) {
        lock(&self.state).held.get_or_insert_default();
    }

    /// Ends the holding; what was held is returned in the order in which it is to be sent.
    pub(crate) fn release(&self, order: Release) -> Vec<Arc<Parcel>> {
        let mut state = lock(&self.state);
        let mut held = state.held.take().unwrap_or_default();
        for parcel in &held {
            if let Some(record) = state.records.get_mut(&parcel.webhook_id) {
                record.seen.state = DeliveryState::Pending;
            }
        }
        match order {
            Release::InOrder => {}
            Release::Reversed => held.reverse(),
            Release::Shuffled(seed) => held.shuffle(&mut ChaCha8Rng::seed_from_u64(seed)),
        }
        held
    }

    /// The parcel of an earlier delivery, to be sent again. `None` when it is unknown or its body is gone.
    pub(crate) fn again(&self, webhook_id: &str) -> Option<Arc<Parcel>> {
        lock(&self.state).records.get(webhook_id)?.parcel.clone()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let state = lock(&self.state);
        state
            .records
            .values()
            .map(|record| record.seen.clone())
            .collect()
    }

    /// Resolves when nothing is under way and nothing waits for a retry.
    pub(crate) async fn settled(&self) {
        // An error is impossible while `self` holds the sender.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }
}

impl State {
    fn record(&mut self, parcel: &Arc<Parcel>, state: DeliveryState) {
        let seen = Delivery {
            webhook_id: parcel.webhook_id.clone(),
            event_id: parcel.event_id.clone(),
            topic: parcel.topic.clone(),
            address: parcel.address.clone(),
            state,
            attempts: 0,
            last_status: None,
        };
        self.kept_bytes += parcel.body.len();
        self.kept.push_back(parcel.webhook_id.clone());
        self.records.insert(
            parcel.webhook_id.clone(),
            Record {
                parcel: Some(parcel.clone()),
                seen,
            },
        );
        while self.kept_bytes > BODIES && self.kept.len() > 1 {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            let record = self.records.get_mut(&oldest);
            if let Some(parcel) = record.and_then(|record| record.parcel.take()) {
                self.kept_bytes -= parcel.body.len();
            }
        }
        if self.records.len() > REMEMBERED {
            // A batch at a time: removing from the front moves all others.
            for (_, record) in self.records.drain(..REMEMBERED / 10) {
                self.kept_bytes -= record.parcel.map_or(0, |parcel| parcel.body.len());
            }
            let records = &self.records;
            self.kept.retain(|id| records.contains_key(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(number: usize, size: usize) -> Parcel {
        Parcel {
            webhook_id: number.to_string(),
            event_id: number.to_string(),
            topic: "products/update".to_owned(),
            address: "http://127.0.0.1:1/".to_owned(),
            name: None,
            domain: "a.myshopify.com".to_owned(),
            api_version: "2026-10".to_owned(),
            triggered_at: String::new(),
            body: vec![b' '; size].into(),
            subscription: None,
        }
    }

    fn ids(parcels: &[Arc<Parcel>]) -> Vec<&str> {
        parcels
            .iter()
            .map(|parcel| parcel.webhook_id.as_str())
            .collect()
    }

    #[test]
    fn deliveries_are_dropped_duplicated_and_held_as_told() {
        let outbox = Outbox::new();
        outbox.drop_next(1);
        outbox.duplicate_next(1);
        assert_eq!(ids(&outbox.take(parcel(0, 1))), [""; 0]);
        assert_eq!(ids(&outbox.take(parcel(1, 1))), ["1", "1"]);
        assert_eq!(ids(&outbox.take(parcel(2, 1))), ["2"]);
        outbox.hold();
        for number in 3..6 {
            assert!(outbox.take(parcel(number, 1)).is_empty());
        }
        assert_eq!(ids(&outbox.release(Release::Reversed)), ["5", "4", "3"]);
        assert_eq!(ids(&outbox.take(parcel(6, 1))), ["6"]);
        let states: Vec<_> = outbox.deliveries().iter().map(|seen| seen.state).collect();
        assert_eq!(states[0], DeliveryState::Dropped);
        assert!(
            states[1..]
                .iter()
                .all(|state| *state == DeliveryState::Pending)
        );
    }

    #[test]
    fn the_memory_of_deliveries_is_bounded() {
        let outbox = Outbox::new();
        for number in 0..REMEMBERED + 10 {
            outbox.take(parcel(number, BODIES / 1_000));
        }
        assert!(outbox.deliveries().len() <= REMEMBERED);
        assert!(outbox.again("0").is_none());
        assert!(outbox.again(&(REMEMBERED + 9).to_string()).is_some());
        let state = lock(&outbox.state);
        assert!(state.kept_bytes <= BODIES);
        assert!(state.kept.len() <= 1_000);
    }
}
