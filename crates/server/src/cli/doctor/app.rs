//! Checks Shopify, the clock and the public webhook address.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Response};
use shopify_client::{API_VERSION, Endpoint};
use sync_core::ports::Clock;
use sync_core::{ShopDomain, error_chain};

use super::report::Report;
use crate::adapters::{ShopifyApp, SystemClock, to_client_domain};
use crate::http_client;
use crate::operations::delivery_test::DeliveryTest;
use crate::settings::{NetworkSettings, Settings, non_empty};

/// The tolerated clock difference. Signatures allow 15 minutes, an installation's `timestamp` less.
const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);

/// A shop that does not exist: a delivery for it is answered with 200 and not stored.
const UNKNOWN_SHOP: &str = "shopsync-doctor.myshopify.com";

/// Checks that Shopify responds. Returns the app if its settings are valid.
pub(super) async fn examine(
    settings: &Settings,
    only: Option<&ShopDomain>,
    report: &mut Report,
) -> Option<ShopifyApp> {
    let subject = "shopify";
    let endpoint = match Endpoint::custom(&settings.shopify.endpoint) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            report.fail(subject, error.to_string(), "remove SHOPIFY_ENDPOINT");
            return None;
        }
    };
    let shop = only.cloned().or_else(|| UNKNOWN_SHOP.parse().ok())?;
    let path = format!("/admin/api/{API_VERSION}/graphql.json");
    let url = endpoint.url(&to_client_domain(&shop), &path);
    let place = url.host_str().unwrap_or_default().to_owned();
    // Sent without a token: any response shows that Shopify can be reached.
    match client(&settings.network).map(|client| client.post(url)) {
        Ok(request) => match request.send().await {
            Ok(response) => {
                report.ok(subject, format!("{place} responds"));
                examine_clock(&response, report);
            }
            Err(error) => report.fail(
                subject,
                format!("{place}: {}", error_chain(&error.without_url())),
                "check the network, the proxy and the trusted certificates of this machine",
            ),
        },
        Err(error) => report.fail(
            subject,
            error_chain(&error),
            "check this machine's TLS configuration",
        ),
    }
    match ShopifyApp::new(&settings.shopify, &settings.network) {
        Ok(app) => Some(app),
        Err(error) => {
            report.fail(subject, error_chain(&error), "check the SHOPIFY_… settings");
            None
        }
    }
}

fn client(network: &NetworkSettings) -> reqwest::Result<Client> {
    http_client::builder(network)?
        .timeout(Duration::from_secs(10))
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("shopsync-doctor/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Compares this machine's clock with the `Date` header of Shopify's response.
fn examine_clock(response: &Response, report: &mut Report) {
    let date = response.headers().get(reqwest::header::DATE);
    let Some(theirs) = date.and_then(|date| parse_date(date.to_str().ok()?)) else {
        return;
    };
    let ahead = SystemClock.now() - theirs;
    if ahead.abs() <= MAX_CLOCK_SKEW {
        return report.ok("clock", "agrees with Shopify's");
    }
    let word = if ahead > TimeDelta::zero() {
        "ahead of"
    } else {
        "behind"
    };
    report.warn(
        "clock",
        format!("{} seconds {word} Shopify's", ahead.num_seconds().abs()),
        "correct this machine's clock: signatures and tokens depend on it",
    );
}

/// Parses an HTTP date (RFC 9110, 5.6.7).
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

/// Checks that the public webhook address accepts a signed delivery and rejects a forged one.
pub(super) async fn examine_webhook_address(settings: &Settings, report: &mut Report) {
    let subject = "webhook address";
    let address = &settings.shopify.webhook_address;
    let secret = non_empty(&settings.shopify.api_secret);
    let (false, Some(secret)) = (address.is_empty(), secret) else {
        return report.skip(
            subject,
            "not checked: SHOPIFY_WEBHOOK_ADDRESS or SHOPIFY_API_SECRET is not set",
        );
    };
    let Ok(shop) = UNKNOWN_SHOP.parse() else {
        return;
    };
    let test = DeliveryTest::new(address, secret, &settings.network);
    let result = match test.accepts_signed(&shop).await {
        Ok(()) => test.rejects_forged(&shop).await,
        failed => failed,
    };
    match result {
        Ok(()) => report.ok(
            subject,
            "accepts a signed delivery and rejects a forged one",
        ),
        Err(error) if error.is_unreachable() => {
            report.warn(subject, error.to_string(), error.remedy());
        }
        Err(error) => report.fail(subject, error.to_string(), error.remedy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_parsed() {
        let expected: DateTime<Utc> = "2026-11-24T12:00:01Z".parse().unwrap();
        assert_eq!(parse_date("Tue, 24 Nov 2026 12:00:01 GMT"), Some(expected));
        assert_eq!(parse_date("soon"), None);
    }
}
