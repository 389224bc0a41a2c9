//! Handles `GET /shopify/callback`, which completes an installation, and `GET /shopify/installed`, which reports on it.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use secrecy::SecretString;
use shopify_client::oauth::verify_callback;
use sync_core::ShopDomain;

use super::oauth_state::InvalidState;
use super::request::{cookie, parameter, prefers_html};
use super::{ApiError, AppState, page};
use crate::installation::{InstallError, InstallationReport, InstallationResult};
use crate::service::Service;

/// Completes an installation and returns its report. A browser is redirected to the report's page, which it can reload: the
/// callback's state is valid only once.
pub(super) async fn callback(
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (shop, code) = validate_callback(&request, &app)?;
    let service = app.service.clone();
    let work = async move { install(&service, &shop, &code).await };
    let result = app.on_runtime(work).await??;
    if prefers_html(&request) {
        let report = app.signed_reports.sign(&result, app.service.clock.now());
        return Ok(HttpResponse::SeeOther()
            .insert_header((LOCATION, format!("installed?report={report}")))
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish());
    }
    let max_wait = app.service.settings.shopify.callback_wait;
    Ok(json(&current_report(&app, result, max_wait).await?))
}

/// Returns the current report on an earlier installation.
pub(super) async fn installation_report(
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let signed = parameter(request.query_string(), "report").ok_or(ApiError::NotFound)?;
    let now = app.service.clock.now();
    let result = app
        .signed_reports
        .verify(&signed, now)
        .ok_or(ApiError::NotFound)?;
    let report = current_report(&app, result, Duration::ZERO).await?;
    Ok(if prefers_html(&request) {
        page::report_page(&report)
    } else {
        json(&report)
    })
}

/// Checks the request in the order of `docs/api.md`: parameters, shop, signature, state, cookie. No request is sent before
/// all checks have passed.
fn validate_callback(
    request: &HttpRequest,
    app: &AppState,
) -> Result<(ShopDomain, SecretString), ApiError> {
    let query = request.query_string();
    for name in ["code", "shop", "state"] {
        parameter(query, name).ok_or(ApiError::Missing(name))?;
    }
    let shop = parameter(query, "shop").unwrap_or_default();
    let shop: ShopDomain = shop.parse().map_err(|_| ApiError::InvalidShop)?;
    let callback = verify_callback(query, app.secrets())?;
    let now = app.service.clock.now();
    let state = app.states.verify(&callback.state, &shop, now)?;
    match cookie(request, &state.cookie_name()) {
        Some(value) => app.states.check_cookie(&state, value)?,
        None if app.service.settings.shopify.require_state_cookie => {
            return Err(InvalidState::OtherBrowser.into());
        }
        None => {}
    }
    app.states.consume(&state, now)?;
    Ok((shop, callback.code))
}

async fn install(
    service: &Service,
    shop: &ShopDomain,
    code: &SecretString,
) -> Result<InstallationResult, ApiError> {
    let granted = service
        .app
        .exchange_code(shop, code, service.clock.now())
        .await;
    let installation = granted.map_err(|error| {
        if error.is_retryable() {
            return ApiError::unavailable(&error);
        }
        log::warn!(shop:%; "Shopify refused to exchange the grant code; the merchant has to begin again: {error}");
        ApiError::ExchangeRefused
    })?;
    let stored = service.install(&installation).await;
    stored.map_err(|error| match error {
        InstallError::MissingScopes(scopes) => {
            let missing = scopes.join(", ");
            log::warn!(shop:%; "The installation is refused: the shop has not granted the scopes {missing}");
            ApiError::MissingScopes(scopes)
        }
        InstallError::State(error) => ApiError::unavailable(&error),
    })?;
    let result = service.complete_installation(shop).await;
    result.map_err(|error| ApiError::unavailable(&error))
}

async fn current_report(
    app: &AppState,
    result: InstallationResult,
    max_wait: Duration,
) -> Result<InstallationReport, ApiError> {
    let service = app.service.clone();
    let report = async move { service.installation_report(&result, max_wait).await };
    let report = app.on_runtime(report).await?;
    report.map_err(|error| ApiError::unavailable(&error))
}

fn json(report: &InstallationReport) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(report)
}
