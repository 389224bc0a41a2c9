//! The merchant's browser: follows the redirects from the login to the callback.

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
use crate::terminal::{CommandError, ExitStatus};

/// Login, grant page, callback, and one to spare.
const MAX_REQUESTS: usize = 5;

/// The longest that the callback may take.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// The longest that a first scan may take.
const SCAN_TIMEOUT: Duration = Duration::from_hours(6);

/// A client that follows nothing by itself and goes through no proxy.
pub(super) fn http_client() -> Result<Client, CommandError> {
    // Fails if it is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .timeout(REQUEST_TIMEOUT)
        .no_proxy()
        .build()
        .map_err(|error| CommandError::failed("cannot make an HTTP client").with_cause(error))
}

/// Installs the shop as its merchant would, and waits until its first full scan has ended.
pub(super) async fn install(demo: &DemoEnvironment) -> Result<(), CommandError> {
    let redirect = &demo.settings.shopify.redirect_uri;
    let redirect = Url::parse(redirect)
        .map_err(|error| CommandError::failed("the callback has no address").with_cause(error))?;
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
        Some(Outcome::Failed { error, .. }) => Err(CommandError::failed(format!(
            "the first scan failed: {error}"
        ))),
        _ => Err(CommandError::new(
            ExitStatus::Failed,
            "the first scan has not come to an end",
        )),
    }
}

/// Goes from page to page, and returns what the callback reports.
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
            CommandError::failed("the installation got no answer").with_cause(error.without_url())
        })?;
        cookies.extend(cookies_of(&response));
        if !response.status().is_redirection() {
            return read_report(response).await;
        }
        url = next_step(&url, &response)
            .ok_or_else(|| CommandError::failed(format!("{} leads nowhere", url.path())))?;
    }
    Err(CommandError::failed(
        "the installation goes round in circles",
    ))
}

fn next_step(from: &Url, response: &Response) -> Option<Url> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

/// Name and value of each cookie that is set.
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
        CommandError::failed("the installation's answer broke off").with_cause(error.without_url())
    })?;
    if !status.is_success() {
        return Err(CommandError::failed(format!(
            "{path} answered {status}: {body}"
        )));
    }
    serde_json::from_str(&body).map_err(|error| {
        CommandError::failed(format!("{path} answered something else than JSON")).with_cause(error)
    })
}

/// Whether the callback reports that all went well, or is going well.
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
    fn every_part_of_the_report_counts() {
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
