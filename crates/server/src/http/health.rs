//! Liveness and readiness.

use actix_web::web::Data;
use actix_web::{HttpResponse, Responder};
use serde_json::json;

use super::{ApiError, AppState};

/// The process runs.
pub(super) async fn live() -> impl Responder {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// The process can take deliveries: its database answers. Whether Shopify and the Space can be reached is no part of
/// it, since deliveries are taken without them.
pub(super) async fn ready(app: Data<AppState>) -> Result<impl Responder, ApiError> {
    let database = app.service.database.clone();
    let answered = app.on_runtime(async move { database.ping().await }).await?;
    answered.map_err(|error| ApiError::unavailable(&error))?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
