//! Logs each HTTP request with its status.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

/// Middleware that logs each request's method, path and status. The query is left out: it contains grant codes, states and
/// signatures.
pub async fn access_log<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let method = request.method().clone();
    let path = request.path().to_owned();
    let response = next.call(request).await?;
    let status = response.status().as_u16();
    log::debug!(status; "{method} {path} returned {status}");
    Ok(response)
}
