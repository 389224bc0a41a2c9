//! Checks each shop: state, token, scopes, webhooks, last run and published snapshot.

use std::sync::Arc;

use spaces_store::{SpoolConfig, Store};
use sync_core::ports::{Clock, Publisher, RunLog, ShopRegistry};
use sync_core::{Outcome, PortError, Shop, ShopDomain, ShopStatus};
use sync_db::Database;

use super::report::Report;
use super::with_timeout;
use crate::adapters::{
    ShopTokens, ShopifyApp, SpacesSnapshots, SubscriptionDefect, SystemClock, shopify_error,
    subscription_defects, to_client_domain, topics,
};
use crate::operations::scopes::missing_scopes;
use crate::settings::Settings;
use crate::terminal::{CommandError, remedy_for};

/// How many shops are read per query.
const PAGE: u32 = 200;

/// A last full scan older than this means that a daily poll was missed.
const POLL_OVERDUE: chrono::TimeDelta = chrono::TimeDelta::hours(26);

/// What the checks of a shop use; `None` for what is not usable.
pub(super) struct Backends<'a> {
    pub(super) settings: &'a Settings,
    pub(super) database: &'a Database,
    pub(super) store: Option<Store>,
    pub(super) shopify: Option<ShopifyApp>,
}

/// Checks every shop, or only one.
pub(super) async fn examine_all(
    backends: &Backends<'_>,
    only: Option<&ShopDomain>,
    report: &mut Report,
) {
    match shops(backends.database, only).await {
        Ok(shops) => {
            if let (Some(only), true) = (only, shops.is_empty()) {
                let remedy = format!(
                    "`shopsync install-url {0}` or `shopsync connect {0}`",
                    only.name()
                );
                report.fail(only.as_str(), "is not installed", remedy);
            } else if shops.is_empty() {
                report.skip(
                    "shops",
                    "none is installed; run `shopsync install-url SHOP`",
                );
            }
            for shop in &shops {
                examine(backends, shop, report).await;
            }
        }
        Err(error) => report.fail("shops", error.chain(), "check the database"),
    }
}

async fn shops(database: &Database, only: Option<&ShopDomain>) -> Result<Vec<Shop>, PortError> {
    if let Some(only) = only {
        return Ok(database.find(only).await?.into_iter().collect());
    }
    let mut shops: Vec<Shop> = Vec::new();
    loop {
        let after = shops.last().map(|shop| shop.domain.clone());
        let page = database.list(after.as_ref(), PAGE).await?;
        if page.is_empty() {
            return Ok(shops);
        }
        shops.extend(page);
    }
}

async fn examine(backends: &Backends<'_>, shop: &Shop, report: &mut Report) {
    let name = shop.domain.name();
    match shop.status {
        ShopStatus::Active => {}
        ShopStatus::Unavailable(reason) => report.fail(
            name,
            format!("Shopify refuses requests: {}", shop.status.as_str()),
            remedy_for(reason, &shop.domain),
        ),
        ShopStatus::Paused => {
            report.warn(
                name,
                "is paused: it is not read",
                "resume it where it was paused",
            );
        }
        ShopStatus::Uninstalled => {
            return report.skip(
                name,
                "the app was uninstalled; its last snapshot stays unchanged",
            );
        }
    }
    if let Some(shopify) = &backends.shopify {
        examine_access(backends, shopify, shop, report).await;
    }
    examine_runs(backends, shop, report).await;
    examine_snapshot(backends, shop, report).await;
}

/// Checks the shop's token, scopes and webhook subscriptions.
async fn examine_access(
    backends: &Backends<'_>,
    shopify: &ShopifyApp,
    shop: &Shop,
    report: &mut Report,
) {
    let name = shop.domain.name();
    let subject = |what: &str| format!("{name}: {what}");
    let tokens = ShopTokens::new(
        Arc::new(backends.database.clone()),
        Arc::new(shopify.grants()),
        Arc::new(SystemClock),
    );
    let domain = to_client_domain(&shop.domain);
    let client = shopify
        .client()
        .shop(&domain, tokens.for_shop(&shop.domain));
    let scopes = match with_timeout(client.granted_scopes()).await {
        Some(Ok(scopes)) => scopes,
        Some(Err(error)) => {
            let error = shopify_error("use its token", error);
            let remedy = CommandError::from_port(&error, &shop.domain).remedy();
            report.fail(subject("token"), error.chain(), remedy);
            return;
        }
        None => return report.fail(subject("token"), "no response in time", "try again later"),
    };
    let missing = missing_scopes(&backends.settings.shopify.scopes, &scopes);
    if missing.is_empty() {
        report.ok(subject("token"), "works and has all scopes");
    } else {
        report.fail(
            subject("token"),
            format!("works, but lacks the scopes {}", missing.join(", ")),
            format!(
                "install the app again, the grant page requests them: `shopsync install-url {name}`"
            ),
        );
    }
    let address = &backends.settings.shopify.webhook_address;
    if address.is_empty() {
        return report.skip(subject("webhooks"), "SHOPIFY_WEBHOOK_ADDRESS is not set");
    }
    match with_timeout(client.webhook_subscriptions()).await {
        Some(Ok(listed)) => {
            let defects = subscription_defects(&listed, address);
            report_webhooks(&defects, address, &subject("webhooks"), name, report);
        }
        Some(Err(error)) => {
            let error = shopify_error("list its webhooks", error);
            let remedy = CommandError::from_port(&error, &shop.domain).remedy();
            report.fail(subject("webhooks"), error.chain(), remedy);
        }
        None => report.fail(
            subject("webhooks"),
            "no response in time",
            "try again later",
        ),
    }
}

