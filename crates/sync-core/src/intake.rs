//! Records verified webhook deliveries and requests the work they cause, before the HTTP response is sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::ports::{Clock, Inbox, ShopRegistry};
use crate::progress::{Event, Observer};
use crate::run::Trigger;
use crate::{Delivery, DeliverySubject, PortError, RecordOutcome, Shop, ShopEvent, WorkRequest};

/// Turns verified deliveries into work requests.
///
/// It uses the state database only, so that the response stays within Shopify's limit of five seconds when Shopify or
/// the Space is down.
#[derive(Clone)]
pub struct Intake {
    registry: Arc<dyn ShopRegistry>,
    inbox: Arc<dyn Inbox>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    observer: Arc<dyn Observer>,
    debounce: Duration,
}

/// The result of [`Intake::receive`]. Each one is a success for the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeOutcome {
    /// The delivery and its work request are on disk.
    Recorded,
    /// The delivery was already recorded.
    Duplicate,
    /// The shop is not installed; nothing was stored.
    UnknownShop,
    /// The delivery ends an installation that a newer one has replaced; nothing was stored.
    Outdated,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake")
            .field("debounce", &self.debounce)
            .finish_non_exhaustive()
    }
}

impl Intake {
    /// Creates an intake.
    ///
    /// Requested work falls due `debounce` after the first delivery of a burst, so that a burst causes one run. `wake` is
    /// notified when something was stored, and `observer` of what.
    pub fn new(
        registry: Arc<dyn ShopRegistry>,
        inbox: Arc<dyn Inbox>,
        clock: Arc<dyn Clock>,
        wake: Arc<Notify>,
        observer: Arc<dyn Observer>,
        debounce: Duration,
    ) -> Self {
        Self {
            registry,
            inbox,
            clock,
            wake,
            observer,
            debounce,
        }
    }

    /// Stores a delivery whose signature has been verified. It is on disk when this returns `Ok`.
    ///
    /// # Errors
    /// When the delivery could not be stored. The HTTP response must make Shopify retry.
    pub async fn receive(&self, delivery: &Delivery) -> Result<IntakeOutcome, PortError> {
        let Some(shop) = self.registry.find(&delivery.shop).await? else {
            return Ok(IntakeOutcome::UnknownShop);
        };
        if delivery.subject == DeliverySubject::Uninstalled {
            if precedes_installation(delivery, &shop) {
                return Ok(IntakeOutcome::Outdated);
            }
            // Idempotent, so it may precede the recording: if that fails, Shopify delivers again.
            let event = ShopEvent::Uninstalled;
            if let Some(status) = self.registry.change_status(&shop.domain, event).await? {
                let shop = shop.domain.clone();
                self.observer
                    .observe(&Event::StatusChanged { shop, status });
            }
        }
        let run_after = self.clock.now() + self.debounce;
        let request = request_for(delivery.subject);
        let recorded = self.inbox.record(delivery, &request, run_after).await?;
        if recorded == RecordOutcome::New && !request.is_empty() {
            self.observer.observe(&Event::Delivered {
                shop: delivery.shop.clone(),
                topic: delivery.topic.clone(),
                changed_at: delivery.triggered_at.unwrap_or(delivery.received_at),
            });
        }
        self.wake.notify_one();
        Ok(match recorded {
            RecordOutcome::New => IntakeOutcome::Recorded,
            RecordOutcome::Duplicate => IntakeOutcome::Duplicate,
        })
    }
}

/// Shopify may deliver up to a day late. A late uninstallation must not end a newer installation.
fn precedes_installation(delivery: &Delivery, shop: &Shop) -> bool {
    delivery
        .triggered_at
        .is_some_and(|at| at < shop.installed_at)
}

fn request_for(subject: DeliverySubject) -> WorkRequest {
    match subject {
        DeliverySubject::Item(key) => WorkRequest::items(vec![key]),
        DeliverySubject::Scopes => WorkRequest::full(Trigger::Webhook),
        DeliverySubject::Redact => WorkRequest::erase(),
        DeliverySubject::Uninstalled | DeliverySubject::Nothing => WorkRequest::default(),
    }
}
