//! Checks the settings: what is missing, and what is likely a mistake.

use url::Url;

use super::report::Report;
use crate::settings::{Settings, SettingsError, non_empty};

const SUBJECT: &str = "settings";

/// Reports settings that cannot be loaded.
pub(super) fn report_unreadable(error: &SettingsError, report: &mut Report) {
    match error {
        SettingsError::Invalid(_) => report_problems(error, report),
        SettingsError::File { path, source } => report.fail(
            SUBJECT,
            format!("{} cannot be read: {source}", path.display()),
            "fix the file; `shopsync check-config --reference` explains every setting",
        ),
    }
    report.skip("the rest", "not checked: the settings cannot be loaded");
}

fn report_problems(error: &SettingsError, report: &mut Report) {
    if let SettingsError::Invalid(problems) = error {
        for problem in problems {
            let detail = format!("{} {}", problem.key, problem.message);
            report.fail(SUBJECT, detail, problem.remedy.clone());
        }
    }
}

/// Reports missing settings and likely mistakes.
pub(super) fn examine(settings: &Settings, report: &mut Report) {
    match settings.require_for_serving() {
        Ok(()) => report.ok(SUBJECT, "all required settings are set"),
        Err(error) => report_problems(&error, report),
    }
    examine_keys(settings, report);
    examine_addresses(settings, report);
}

fn examine_keys(settings: &Settings, report: &mut Report) {
    let shopify = &settings.shopify;
    if non_empty(&settings.database.encryption_keys).is_some() {
        return report.ok(
            "encryption keys",
            "tokens are encrypted with SHOPSYNC_ENCRYPTION_KEYS",
        );
    }
    let source = if non_empty(&shopify.state_token_secret).is_some() {
        "STATE_TOKEN_SECRET"
    } else if non_empty(&shopify.api_secret).is_some() {
        "SHOPIFY_API_SECRET"
    } else {
        return report.skip("encryption keys", "no secret is set to derive a key from");
    };
    report.warn(
        "encryption keys",
        format!("tokens are encrypted with a key derived from {source}: if it changes, its old value must be kept in {source}_PREVIOUS"),
        "set SHOPSYNC_ENCRYPTION_KEYS to id:KEY with KEY from `openssl rand -base64 32`; tokens under the derived key stay readable",
    );
}

fn examine_addresses(settings: &Settings, report: &mut Report) {
    let shopify = &settings.shopify;
    let by_shopify = shopify_client::Endpoint::custom(&shopify.endpoint)
        .is_ok_and(|endpoint| endpoint.is_shopify());
    if !by_shopify {
        report.warn(
            "shopify endpoint",
            format!(
                "SHOPIFY_ENDPOINT is {}: secrets and tokens are sent there, not to Shopify",
                shopify.endpoint
            ),
            "remove SHOPIFY_ENDPOINT unless you use a simulator",
        );
    }
    for (name, value, path) in [
        (
            "SHOPIFY_REDIRECT_URI",
            &shopify.redirect_uri,
            "/shopify/callback",
        ),
        (
            "SHOPIFY_WEBHOOK_ADDRESS",
            &shopify.webhook_address,
            "/shopify/webhook",
        ),
    ] {
        let Ok(url) = Url::parse(value) else { continue };
        if !url.path().ends_with(path) {
            report.warn(
                "addresses",
                format!(
                    "the path of {name} is {}, but the route of the service is {path}",
                    url.path()
                ),
                format!("set it to https://YOUR-HOST{path}, unless your proxy rewrites the path"),
            );
        }
        if by_shopify && url.scheme() != "https" {
            report.fail(
                "addresses",
                format!("{name} is not https: Shopify does not accept it"),
                "put a proxy that terminates TLS in front of the service, and set its https address",
            );
        }
    }
}
