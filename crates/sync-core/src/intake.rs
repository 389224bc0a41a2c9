//! What happens to a delivery before it is answered.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::ports::{Clock, Inbox, ShopRegistry};
use crate::run::Trigger;
use crate::{Delivery, DeliverySubject, PortError, RecordOutcome, Shop, ShopStatus, WorkRequest};

/// Turns verified deliveries into demands. Talks to the state database only, so that it can answer within
/// Shopify's five seconds whatever else is down.
#[derive(Clone)]
pub struct Intake {
    registry: Arc<dyn ShopRegistry>,
    inbox: Arc<dyn Inbox>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    debounce: Duration,
}

/// What became of a delivery. In each case the sender must be told that it succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeOutcome {
    /// It is on disk, with the work that it asks for.
    Recorded,
    /// It had arrived before.
    Duplicate,
    /// No such shop is installed; nothing was stored.
    UnknownShop,
    /// It speaks of an installation that has since been replaced; nothing was stored.
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
    /// An intake. Work that a delivery asks for starts `debounce` after the first of a burst, so that a burst
    /// becomes one run; `wake` is rung when something was stored.
    pub fn new(
        registry: Arc<dyn ShopRegistry>,
        inbox: Arc<dyn Inbox>,
        clock: Arc<dyn Clock>,
        wake: Arc<Notify>,
        debounce: Duration,
    ) -> Self {
        Self {
            registry,
            inbox,
            clock,
            wake,
            debounce,
        }
    }

    /// Stores a delivery whose signature has been verified. It is on disk when this returns `Ok`.
    ///
    /// # Errors
    /// When it could not be stored: the sender must be told to try again.
    pub async fn receive(&self, delivery: &Delivery) -> Result<IntakeOutcome, PortError> {
        let Some(shop) = self.registry.find(&delivery.shop).await? else {
            return Ok(IntakeOutcome::UnknownShop);
        };
        if delivery.subject == DeliverySubject::Uninstalled {
            if precedes_installation(delivery, &shop) {
                return Ok(IntakeOutcome::Outdated);
            }
            // Idempotent, so it may come before the delivery is recorded: if recording fails, the
            // sender tries again.
            self.registry
                .set_status(&shop.domain, ShopStatus::Uninstalled)
                .await?;
        }
        let run_after = self.clock.now() + self.debounce;
        let recorded = self
            .inbox
            .record(delivery, &request_for(delivery.subject), run_after)
            .await?;
        self.wake.notify_one();
        Ok(match recorded {
            RecordOutcome::New => IntakeOutcome::Recorded,
            RecordOutcome::Duplicate => IntakeOutcome::Duplicate,
        })
    }
}

/// Shopify may deliver up to a day late: an uninstallation that was followed by a new installation must not
/// end the latter.
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