/// Reports the subscriptions that differ from those that the service needs.
fn report_webhooks(
    defects: &[(&str, SubscriptionDefect)],
    address: &str,
    subject: &str,
    name: &str,
    report: &mut Report,
) {
    if defects.is_empty() {
        let count = topics::SUBSCRIBED.len();
        return report.ok(
            subject,
            format!("all {count} topics are subscribed, at {address}"),
        );
    }
    let remedy = format!(
        "run `shopsync sync {name}` to repair them; if that fails, the log contains Shopify's reason"
    );
    let (mut warnings, mut failures) = (Vec::new(), Vec::new());
    for (topic, defect) in defects {
        match defect {
            SubscriptionDefect::Missing => warnings.push(format!("{topic} is not subscribed")),
            SubscriptionDefect::Duplicate => warnings.push(format!("{topic} is subscribed twice")),
            SubscriptionDefect::Elsewhere { uri } => {
                failures.push(format!("{topic} is delivered to {uri}"));
            }
            SubscriptionDefect::Incomplete => {
                failures.push(format!("{topic} is delivered in part or not as JSON"));
            }
        }
    }
    if !warnings.is_empty() {
        report.warn(subject, warnings.join(", "), remedy.clone());
    }
    if !failures.is_empty() {
        report.fail(subject, failures.join(", "), remedy);
    }
}

async fn examine_runs(backends: &Backends<'_>, shop: &Shop, report: &mut Report) {
    let name = shop.domain.name();
    let subject = format!("{name}: runs");
    let newest = match backends.database.recent(Some(&shop.domain), 1).await {
        Ok(runs) => runs.into_iter().next(),
        Err(error) => return report.fail(subject, error.chain(), "check the database"),
    };
    let Some(scanned) = shop.reconciled_at else {
        let remedy = format!("start the service, or run `shopsync sync {name}`");
        return report.warn(subject, "no full scan has succeeded yet", remedy);
    };
    match newest.and_then(|run| run.finished.map(|(_, report)| report.outcome)) {
        Some(Outcome::Failed {
            error, will_retry, ..
        }) => {
            let remedy = if will_retry {
                "wait: a running service retries it automatically".to_owned()
            } else {
                format!("fix the cause, then run `shopsync sync {name}`")
            };
            return report.fail(subject, format!("the last run failed: {error}"), remedy);
        }
        Some(Outcome::Halted {
            kind,
            missing,
            known,
        }) => {
            let detail = format!(
                "the last run halted: {missing} of {known} items of kind {kind} disappeared at once"
            );
            let remedy =
                format!("if this is intended, run `shopsync sync {name} --accept-deletions`");
            return report.fail(subject, detail, remedy);
        }
        _ => {}
    }
    let when = scanned.format("%Y-%m-%d %H:%M UTC");
    if backends.settings.poll.enabled && SystemClock.now() - scanned > POLL_OVERDUE {
        let detail = format!("the last full scan was at {when}: a daily poll was missed");
        return report.warn(
            subject,
            detail,
            "check that the service is running, and check its log",
        );
    }
    report.ok(subject, format!("the last full scan was at {when}"));
}

/// Checks that the snapshot in the Space is the one that was published.
async fn examine_snapshot(backends: &Backends<'_>, shop: &Shop, report: &mut Report) {
    let name = shop.domain.name();
    let subject = format!("{name}: snapshot");
    let Some(store) = &backends.store else {
        return report.skip(subject, "not checked: the Space cannot be read");
    };
    let Some((_, generation, published_hash)) = shop.published else {
        return report.skip(subject, "not checked: none has been published");
    };
    let snapshots = SpacesSnapshots::new(store.clone(), SpoolConfig::default());
    let resync = format!("run `shopsync sync {name}` to upload it again");
    match with_timeout(snapshots.inspect(&shop.domain)).await {
        Some(Ok(Some(found))) if found.hash == published_hash => report.ok(
            subject,
            format!(
                "{}: generation {generation}, {} bytes, as published",
                found.key, found.bytes
            ),
        ),
        Some(Ok(Some(found))) => {
            report.fail(
                subject,
                format!("{} differs from what was published", found.key),
                resync,
            );
        }
        Some(Ok(None)) => report.fail(subject, "missing from the Space", resync),
        Some(Err(error)) => report.fail(subject, error.chain(), "check the Space, see above"),
        None => report.warn(subject, "no response in time", "try again"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    fn statuses(defects: &[SubscriptionDefect]) -> Vec<Status> {
        let defects: Vec<_> = defects
            .iter()
            .map(|defect| ("shop/update", defect.clone()))
            .collect();
        let mut report = Report::new(true);
        report_webhooks(&defects, "https://h.example/", "webhooks", "a", &mut report);
        report.statuses()
    }

    #[test]
    fn missing_webhooks_warn_and_those_that_lose_changes_fail() {
        use SubscriptionDefect::{Duplicate, Elsewhere, Incomplete, Missing};
        let elsewhere = Elsewhere {
            uri: "https://old.example/".to_owned(),
        };
        assert_eq!(statuses(&[]), [Status::Ok]);
        assert_eq!(statuses(&[Missing, Duplicate]), [Status::Warn]);
        assert_eq!(statuses(&[elsewhere.clone()]), [Status::Fail]);
        assert_eq!(statuses(&[Incomplete]), [Status::Fail]);
        assert_eq!(
            statuses(&[Missing, elsewhere]),
            [Status::Warn, Status::Fail]
        );
    }
}
