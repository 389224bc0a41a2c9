//! Handles the liveness and readiness routes.

use actix_web::web::Data;
use actix_web::{HttpResponse, Responder};
use serde_json::json;

use super::{ApiError, AppState};

/// Liveness: the process runs.
pub(super) async fn live() -> impl Responder {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Readiness: the database responds, so deliveries can be recorded. Whether Shopify and the Space can be reached does not
/// count, since recording deliveries does not need them.
pub(super) async fn ready(app: Data<AppState>) -> Result<impl Responder, ApiError> {
    let database = app.service.database.clone();
    let pinged = app.on_runtime(async move { database.ping().await }).await?;
    pinged.map_err(|error| ApiError::unavailable(&error))?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
