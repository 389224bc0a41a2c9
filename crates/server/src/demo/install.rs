//! The merchant's browser: follows the redirects from the login to the callback.

use std::time::Duration;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;
use sync_core::Outcome;
use tokio::time::Instant;
use url::Url;

use super::stage::Stage;
use crate::cli::install_url::login_address;
use crate::cli::{Exit, Failure};

/// Login, grant page, callback, and one to spare.
const MOST_STEPS: usize = 5;

/// The longest that the callback may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The longest that a first scan may take.
const SCAN_PATIENCE: Duration = Duration::from_hours(6);

/// A client that follows nothing by itself and goes through no proxy.
pub(super) fn client() -> Result<Client, Failure> {
    // Fails if it is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .map_err(|error| Failure::failed("cannot make an HTTP client").because(error))
}

/// Installs the shop as its merchant would, and waits until its first full scan has ended.
pub(super) async fn install(stage: &Stage) -> Result<(), Failure> {
    let redirect = &stage.settings.shopify.redirect_uri;
    let redirect = Url::parse(redirect)
        .map_err(|error| Failure::failed("the callback has no address").because(error))?;
    let report = walk(login_address(&redirect, &stage.domain)).await?;
    judge(&report)?;
    let watch = stage.service.run_watch();
    let deadline = Instant::now() + SCAN_PATIENCE;
    let run = watch.wait_for_full_run(&stage.domain, None, deadline).await;
    let run = run.map_err(|error| Failure::of_port(&error, &stage.domain))?;
    match run
        .and_then(|run| run.finished)
        .map(|(_, report)| report.outcome)
    {
        Some(Outcome::Published { .. } | Outcome::Unchanged) => Ok(()),
        Some(Outcome::Failed { error, .. }) => {
            Err(Failure::failed(format!("the first scan failed: {error}")))
        }
        _ => Err(Failure::new(
            Exit::Failed,
            "the first scan has not come to an end",
        )),
    }
}

/// Goes from page to page, and returns what the callback reports.
async fn walk(login: Url) -> Result<Value, Failure> {
    let client = client()?;
    let home = login.origin();
    let mut cookies: Vec<String> = Vec::new();
    let mut url = login;
    for _ in 0..MOST_STEPS {
        let mut request = client.get(url.clone()).header(ACCEPT, "application/json");
        if url.origin() == home && !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let answer = request.send().await.map_err(|error| {
            Failure::failed("the installation got no answer").because(error.without_url())
        })?;
        cookies.extend(cookies_of(&answer));
        if !answer.status().is_redirection() {
            return report_of(answer).await;
        }
        url = next_step(&url, &answer)
            .ok_or_else(|| Failure::failed(format!("{} leads nowhere", url.path())))?;
    }
    Err(Failure::failed("the installation goes round in circles"))
}

fn next_step(from: &Url, answer: &Response) -> Option<Url> {
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

/// Name and value of each cookie that is set.
fn cookies_of(answer: &Response) -> Vec<String> {
    let set = answer.headers().get_all(SET_COOKIE);
    set.iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned))
        .collect()
}

async fn report_of(answer: Response) -> Result<Value, Failure> {
    let (status, path) = (answer.status(), answer.url().path().to_owned());
    let body = answer.text().await;
    let body = body.map_err(|error| {
        Failure::failed("the installation's answer broke off").because(error.without_url())
    })?;
    if !status.is_success() {
        return Err(Failure::failed(format!("{path} answered {status}: {body}")));
    }
    serde_json::from_str(&body).map_err(|error| {
        Failure::failed(format!("{path} answered something else than JSON")).because(error)
    })
}

/// Whether the callback reports that all went well, or is going well.
fn judge(report: &Value) -> Result<(), Failure> {
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
        Some((pointer, _)) => Err(Failure::failed(format!(
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
        judge(&good).unwrap();
        for pointer in [
            "/webhook_status",
            "/webhook_test/status",
            "/polling_test/status",
            "/upload_status",
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = "failed".into();
            let report = judge(&bad).unwrap_err().report();
            let name = pointer.trim_start_matches('/').replace('/', ".");
            assert!(report.contains(&name), "{report}");
        }
        assert!(judge(&json!({})).is_err());
    }
}
