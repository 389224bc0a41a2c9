//! Completes an installation: stores the shop, registers webhooks, tests webhook delivery and polling, then requests the
//! first full scan.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sync_core::ports::SubscriptionAudit;
use sync_core::{
    Installation, ItemKind, Outcome, PortError, RunId, ShopDomain, Trigger, WorkRequest,
};
use tokio::time::Instant;

use crate::adapters::snapshot_key;
use crate::operations::delivery_test::DeliveryTest;
use crate::operations::scopes::missing_scopes;
use crate::service::Service;

/// How many of a shop's newest runs are read for the report.
const RECENT_RUNS: u32 = 50;

/// How many characters of a shop's reason for refusing a topic are kept.
const MAX_REASON_CHARS: usize = 120;

/// The outcome of a step of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The step succeeded.
    Success,
    /// The step failed.
    Failed,
    /// The polling test failed; callers rely on this word for it.
    Error,
    /// The step has not finished.
    Running,
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The outcome.
    pub status: Status,
    /// Why the test failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A topic that the shop refuses a subscription to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicFailure {
    /// The topic, such as `products/update`.
    pub topic: String,
    /// The shop's reason.
    pub reason: String,
}

/// The results of the steps before the first upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// The shop.
    pub shop: ShopDomain,
    /// Whether webhook subscriptions could be created.
    pub webhook_status: Status,
    /// Why none could be created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_message: Option<String>,
    /// The topics that the shop refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhook_failures: Vec<TopicFailure>,
    /// Whether a signed test delivery arrived.
    pub webhook_test: CheckResult,
    /// Whether the shop can be read by polling.
    pub polling_test: CheckResult,
}

/// The report that the callback returns. Never contains a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstallationReport {
    /// The results of the steps before the first upload.
    #[serde(flatten)]
    pub checks: Checks,
    /// The outcome of the first upload.
    pub upload_status: Status,
    /// Why the upload failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_message: Option<String>,
    /// The document's key once it is in the Space.
    pub snapshot: Option<String>,
}

/// The result of an installation: its checks, and the first upload if one was requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallationResult {
    /// The results of the checks.
    pub checks: Checks,
    /// The first upload, if all checks passed.
    pub upload: Option<FirstUpload>,
}

/// A first full scan that has been requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstUpload {
    /// The shop's newest run before the request; `None` if there was none.
    after: Option<i64>,
}

impl Status {
    /// The word used in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Running => "running",
        }
    }
}

impl CheckResult {
    fn passed() -> Self {
        Self {
            status: Status::Success,
            message: None,
        }
    }

    fn failure(status: Status, why: impl Into<String>) -> Self {
        Self {
            status,
            message: Some(why.into()),
        }
    }

    fn has_passed(&self) -> bool {
        self.status == Status::Success
    }
}

impl Checks {
    fn have_passed(&self) -> bool {
        self.webhook_test.has_passed() && self.polling_test.has_passed()
    }
}

/// Why an installation is not stored.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The grant lacks scopes that the app needs.
    #[error("the shop has not granted the scopes {}", .0.join(", "))]
    MissingScopes(Vec<String>),
    /// The state database cannot store it.
    #[error(transparent)]
    State(#[from] PortError),
}

impl Service {
    /// Stores a new shop, or the new installation of a known one.
    ///
    /// # Errors
    /// If scopes are missing, or the state database cannot store it. A known shop then keeps its earlier installation.
    pub async fn install(&self, installation: &Installation) -> Result<(), InstallError> {
        let missing = missing_scopes(&self.settings.shopify.scopes, &installation.scopes);
        if !missing.is_empty() {
            return Err(InstallError::MissingScopes(missing));
        }
        self.ports.registry.install(installation).await?;
        self.tokens.forget(&installation.domain);
        log::info!(shop:% = installation.domain; "The app is installed");
        Ok(())
    }

    /// Subscribes to a new shop's webhooks, tests webhook delivery and polling, and requests the first full scan if both
    /// work.
    ///
    /// # Errors
    /// If the state database cannot be reached. Failures of Shopify are in the checks.
    pub async fn complete_installation(
        &self,
        shop: &ShopDomain,
    ) -> Result<InstallationResult, PortError> {
        let checks = self.check(shop).await;
        let mut upload = None;
        if checks.have_passed() {
            let after = self.run_watch().newest_run(shop).await?.map(|run| run.0);
            let request = WorkRequest::full(Trigger::Backfill);
            let inbox = &self.ports.inbox;
            inbox.request(shop, &request, self.clock.now()).await?;
            self.wake.notify_one();
            upload = Some(FirstUpload { after });
        }
        Ok(InstallationResult { checks, upload })
    }

    async fn check(&self, shop: &ShopDomain) -> Checks {
        let mut checks = Checks {
            shop: shop.clone(),
            webhook_status: Status::Failed,
            webhook_message: None,
            webhook_failures: Vec::new(),
            webhook_test: CheckResult::failure(
                Status::Failed,
                "not run: no webhook subscription was created",
            ),
            polling_test: self.test_poll(shop).await,
        };
        match self.ports.catalog.audit_subscriptions(shop).await {
            Ok(audit) => checks.record_audit(audit),
            Err(error) => {
                log::error!(shop:%; "The webhook subscriptions could not be created: {}", error.chain());
                checks.webhook_message = Some(error.chain());
            }
        }
        if checks.webhook_status == Status::Success {
            checks.webhook_test = self.test_webhook(shop).await;
        }
        checks
    }

