use std::sync::Arc;

use shopify_client::webhook::topic_constant;
use spaces_store::{SpoolConfig, Store};
use sync_core::ports::{Clock, RunLog, ShopRegistry, SnapshotStore};
use sync_core::{Outcome, PortError, Shop, ShopDomain, ShopStatus};
use sync_db::Database;

use super::report::Report;
use super::with_timeout;
use crate::adapters::{
    ShopTokens, ShopifyApp, SpacesSnapshots, SystemClock, shopify_error, to_client_domain, topics,
};
use crate::cli::connect::missing_scopes;
use crate::settings::Settings;
use crate::terminal::{CommandError, remedy_for};

/// How many shops are read together.
const PAGE: u32 = 200;

/// A daily poll later than this did not take place.
const POLL_OVERDUE: chrono::TimeDelta = chrono::TimeDelta::hours(26);

/// What shops are examined with; what is not usable is absent.
pub(super) struct Backends<'a> {
    pub(super) settings: &'a Settings,
    pub(super) database: &'a Database,
    pub(super) store: Option<Store>,
    pub(super) shopify: Option<ShopifyApp>,
}

/// Every shop, or one of them.
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
                    "none is installed yet; `shopsync install-url SHOP` says how",
                );
            }
            for shop in &shops {
                examine(backends, shop, report).await;
            }
        }
        Err(error) => report.fail("shops", error.chain(), "look at the database"),
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
            format!("Shopify refuses us: {}", shop.status.as_str()),
            remedy_for(reason, &shop.domain),
        ),
        ShopStatus::Paused => {
            report.warn(
                name,
                "is paused: nothing is read",
                "resume it where it was paused",
            );
        }
        ShopStatus::Uninstalled => {
            return report.skip(
                name,
                "the app was uninstalled; its last snapshot stays as it is",
            );
        }
    }
    if let Some(shopify) = &backends.shopify {
        examine_access(backends, shopify, shop, report).await;
    }
    examine_runs(backends, shop, report).await;
    examine_snapshot(backends, shop, report).await;
}

/// Its token, its permissions, its webhooks.
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
        None => return report.fail(subject("token"), "no answer in time", "try again later"),
    };
    let missing = missing_scopes(&backends.settings.shopify.scopes, &scopes);
    if missing.is_empty() {
        report.ok(subject("token"), "works, with all permissions");
    } else {
        report.fail(
            subject("token"),
            format!("works, but does not permit {}", missing.join(", ")),
            format!("install again, the grant page asks for them: `shopsync install-url {name}`"),
        );
    }
    let address = &backends.settings.shopify.webhook_address;
    if address.is_empty() {
        return report.skip(subject("webhooks"), "SHOPIFY_WEBHOOK_ADDRESS is not set");
    }
    match with_timeout(client.webhook_subscriptions()).await {
        Some(Ok(found)) => {
            let found: Vec<_> = found
                .iter()
                .map(|one| (one.topic.as_str(), one.uri.as_str()))
                .collect();
            examine_webhooks(&found, address, &subject("webhooks"), name, report);
        }
        Some(Err(error)) => {
            let error = shopify_error("list its webhooks", error);
            let remedy = CommandError::from_port(&error, &shop.domain).remedy();
            report.fail(subject("webhooks"), error.chain(), remedy);
        }
        None => report.fail(subject("webhooks"), "no answer in time", "try again later"),
    }
}

/// Whether every topic is subscribed to, at the right address. `found` are topics in the API's form and addresses.
fn examine_webhooks(
    found: &[(&str, &str)],
    address: &str,
    subject: &str,
    name: &str,
    report: &mut Report,
) {
    let (mut missing, mut elsewhere) = (Vec::new(), Vec::new());
    for topic in topics::SUBSCRIBED {
        let api_form = topic_constant(topic);
        if found.contains(&(api_form.as_str(), address)) {
            continue;
        }
        match found.iter().find(|(known, _)| *known == api_form) {
            Some((_, uri)) => elsewhere.push(format!("{topic} at {uri}")),
            None => missing.push(topic),
        }
    }
    if missing.is_empty() && elsewhere.is_empty() {
        let count = topics::SUBSCRIBED.len();
        return report.ok(
            subject,
            format!("all {count} topics are subscribed to, at {address}"),
        );
    }
    let remedy = format!(
        "`shopsync sync {name}` mends them; if it does not, the log says what Shopify refuses"
    );
    if !missing.is_empty() {
        let detail = format!("not subscribed to {}", missing.join(", "));
        report.warn(subject, detail, remedy.clone());
    }
    if !elsewhere.is_empty() {
        report.fail(
            subject,
            format!("wrong address: {}", elsewhere.join(", ")),
            remedy,
        );
    }
}

