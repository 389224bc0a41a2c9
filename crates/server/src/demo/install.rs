//! Installs the demo's shop as a merchant's browser would: follows the redirects from the login to the callback.

use std::time::Duration;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;
use sync_core::Outcome;
use tokio::time::Instant;
use url::Url;

use super::environment::DemoEnvironment;
use crate::login_url::login_url;
use crate::operations::outcome;
use crate::terminal::{CommandError, ExitStatus};

/// Login, grant page, callback, and two more.
const MAX_REQUESTS: usize = 5;

/// How long a request may take. The callback tests webhooks and waits for the upload.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// How long the first full scan may take.
const SCAN_TIMEOUT: Duration = Duration::from_hours(6);

/// Builds an HTTP client that follows no redirects and uses no proxy.
pub(super) fn http_client() -> Result<Client, CommandError> {
    // Fails only if a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .timeout(REQUEST_TIMEOUT)
        .no_proxy()
        .build()
        .map_err(|error| CommandError::failed("cannot create an HTTP client").with_cause(error))
}

/// Installs the shop and waits until its first full scan has ended.
pub(super) async fn install(demo: &DemoEnvironment) -> Result<(), CommandError> {
    let redirect = &demo.settings.shopify.redirect_uri;
    let redirect = Url::parse(redirect).map_err(|error| {
        CommandError::failed("SHOPIFY_REDIRECT_URI is not a URL").with_cause(error)
    })?;
    let report = follow_redirects(login_url(&redirect, &demo.domain)).await?;
    check_report(&report)?;
    let watch = demo.service.run_watch();
    let deadline = Instant::now() + SCAN_TIMEOUT;
    let run = watch.wait_for_full_run(&demo.domain, None, deadline).await;
    let run = run.map_err(|error| CommandError::from_port(&error, &demo.domain))?;
    match run
        .and_then(|run| run.finished)
        .map(|(_, report)| report.outcome)
    {
        Some(Outcome::Published { .. } | Outcome::Unchanged) => Ok(()),
        Some(outcome) => Err(CommandError::failed(format!(
            "the first scan {}: {}",
            outcome::word(&outcome),
            outcome::detail(&outcome)
        ))),
        None => Err(CommandError::new(
            ExitStatus::Failed,
            "the first scan did not end in time",
        )),
    }
}

/// Follows the redirects from the login page, and returns the callback's report.
async fn follow_redirects(login: Url) -> Result<Value, CommandError> {
    let client = http_client()?;
    let home = login.origin();
    let mut cookies: Vec<String> = Vec::new();
    let mut url = login;
    for _ in 0..MAX_REQUESTS {
        let mut request = client.get(url.clone()).header(ACCEPT, "application/json");
        if url.origin() == home && !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let response = request.send().await.map_err(|error| {
            CommandError::failed("a request of the installation failed")
                .with_cause(error.without_url())
        })?;
        cookies.extend(cookies_of(&response));
        if !response.status().is_redirection() {
            return read_report(response).await;
        }
        url = next_step(&url, &response).ok_or_else(|| {
            CommandError::failed(format!(
                "{} redirects without a valid Location header",
                url.path()
            ))
        })?;
    }
    Err(CommandError::failed(
        "the installation does not end: too many redirects",
    ))
}

fn next_step(from: &Url, response: &Response) -> Option<Url> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

/// Returns the name and value of each cookie that the response sets.
fn cookies_of(response: &Response) -> Vec<String> {
    let set = response.headers().get_all(SET_COOKIE);
    set.iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned))
        .collect()
}

async fn read_report(response: Response) -> Result<Value, CommandError> {
    let (status, path) = (response.status(), response.url().path().to_owned());
    let body = response.text().await;
    let body = body.map_err(|error| {
        CommandError::failed("the response of the installation was interrupted")
            .with_cause(error.without_url())
    })?;
    if !status.is_success() {
        return Err(CommandError::failed(format!(
            "{path} responded with {status}: {body}"
        )));
    }
    serde_json::from_str(&body).map_err(|error| {
        CommandError::failed(format!("the response of {path} is not JSON")).with_cause(error)
    })
}

/// Checks that the callback reports no failed step.
fn check_report(report: &Value) -> Result<(), CommandError> {
    let word = |pointer: &str| {
        report
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("missing")
    };
    let good = [
        ("/webhook_status", &["success"][..]),
        ("/webhook_test/status", &["success"]),
        ("/polling_test/status", &["success"]),
        ("/upload_status", &["success", "running"]),
    ];
    match good
        .iter()
        .find(|(pointer, good)| !good.contains(&word(pointer)))
    {
        None => Ok(()),
        Some((pointer, _)) => Err(CommandError::failed(format!(
            "the installation reports {} as {}: {report}",
            pointer.trim_start_matches('/').replace('/', "."),
            word(pointer),
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_failure_in_any_part_of_the_report_is_an_error() {
        let good = json!({
            "webhook_status": "success",
            "webhook_test": {"status": "success"},
            "polling_test": {"status": "success"},
            "upload_status": "running",
        });
        check_report(&good).unwrap();
        for pointer in [
            "/webhook_status",
            "/webhook_test/status",
            "/polling_test/status",
            "/upload_status",
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = "failed".into();
            let report = check_report(&bad).unwrap_err().report();
            let name = pointer.trim_start_matches('/').replace('/', ".");
            assert!(report.contains(&name), "{report}");
        }
        assert!(check_report(&json!({})).is_err());
    }
}