    async fn test_webhook(&self, shop: &ShopDomain) -> CheckResult {
        let (app, network) = (&self.settings.shopify, &self.settings.network);
        let test = DeliveryTest::new(&app.webhook_address, &app.api_secret, network);
        match test.accepts_signed(shop).await {
            Ok(()) => CheckResult::passed(),
            Err(why) => {
                log::error!(shop:%; "The test delivery to SHOPIFY_WEBHOOK_ADDRESS failed: {why}");
                CheckResult::failure(Status::Failed, why.to_string())
            }
        }
    }

    /// Reads the shop, which needs no access scope, and counts its products, which needs one.
    async fn test_poll(&self, shop: &ShopDomain) -> CheckResult {
        let catalog = &self.ports.catalog;
        let read = async {
            catalog.probe(shop).await?;
            catalog.count(shop, ItemKind::Product).await
        };
        match read.await {
            Ok(_) => CheckResult::passed(),
            Err(error) => {
                log::error!(shop:%; "The shop cannot be polled: {}", error.chain());
                CheckResult::failure(Status::Error, error.chain())
            }
        }
    }

    /// The current report on an installation, after waiting for the first upload for at most `max_wait`.
    ///
    /// # Errors
    /// If the state database cannot be reached.
    pub async fn installation_report(
        &self,
        result: &InstallationResult,
        max_wait: Duration,
    ) -> Result<InstallationReport, PortError> {
        let checks = result.checks.clone();
        let Some(upload) = result.upload else {
            let why = "not started: a test has failed".to_owned();
            return Ok(InstallationReport::of(checks, Status::Failed, Some(why)));
        };
        let (shop, after) = (&checks.shop, upload.after.map(RunId));
        let deadline = Instant::now() + max_wait;
        let watch = self.run_watch();
        watch.wait_for_full_run(shop, after, deadline).await?;
        let runs = self.ports.runs.recent(Some(shop), RECENT_RUNS).await?;
        let full = runs
            .into_iter()
            .filter(|run| run.full && Some(run.id) > after);
        let ended = full.filter_map(|run| Some((run.started_at, run.finished?.1.outcome)));
        let (starts, outcomes): (Vec<_>, Vec<Outcome>) = ended.unzip();
        // What a scan could not publish is published by a later run.
        let published = match starts.last() {
            Some(start) => {
                let found = self.ports.registry.find(shop).await?;
                let published = found.and_then(|shop| shop.published);
                published.is_some_and(|(at, ..)| at >= *start)
            }
            None => false,
        };
        if published {
            return Ok(InstallationReport {
                snapshot: Some(snapshot_key(shop)?.to_string()),
                ..InstallationReport::of(checks, Status::Success, None)
            });
        }
        Ok(match outcomes.first() {
            None => InstallationReport::of(checks, Status::Running, None),
            Some(newest) => {
                InstallationReport::of(checks, Status::Failed, Some(failure_message(newest)))
            }
        })
    }
}

fn failure_message(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed {
            error,
            will_retry: true,
            ..
        } => format!("{error}; it will be retried"),
        Outcome::Failed { error, .. } => error.clone(),
        _ => "the run stopped before the upload; the log says why".to_owned(),
    }
}

impl Checks {
    fn record_audit(&mut self, audit: SubscriptionAudit) {
        let made = audit.kept + audit.created.len() + audit.updated.len();
        if made > 0 || audit.failed.is_empty() {
            self.webhook_status = Status::Success;
        } else {
            self.webhook_message = Some("the shop refuses every topic".to_owned());
        }
        let failures = audit.failed.into_iter();
        self.webhook_failures = failures
            .map(|(topic, reason)| TopicFailure {
                topic,
                reason: reason.chars().take(MAX_REASON_CHARS).collect(),
            })
            .collect();
        for TopicFailure { topic, reason } in &self.webhook_failures {
            let topic = topic.as_str();
            log::warn!(shop:% = self.shop, topic; "The shop refuses a webhook subscription to {topic}: {reason}");
        }
    }
}

impl InstallationReport {
    fn of(checks: Checks, upload_status: Status, upload_message: Option<String>) -> Self {
        Self {
            checks,
            upload_status,
            upload_message,
            snapshot: None,
        }
    }

    /// Whether the report may still change.
    pub fn is_open(&self) -> bool {
        self.upload_status == Status::Running
            || (self.upload_status == Status::Failed && self.checks.have_passed())
    }
}

/// Sample values for tests.
#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    pub(crate) fn result() -> InstallationResult {
        let failure = TopicFailure {
            topic: "discounts/create".to_owned(),
            reason: "not permitted".to_owned(),
        };
        InstallationResult {
            checks: Checks {
                shop: "a.myshopify.com".parse().unwrap(),
                webhook_status: Status::Success,
                webhook_message: None,
                webhook_failures: vec![failure],
                webhook_test: CheckResult::passed(),
                polling_test: CheckResult::passed(),
            },
            upload: Some(FirstUpload { after: Some(3) }),
        }
    }

    pub(crate) fn report(upload: Status) -> InstallationReport {
        InstallationReport::of(result().checks, upload, None)
    }
}
