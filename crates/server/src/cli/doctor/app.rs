use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Response, StatusCode};
use shopify_client::webhook::sign;
use shopify_client::{API_VERSION, Endpoint};
use sync_core::ShopDomain;
use sync_core::ports::Clock;

use super::error_chain;
use super::report::Report;
use crate::adapters::{ShopifyApp, SystemClock, to_client_domain};
use crate::http_client;
use crate::settings::{NetworkSettings, Settings, non_empty};

/// How far clocks may differ unnoticed. Signatures allow 15 minutes, an installation's `timestamp` less.
const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);

/// Nobody's: a delivery for it is answered and nothing of it is kept.
const UNKNOWN_SHOP: &str = "shopsync-doctor.myshopify.com";

/// Whether Shopify answers. Returns the app if its settings make one.
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
    // Without a token: any answer shows that it can be reached.
    match client(&settings.network).map(|client| client.post(url)) {
        Ok(request) => match request.send().await {
            Ok(response) => {
                report.ok(subject, format!("{place} answers"));
                examine_clock(&response, report);
            }
            Err(error) => report.fail(
                subject,
                format!("{place}: {}", error_chain(&error.without_url())),
                "look at the network, the proxy and the trusted certificates of this machine",
            ),
        },
        Err(error) => report.fail(
            subject,
            error_chain(&error),
            "look at this machine's TLS set-up",
        ),
    }
    match ShopifyApp::new(&settings.shopify, &settings.network) {
        Ok(app) => Some(app),
        Err(error) => {
            report.fail(
                subject,
                error_chain(&error),
                "look at the SHOPIFY_… settings",
            );
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

/// Compares this machine's clock with that of whoever answered.
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
        "set this machine's clock: signatures and tokens depend on it",
    );
}

/// An HTTP date (RFC 9110, 5.6.7).
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

/// Sends a signed and a forged delivery to the public address, as Shopify would.
pub(super) async fn examine_webhook_address(settings: &Settings, report: &mut Report) {
    let subject = "webhook address";
    let address = &settings.shopify.webhook_address;
    let secret = non_empty(&settings.shopify.api_secret);
    let (false, Some(secret)) = (address.is_empty(), secret) else {
        return report.skip(
            subject,
            "without an address and a client secret it is not tried",
        );
    };
    let body = r#"{"id":0}"#;
    let network = &settings.network;
    let signed = deliver(network, address, body, &sign(secret, body.as_bytes())).await;
    let forged = deliver(network, address, body, &sign(secret, b"another body")).await;
    match (signed, forged) {
        (Ok(StatusCode::OK), Ok(StatusCode::UNAUTHORIZED)) => {
            report.ok(subject, "takes what is signed and refuses what is forged");
        }
        (Err(error), _) | (_, Err(error)) => report.warn(
            subject,
            format!("{address} does not answer: {}", error_chain(&error.without_url())),
            "start `shopsync serve`, and look whether your proxy passes on to it. If this machine cannot reach its own \
             public address, try from another one",
        ),
        (Ok(StatusCode::UNAUTHORIZED), _) => report.fail(
            subject,
            format!("{address} refuses a delivery signed with SHOPIFY_API_SECRET"),
            "restart the service with the secret that is set here",
        ),
        (Ok(StatusCode::OK), Ok(status)) => report.fail(
            subject,
            format!("{address} answers {status} to a forged delivery instead of 401"),
            "something else answers there; look at your proxy",
        ),
        (Ok(status), _) if status.is_redirection() => report.fail(
            subject,
            format!("{address} redirects ({status}), which Shopify does not follow"),
            "set SHOPIFY_WEBHOOK_ADDRESS to where it leads",
        ),
        (Ok(StatusCode::SERVICE_UNAVAILABLE), _) => report.fail(
            subject,
            format!("{address} cannot store deliveries (503)"),
            "look at the service's log and its database",
        ),
        (Ok(status), _) => report.fail(
            subject,
            format!("{address} answers {status} instead of 200"),
            "look whether SHOPIFY_WEBHOOK_ADDRESS ends with /shopify/webhook and your proxy passes on POSTs",
        ),
    }
}

async fn deliver(
    network: &NetworkSettings,
    address: &str,
    body: &'static str,
    signature: &str,
) -> reqwest::Result<StatusCode> {
    let request = client(network)?
        .post(address)
        .header("X-Shopify-Topic", "shop/update")
        .header("X-Shopify-Shop-Domain", UNKNOWN_SHOP)
        .header("X-Shopify-Webhook-Id", "shopsync-doctor")
        .header("X-Shopify-Hmac-Sha256", signature)
        .header("Content-Type", "application/json")
        .body(body);
    Ok(request.send().await?.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_read() {
        let expected: DateTime<Utc> = "2026-11-24T12:00:01Z".parse().unwrap();
        assert_eq!(parse_date("Tue, 24 Nov 2026 12:00:01 GMT"), Some(expected));
        assert_eq!(parse_date("soon"), None);
    }
}
