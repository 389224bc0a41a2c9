use url::Url;

use super::report::Report;
use crate::settings::{Settings, SettingsError, non_empty};

const SUBJECT: &str = "settings";

/// The settings cannot be read at all.
pub(super) fn report_unreadable(error: &SettingsError, report: &mut Report) {
    match error {
        SettingsError::Invalid(_) => report_problems(error, report),
        SettingsError::File { path, source } => report.fail(
            SUBJECT,
            format!("{} cannot be read: {source}", path.display()),
            "mend the file; `shopsync check-config --reference` explains every setting",
        ),
    }
    report.skip("the rest", "nothing can be looked at without settings");
}

fn report_problems(error: &SettingsError, report: &mut Report) {
    if let SettingsError::Invalid(problems) = error {
        for problem in problems {
            let detail = format!("{} {}", problem.key, problem.message);
            report.fail(SUBJECT, detail, problem.remedy.clone());
        }
    }
}

/// What is missing, and what is odd.
pub(super) fn examine(settings: &Settings, report: &mut Report) {
    match settings.require_for_serving() {
        Ok(()) => report.ok(SUBJECT, "all that the service needs is set"),
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
            "tokens are sealed with keys of their own",
        );
    }
    let source = if non_empty(&shopify.state_token_secret).is_some() {
        "STATE_TOKEN_SECRET"
    } else if non_empty(&shopify.api_secret).is_some() {
        "SHOPIFY_API_SECRET"
    } else {
        return report.skip(
            "encryption keys",
            "there is no secret yet to derive one from",
        );
    };
    report.warn(
        "encryption keys",
        format!("tokens are sealed with a key derived from {source}: if that changes, every shop must be installed again"),
        "set SHOPSYNC_ENCRYPTION_KEYS to id:KEY with KEY from `openssl rand -base64 32`, before shops are installed",
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
                "SHOPIFY_ENDPOINT is {}: secrets and tokens go there, not to Shopify",
                shopify.endpoint
            ),
            "remove SHOPIFY_ENDPOINT, unless this is meant for a simulator",
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
                    "{name} ends with {}, but the service answers at {path}",
                    url.path()
                ),
                format!("write https://YOUR-HOST{path}, unless your proxy rewrites the path"),
            );
        }
        if by_shopify && url.scheme() != "https" {
            report.fail(
                "addresses",
                format!("{name} is not https: Shopify does not accept it"),
                "put a proxy that ends TLS before the service, and write its https address",
            );
        }
    }
}
