//! Records the webhook deliveries that request work, to measure the time from a change to its publication.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sync_core::ports::Inbox;
use sync_core::{
    ClaimOutcome, Delivery, DirtyItem, Lease, PortError, RecordOutcome, Settlement, ShopDomain,
    Timestamp, WorkKind, WorkOutcome, WorkRequest,
};

/// The deliveries since the last call of [`DeliveryProbe::take`].
#[derive(Debug, Clone, Default)]
pub(super) struct DeliveryProbe(Arc<Mutex<Vec<ObservedDelivery>>>);

/// A delivery that was recorded as new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObservedDelivery {
    /// When the shop changed: the trigger time of the delivery, else the time of receipt.
    pub(super) changed_at: Timestamp,
    /// The topic of the delivery.
    pub(super) topic: String,
}

impl DeliveryProbe {
    /// Wraps an inbox so that its deliveries are recorded here.
    pub(super) fn wrap(&self, inbox: Arc<dyn Inbox>) -> Arc<dyn Inbox> {
        Arc::new(ProbedInbox {
            inbox,
            probe: self.clone(),
        })
    }

    fn observe(&self, delivery: &Delivery) {
        let observed = ObservedDelivery {
            changed_at: delivery.triggered_at.unwrap_or(delivery.received_at),
            topic: delivery.topic.clone(),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observed);
    }

    /// Removes and returns the observed deliveries, the earliest change first.
    pub(super) fn take(&self) -> Vec<ObservedDelivery> {
        let mut observed =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        observed.sort_by_key(|delivery| delivery.changed_at);
        observed
    }
}

/// An inbox that reports its deliveries to a probe.
struct ProbedInbox {
    inbox: Arc<dyn Inbox>,
    probe: DeliveryProbe,
}

#[async_trait]
impl Inbox for ProbedInbox {
    async fn record(
        &self,
        delivery: &Delivery,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<RecordOutcome, PortError> {
        let outcome = self.inbox.record(delivery, request, run_after).await?;
        if outcome == RecordOutcome::New && !request.is_empty() {
            self.probe.observe(delivery);
        }
        Ok(outcome)
    }

    async fn request(
        &self,
        shop: &ShopDomain,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<(), PortError> {
        self.inbox.request(shop, request, run_after).await
    }

    async fn claim(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<ClaimOutcome, PortError> {
        self.inbox.claim(only, now, until).await
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError> {
        self.inbox.renew(lease, until).await
    }

    async fn dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, PortError> {
        self.inbox.dirty(lease, now, limit).await
    }

    async fn settle(&self, lease: &Lease, settlement: &Settlement) -> Result<bool, PortError> {
        self.inbox.settle(lease, settlement).await
    }

    async fn release(
        &self,
        lease: &Lease,
        outcomes: &[(WorkKind, WorkOutcome)],
    ) -> Result<(), PortError> {
        self.inbox.release(lease, outcomes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::database_in_memory;
    use sync_core::{DeliverySubject, ItemKey};

    #[tokio::test]
    async fn deliveries_that_request_work_are_observed_once_the_earliest_first() {
        let probe = DeliveryProbe::default();
        let inbox = probe.wrap(Arc::new(database_in_memory().await));
        let delivery = |id: &str, time: &str| {
            let at = testkit::at(&format!("2026-11-24T{time}Z"));
            let subject = DeliverySubject::Item(ItemKey::SHOP);
            let mut delivery = testkit::delivery(&testkit::shop("a"), id, subject, at);
            delivery.triggered_at = Some(at);
            delivery
        };
        let request = WorkRequest::items(vec![ItemKey::SHOP]);
        for (id, time) in [("2", "10:00:02"), ("1", "10:00:01"), ("1", "10:00:01")] {
            let delivery = delivery(id, time);
            inbox
                .record(&delivery, &request, delivery.received_at)
                .await
                .unwrap();
        }
        let nothing = delivery("3", "09:00:00");
        inbox
            .record(&nothing, &WorkRequest::default(), nothing.received_at)
            .await
            .unwrap();
        let observed: Vec<_> = probe
            .take()
            .iter()
            .map(|delivery| delivery.changed_at.timestamp() % 60)
            .collect();
        assert_eq!(observed, [1, 2]);
        assert_eq!(probe.take(), []);
    }
}
