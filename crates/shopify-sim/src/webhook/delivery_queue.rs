//! Records the deliveries of a shop, and holds, drops or duplicates them on request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;

use super::delivery::{Delivery, DeliveryState};
use super::sender::QueuedDelivery;
use crate::locks::lock;

/// How many deliveries are recorded.
const MAX_RECORDS: usize = 20_000;
/// How many bytes of bodies are stored for sending deliveries again.
const MAX_BODY_BYTES: usize = 64 << 20;

struct Record {
    /// Absent if the body was discarded to free memory.
    queued: Option<Arc<QueuedDelivery>>,
    delivery: Delivery,
}

/// The order in which held deliveries are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    InOrder,
    Reversed,
    Shuffled(u64),
}

#[derive(Default)]
struct State {
    records: IndexMap<String, Record>,
    /// The ids of records with a body, oldest first.
    with_bodies: VecDeque<String>,
    body_bytes: usize,
    held: Option<Vec<Arc<QueuedDelivery>>>,
    drop: u32,
    duplicate: u32,
}

/// The record of all deliveries of a shop. The shop sends them.
pub(crate) struct DeliveryQueue {
    state: Mutex<State>,
    /// How many deliveries are in flight or waiting for a retry.
    in_flight: watch::Sender<usize>,
}

impl std::fmt::Debug for DeliveryQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveryQueue")
            .field("in_flight", &*self.in_flight.borrow())
            .finish_non_exhaustive()
    }
}

/// Counts a delivery as in flight until dropped.
#[derive(Debug)]
pub(crate) struct InFlightGuard(watch::Sender<usize>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.send_modify(|in_flight| *in_flight -= 1);
    }
}

impl DeliveryQueue {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            in_flight: watch::Sender::new(0),
        }
    }

    /// Adds a delivery. Returns what to send now, once for each copy.
    pub(crate) fn push(&self, delivery: QueuedDelivery) -> Vec<Arc<QueuedDelivery>> {
        let delivery = Arc::new(delivery);
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
                    held.extend(std::iter::repeat_n(delivery.clone(), copies));
                    (DeliveryState::Held, 0)
                }
                None => (DeliveryState::Pending, copies),
            }
        };
        state.record(&delivery, outcome);
        vec![delivery; send]
    }

    /// Counts a delivery as in flight.
    pub(crate) fn track(&self) -> InFlightGuard {
        self.in_flight.send_modify(|in_flight| *in_flight += 1);
        InFlightGuard(self.in_flight.clone())
    }

    /// Records the result of an attempt.
    pub(crate) fn record_attempt(&self, webhook_id: &str, status: Option<u16>) {
        if let Some(record) = lock(&self.state).records.get_mut(webhook_id) {
            record.delivery.attempts += 1;
            record.delivery.last_status = status;
            if status.is_some_and(|status| (200..300).contains(&status)) {
                record.delivery.state = DeliveryState::Delivered;
            }
        }
    }

    /// Records that all attempts have failed.
    pub(crate) fn record_failure(&self, webhook_id: &str) {
        if let Some(record) = lock(&self.state).records.get_mut(webhook_id) {
            record.delivery.state = DeliveryState::Failed;
        }
    }

    pub(crate) fn drop_next(&self, count: u32) {
        lock(&self.state).drop = count;
    }

    pub(crate) fn duplicate_next(&self, count: u32) {
        lock(&self.state).duplicate = count;
    }

    /// Holds all new deliveries.
    pub(crate) fn hold(&self) {
        lock(&self.state).held.get_or_insert_default();
    }

    /// Stops holding. Returns the held deliveries in the order in which to send them.
    pub(crate) fn release(&self, order: Release) -> Vec<Arc<QueuedDelivery>> {
        let mut state = lock(&self.state);
        let mut held = state.held.take().unwrap_or_default();
        for delivery in &held {
            if let Some(record) = state.records.get_mut(&delivery.webhook_id) {
                record.delivery.state = DeliveryState::Pending;
            }
        }
        match order {
            Release::InOrder => {}
            Release::Reversed => held.reverse(),
            Release::Shuffled(seed) => held.shuffle(&mut ChaCha8Rng::seed_from_u64(seed)),
        }
        held
    }

    /// An earlier delivery, for sending it again. `None` if it is unknown or its body was discarded.
    pub(crate) fn queued(&self, webhook_id: &str) -> Option<Arc<QueuedDelivery>> {
        lock(&self.state).records.get(webhook_id)?.queued.clone()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let state = lock(&self.state);
        state
            .records
            .values()
            .map(|record| record.delivery.clone())
            .collect()
    }

    /// Completes when no delivery is in flight or waiting for a retry.
    pub(crate) async fn settled(&self) {
        // An error is impossible while `self` holds the sender.
        let _ = self
            .in_flight
            .subscribe()
            .wait_for(|in_flight| *in_flight == 0)
            .await;
    }
}

