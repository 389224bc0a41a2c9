//! Audits the shop's webhook subscriptions.

use super::run::{RunContext, RunError};
use crate::Outcome;

impl RunContext<'_> {
    /// Shopify removes API subscriptions after repeated delivery failures, so every full scan is requested with an audit,
    /// which recreates missing ones. A topic that the shop refuses does not fail it.
    pub(super) async fn subscribe(&mut self) -> Result<Outcome, RunError> {
        let shop = self.shop();
        let audit = self.engine.ports.catalog.audit_subscriptions(shop).await?;
        for topic in audit.created.iter().chain(&audit.updated) {
            log::info!(shop:%, run:% = self.run, topic = topic.as_str(); "Repaired the webhook subscription to {topic}, which was missing or had a wrong address");
        }
        for (topic, reason) in &audit.failed {
            log::warn!(shop:%, run:% = self.run, topic = topic.as_str(); "The shop refused a webhook subscription to {topic}: {reason}");
        }
        Ok(Outcome::Unchanged)
    }
}
