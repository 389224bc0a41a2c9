//! Handles `POST /shopify/webhook`: verifies a delivery and records it.

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde_json::json;
use shopify_client::webhook::{Payload, Topic, VerifiedDelivery, WebhookError};
use sync_core::intake::IntakeOutcome;
use sync_core::{Delivery, DeliveryId, DeliverySubject, Timestamp};

use super::delivery_verifier::text;
use super::{ApiError, AppState};
use crate::adapters::topics;
use crate::service::Service;

/// Verifies and records a delivery. Uses the state database only, so that the response meets Shopify's limit of five
/// seconds even if Shopify's API or the Space is down. Of the body only the ids that it names are stored.
pub(super) async fn receive(
    request: HttpRequest,
    payload: web::Payload,
    app: Data<AppState>,
) -> Result<impl Responder, ApiError> {
    let body = read_body(payload, app.service.settings.server.webhook_body_limit).await?;
    let header = |name: &str| text(request.headers(), name);
    let now = app.service.clock.now();
    let verified = app.deliveries.verify(request.headers(), &body, now).await;
    let verified = verified.map_err(rejection)?;
    let topic = verified.topic();
    let subject = subject(&topic, &verified, &body)?;
    let mut delivery = delivery(verified, subject, now)?;
    if header("x-shopify-webhook-id")
        .or_else(|| header("shopify-webhook-id"))
        .is_none()
    {
        // Without an id a repetition cannot be recognised, so the delivery counts as new.
        delivery.id = DeliveryId(format!("unnamed-{}", uuid::Uuid::new_v4()));
    }
    let service = app.service.clone();
    app.on_runtime(async move { store(&service, &delivery, &topic).await })
        .await??;
    Ok(HttpResponse::Ok().json(json!({"status": "success"})))
}

/// Records a delivery. Every outcome but an error is a success to the sender, including duplicates and shops that are not
/// installed. A new delivery also notifies tasks of this process that wait for its event; tasks of other processes find it
/// by polling.
async fn store(service: &Service, delivery: &Delivery, topic: &Topic) -> Result<(), ApiError> {
    let outcome = service.intake.receive(delivery).await;
    let outcome = outcome.map_err(|error| ApiError::unavailable(&error))?;
    if outcome == IntakeOutcome::Recorded {
        service.app.notify(&delivery.shop, topic);
    }
    let (shop, topic, id) = (&delivery.shop, delivery.topic.as_str(), &delivery.id.0);
    log::debug!(shop:%, topic, delivery:% = id, received:? = outcome; "A delivery of {topic} was handled");
    Ok(())
}

/// Reads the body; an error if it is longer than `limit` bytes, with or without `Content-Length`.
async fn read_body(payload: web::Payload, limit: usize) -> Result<Bytes, ApiError> {
    let read = payload.to_bytes_limited(limit).await;
    read.map_err(|_| ApiError::TooLarge)?
        .map_err(|_| ApiError::Malformed("the body is incomplete"))
}

/// The delivery's subject. Checks the shop in the body, because headers are not signed: with any signed body an attacker
/// could otherwise request the erasure of any shop.
fn subject(
    topic: &Topic,
    verified: &VerifiedDelivery,
    body: &[u8],
) -> Result<DeliverySubject, ApiError> {
    let payload = Payload::read(topic, body).map_err(rejection)?;
    match payload.shop_domain() {
        Some(shop) if *shop != verified.shop => Err(ApiError::Malformed(
            "the body names another shop than the header",
        )),
        None if *topic == Topic::ShopRedact => Err(ApiError::Malformed("the body names no shop")),
        _ => Ok(topics::subject(topic, &payload)),
    }
}

fn rejection(error: WebhookError) -> ApiError {
    match error {
        WebhookError::MissingSignature | WebhookError::WrongSignature => ApiError::BadSignature,
        WebhookError::MissingTopic => ApiError::Missing("topic header"),
        WebhookError::InvalidShop => ApiError::InvalidShop,
        WebhookError::InvalidBody => ApiError::Malformed("the body is not a JSON object"),
    }
}

fn delivery(
    verified: VerifiedDelivery,
    subject: DeliverySubject,
    received_at: Timestamp,
) -> Result<Delivery, ApiError> {
    Ok(Delivery {
        shop: verified
            .shop
            .as_str()
            .parse()
            .map_err(|_| ApiError::InvalidShop)?,
        id: DeliveryId(verified.webhook_id),
        topic: verified.topic,
        event_id: verified.event_id,
        triggered_at: verified.triggered_at,
        received_at,
        subject,
    })
}