impl State {
    fn record(&mut self, queued: &Arc<QueuedDelivery>, state: DeliveryState) {
        let delivery = Delivery {
            webhook_id: queued.webhook_id.clone(),
            event_id: queued.event_id.clone(),
            topic: queued.topic.clone(),
            address: queued.address.clone(),
            state,
            attempts: 0,
            last_status: None,
        };
        self.body_bytes += queued.body.len();
        self.with_bodies.push_back(queued.webhook_id.clone());
        self.records.insert(
            queued.webhook_id.clone(),
            Record {
                queued: Some(queued.clone()),
                delivery,
            },
        );
        while self.body_bytes > MAX_BODY_BYTES && self.with_bodies.len() > 1 {
            let Some(oldest) = self.with_bodies.pop_front() else {
                break;
            };
            let record = self.records.get_mut(&oldest);
            if let Some(queued) = record.and_then(|record| record.queued.take()) {
                self.body_bytes -= queued.body.len();
            }
        }
        if self.records.len() > MAX_RECORDS {
            // In batches: removing from the front moves all others.
            for (_, record) in self.records.drain(..MAX_RECORDS / 10) {
                self.body_bytes -= record.queued.map_or(0, |queued| queued.body.len());
            }
            let records = &self.records;
            self.with_bodies.retain(|id| records.contains_key(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(number: usize, size: usize) -> QueuedDelivery {
        QueuedDelivery {
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

    fn ids(deliveries: &[Arc<QueuedDelivery>]) -> Vec<&str> {
        deliveries
            .iter()
            .map(|delivery| delivery.webhook_id.as_str())
            .collect()
    }

    #[test]
    fn deliveries_are_dropped_duplicated_and_held_on_request() {
        let delivery_queue = DeliveryQueue::new();
        delivery_queue.drop_next(1);
        delivery_queue.duplicate_next(1);
        assert_eq!(ids(&delivery_queue.push(delivery(0, 1))), [""; 0]);
        assert_eq!(ids(&delivery_queue.push(delivery(1, 1))), ["1", "1"]);
        assert_eq!(ids(&delivery_queue.push(delivery(2, 1))), ["2"]);
        delivery_queue.hold();
        for number in 3..6 {
            assert!(delivery_queue.push(delivery(number, 1)).is_empty());
        }
        assert_eq!(
            ids(&delivery_queue.release(Release::Reversed)),
            ["5", "4", "3"]
        );
        assert_eq!(ids(&delivery_queue.push(delivery(6, 1))), ["6"]);
        let states: Vec<_> = delivery_queue
            .deliveries()
            .iter()
            .map(|delivery| delivery.state)
            .collect();
        assert_eq!(states[0], DeliveryState::Dropped);
        assert!(
            states[1..]
                .iter()
                .all(|state| *state == DeliveryState::Pending)
        );
    }

    #[test]
    fn the_memory_of_deliveries_is_bounded() {
        let delivery_queue = DeliveryQueue::new();
        for number in 0..MAX_RECORDS + 10 {
            delivery_queue.push(delivery(number, MAX_BODY_BYTES / 1_000));
        }
        assert!(delivery_queue.deliveries().len() <= MAX_RECORDS);
        assert!(delivery_queue.queued("0").is_none());
        assert!(
            delivery_queue
                .queued(&(MAX_RECORDS + 9).to_string())
                .is_some()
        );
        let state = lock(&delivery_queue.state);
        assert!(state.body_bytes <= MAX_BODY_BYTES);
        assert!(state.with_bodies.len() <= 1_000);
    }
}