async fn examine_runs(backends: &Backends<'_>, shop: &Shop, report: &mut Report) {
    let name = shop.domain.name();
    let subject = format!("{name}: runs");
    let newest = match backends.database.recent(Some(&shop.domain), 1).await {
        Ok(runs) => runs.into_iter().next(),
        Err(error) => return report.fail(subject, error.chain(), "look at the database"),
    };
    let Some(scanned) = shop.reconciled_at else {
        let remedy = format!("start the service, or `shopsync sync {name}`");
        return report.warn(subject, "no full scan has succeeded yet", remedy);
    };
    match newest.and_then(|run| run.finished.map(|(_, report)| report.outcome)) {
        Some(Outcome::Failed { error, will_retry }) => {
            let remedy = if will_retry {
                "wait: it is tried again by itself while the service runs".to_owned()
            } else {
                format!("mend that, then `shopsync sync {name}`")
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
            let remedy = format!("if that is meant: `shopsync sync {name} --accept-deletions`");
            return report.fail(subject, detail, remedy);
        }
        _ => {}
    }
    let when = scanned.format("%Y-%m-%d %H:%M UTC");
    if backends.settings.poll.enabled && SystemClock.now() - scanned > POLL_OVERDUE {
        let detail = format!("the last full scan was at {when}: a daily poll has not taken place");
        return report.warn(
            subject,
            detail,
            "look whether the service runs, and at its log",
        );
    }
    report.ok(subject, format!("the last full scan was at {when}"));
}

/// Whether the Space holds what was put there.
async fn examine_snapshot(backends: &Backends<'_>, shop: &Shop, report: &mut Report) {
    let name = shop.domain.name();
    let subject = format!("{name}: snapshot");
    let Some(store) = &backends.store else {
        return report.skip(subject, "the Space cannot be read");
    };
    let Some((_, generation, recorded)) = shop.published else {
        return report.skip(subject, "none was published yet");
    };
    let snapshots = SpacesSnapshots::new(store.clone(), SpoolConfig::default());
    let resync = format!("`shopsync sync {name}` uploads it anew");
    match with_timeout(snapshots.inspect(&shop.domain)).await {
        Some(Ok(Some(found))) if found.hash == recorded => report.ok(
            subject,
            format!(
                "{}: generation {generation}, {} bytes, as recorded",
                found.key, found.bytes
            ),
        ),
        Some(Ok(Some(found))) => {
            report.fail(
                subject,
                format!("{} holds other bytes than were recorded", found.key),
                resync,
            );
        }
        Some(Ok(None)) => report.fail(subject, "it is not in the Space", resync),
        Some(Err(error)) => report.fail(subject, error.chain(), "look at the Space above"),
        None => report.warn(subject, "it could not be read in time", "try again"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    const HERE: &str = "https://h.example/shopify/webhook";

    fn statuses(change: impl Fn(&mut Vec<(String, String)>)) -> Vec<Status> {
        let mut found: Vec<_> = topics::SUBSCRIBED
            .iter()
            .map(|topic| (topic_constant(topic), HERE.to_owned()))
            .collect();
        change(&mut found);
        let mut report = Report::new(true);
        let found: Vec<_> = found
            .iter()
            .map(|(topic, uri)| (topic.as_str(), uri.as_str()))
            .collect();
        examine_webhooks(&found, HERE, "webhooks", "a", &mut report);
        report.statuses()
    }

    #[test]
    fn missing_and_misdirected_webhooks_are_told_apart() {
        assert_eq!(statuses(|_| {}), [Status::Ok]);
        assert_eq!(statuses(|found| drop(found.pop())), [Status::Warn]);
        let astray = statuses(|found| found[0].1 = "https://old.example/".to_owned());
        assert_eq!(astray, [Status::Fail]);
        let both =
            statuses(|found| found.push(("SHOP_UPDATE".into(), "https://old.example/".into())));
        assert_eq!(both, [Status::Ok]);
    }
}
