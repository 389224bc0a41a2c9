//! Renders the HTML pages: the landing page and the installation report. No scripts; maud escapes all values.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, REFRESH};
use actix_web::{HttpRequest, HttpResponse};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::json;

use super::request::prefers_html;
use crate::installation::{CheckResult, InstallationReport, Status};

/// The reload interval in seconds of a report that may still change.
const REFRESH_SECONDS: u32 = 2;

const VERSION: &str = env!("CARGO_PKG_VERSION");

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;\
    border-top:1px solid #ccc}.success{color:#060}.failed,.error{color:#a00}.running{color:#850}";

/// Handles `GET /`: names the service and its health routes. Shows nothing about shops.
pub(super) async fn landing(request: HttpRequest) -> HttpResponse {
    if !prefers_html(&request) {
        return HttpResponse::Ok().json(json!({
            "service": "shopsync",
            "version": VERSION,
            "health": "/healthz",
            "readiness": "/readyz",
        }));
    }
    page(
        "Shopsync",
        &html! {
            p { "Keeps the catalogues of Shopify shops exact and current in DigitalOcean Spaces." }
            p { "Version " (VERSION) " · " a href="healthz" { "health" } " · " a href="readyz" { "readiness" } }
        },
        false,
    )
}

/// The report on an installation. The page reloads itself while the report may still change.
pub(super) fn report_page(report: &InstallationReport) -> HttpResponse {
    let checks = &report.checks;
    let content = html! {
        table {
            (row("Webhooks", checks.webhook_status, checks.webhook_message.as_deref()))
            (check_row("Test delivery", &checks.webhook_test))
            (check_row("Test of the poll", &checks.polling_test))
            (row("First upload", report.upload_status, report.upload_message.as_deref()))
            @if let Some(key) = &report.snapshot {
                tr { th { "Document" } td { code { (key) } } }
            }
        }
        @if !checks.webhook_failures.is_empty() {
            h2 { "Topics that the shop refuses" }
            table {
                @for failure in &checks.webhook_failures {
                    tr { td { code { (failure.topic) } } td { (failure.reason) } }
                }
            }
        }
        @if report.is_open() {
            p { "This page reloads itself until the upload is done." }
        }
    };
    page(checks.shop.as_str(), &content, report.is_open())
}

fn check_row(name: &str, check: &CheckResult) -> Markup {
    row(name, check.status, check.message.as_deref())
}

fn row(name: &str, status: Status, message: Option<&str>) -> Markup {
    html! {
        tr {
            th { (name) }
            td {
                span class=(status.as_str()) { (status.as_str()) }
                @if let Some(message) = message { ": " (message) }
            }
        }
    }
}

fn page(title: &str, content: &Markup, refresh: bool) -> HttpResponse {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (content)
            }
        }
    };
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ));
    if refresh {
        response.insert_header((REFRESH, REFRESH_SECONDS.to_string()));
    }
    response.body(page.into_string())
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;

    use super::*;
    use crate::installation::sample;

    fn text(response: HttpResponse) -> String {
        let body = response.into_body().try_into_bytes().unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn texts_from_a_shop_are_escaped() {
        let mut report = sample::report(Status::Running);
        report.checks.webhook_failures[0].reason = "<script>alert(1)</script>".to_owned();
        report.upload_message = Some("<img src=x>".to_owned());
        let page = text(report_page(&report));
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
            "{page}"
        );
        assert!(
            !page.contains("<script") && !page.contains("<img"),
            "{page}"
        );
    }

    #[test]
    fn the_page_reloads_itself_until_the_upload_is_done() {
        for (status, refreshes) in [
            (Status::Running, true),
            (Status::Failed, true),
            (Status::Success, false),
        ] {
            let response = report_page(&sample::report(status));
            let header = response.headers().contains_key(REFRESH);
            assert_eq!(header, refreshes, "{status:?}");
        }
        let mut given_up = sample::report(Status::Failed);
        given_up.checks.polling_test.status = Status::Error;
        assert!(!report_page(&given_up).headers().contains_key(REFRESH));
    }
}
