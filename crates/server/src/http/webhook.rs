//! `POST /shopify/webhook`

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde_json::json;
use shopify_client::webhook::{Payload, Topic, VerifiedDelivery, WebhookError};
use sync_core::intake::Received;
use sync_core::{Delivery, DeliveryId, Subject, Timestamp};

use super::signatures::text;
use super::{ApiError, App};
use crate::adapters::topics;
use crate::service::Service;

/// Stores a delivery. Touches the state database only, so that it answers within Shopify's five seconds whatever else
/// is down; nothing of the body is kept but what it names.
pub(super) async fn receive(
    request: HttpRequest,
    payload: web::Payload,
    app: Data<App>,
) -> Result<impl Responder, ApiError> {
    let body = read(payload, app.service.settings.server.webhook_body_limit).await?;
    let header = |name: &str| text(request.headers(), name);
    let now = app.service.clock.now();
    let verified = app.signatures.verify(request.headers(), &body, now).await;
    let verified = verified.map_err(refusal)?;
    let topic = verified.topic();
    let subject = subject(&topic, &verified, &body)?;
    let mut delivery = delivery(verified, subject, now)?;
    if header("x-shopify-webhook-id")
        .or_else(|| header("shopify-webhook-id"))
        .is_none()
    {
        // Nothing tells it from the next one with the same body, so it counts as new.
        delivery.id = DeliveryId(format!("unnamed-{}", uuid::Uuid::new_v4()));
    }
    let service = app.service.clone();
    app.on_runtime(async move { take(&service, &delivery, &topic).await })
        .await??;
    Ok(HttpResponse::Ok().json(json!({"status": "success"})))
}

/// Every outcome but a failure is a success to the sender, also one that needed no storing. What is new is also told to
/// those who wait for it in this process; if they wait in another one, they find it out a little later.
async fn take(service: &Service, delivery: &Delivery, topic: &Topic) -> Result<(), ApiError> {
    let received = service.intake.receive(delivery).await;
    let received = received.map_err(|error| ApiError::unavailable(&error))?;
    if received == Received::Recorded {
        service.app.hear(&delivery.shop, topic);
    }
    let (shop, topic, id) = (&delivery.shop, delivery.topic.as_str(), &delivery.id.0);
    log::debug!(shop:%, topic, delivery:% = id, received:?; "A delivery of {topic} was taken");
    Ok(())
}

/// The whole body, unless it is larger than `limit`, however it is sent.
async fn read(payload: web::Payload, limit: usize) -> Result<Bytes, ApiError> {
    let read = payload.to_bytes_limited(limit).await;
    read.map_err(|_| ApiError::TooLarge)?
        .map_err(|_| ApiError::Malformed("the body did not arrive whole"))
}

/// What the delivery is about. Headers are not signed: whoever has seen any signed body could send it again, as the
/// erasure of any shop.
fn subject(topic: &Topic, verified: &VerifiedDelivery, body: &[u8]) -> Result<Subject, ApiError> {
    let payload = Payload::read(topic, body).map_err(refusal)?;
    match payload.shop_domain() {
        Some(shop) if *shop != verified.shop => Err(ApiError::Malformed(
            "the body names another shop than the header",
        )),
        None if *topic == Topic::ShopRedact => Err(ApiError::Malformed("the body names no shop")),
        _ => Ok(topics::subject(topic, &payload)),
    }
}

fn refusal(error: WebhookError) -> ApiError {
    match error {
        WebhookError::MissingSignature | WebhookError::WrongSignature => ApiError::BadSignature,
        WebhookError::MissingTopic => ApiError::Missing("topic header"),
        WebhookError::InvalidShop => ApiError::InvalidShop,
        WebhookError::InvalidBody => ApiError::Malformed("the body is not a JSON object"),
    }
}

fn delivery(
    verified: VerifiedDelivery,
    subject: Subject,
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
