//! Maps every error that an HTTP client can see to its status, code and text. The only place that chooses HTTP statuses.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use sync_core::error_chain;
use uuid::Uuid;

use super::oauth_state::InvalidState;

/// The value of `Retry-After` in seconds.
const RETRY_SECONDS: u32 = 5;

/// An error response.
#[derive(Debug, PartialEq, Eq)]
pub enum ApiError {
    /// A parameter or header is missing.
    Missing(&'static str),
    /// The shop is not a `name.myshopify.com`.
    InvalidShop,
    /// The body, or a header, is malformed.
    Malformed(&'static str),
    /// The installation's state was not issued here, has expired, or has been used.
    InvalidState(InvalidState),
    /// Shopify refused the grant code.
    ExchangeRefused,
    /// The merchant has not granted these scopes.
    MissingScopes(Vec<String>),
    /// The signature is missing or wrong; one response for both.
    BadSignature,
    /// There is no such route.
    NotFound,
    /// The route does not support the method.
    MethodNotAllowed(&'static str),
    /// The body is larger than `server.webhook_body_limit`.
    TooLarge,
    /// A dependency is unavailable. The cause is logged under the id.
    Unavailable(Uuid),
    /// A bug or an invalid setting. The cause is logged under the id.
    Internal(Uuid),
}

/// The body of every error response.
#[derive(Debug, Serialize)]
struct Body {
    /// The text, in the member that existing clients read.
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl ApiError {
    /// A 503: the state database or Shopify cannot be reached. Logs the cause.
    pub fn unavailable(error: &dyn std::error::Error) -> Self {
        let id = Uuid::new_v4();
        log::error!(request_id:% = id; "Request failed with 503: {}", error_chain(error));
        Self::Unavailable(id)
    }

    /// A 500: an unexpected failure. Logs the cause; the client sees only the id.
    pub fn internal(why: impl fmt::Display) -> Self {
        let id = Uuid::new_v4();
        log::error!(request_id:% = id; "Request failed with 500: {why}");
        Self::Internal(id)
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing_parameter",
            Self::InvalidShop => "invalid_shop",
            Self::Malformed(_) => "malformed",
            Self::InvalidState(_) => "invalid_state",
            Self::ExchangeRefused => "exchange_refused",
            Self::MissingScopes(_) => "missing_scopes",
            Self::BadSignature => "bad_signature",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::TooLarge => "too_large",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "Missing {name}"),
            Self::InvalidShop => {
                f.write_str("Not a shop: expected name.myshopify.com or its name alone")
            }
            Self::Malformed(what) => write!(f, "Malformed: {what}"),
            Self::InvalidState(why) => write!(f, "Begin the installation again: {why}"),
            Self::ExchangeRefused => {
                f.write_str("Token exchange failed: Shopify refused the code; begin again")
            }
            Self::MissingScopes(scopes) => write!(
                f,
                "The shop has not granted the scopes {}: begin the installation again and grant them",
                scopes.join(", ")
            ),
            Self::BadSignature => f.write_str("Invalid HMAC signature"),
            Self::NotFound => f.write_str("Not found"),
            Self::MethodNotAllowed(allowed) => write!(f, "Method not allowed: use {allowed}"),
            Self::TooLarge => f.write_str("The body is too large"),
            Self::Unavailable(_) => f.write_str("Temporarily unavailable: try again"),
            Self::Internal(_) => f.write_str("Internal error"),
        }
    }
}

impl std::error::Error for ApiError {}

impl From<InvalidState> for ApiError {
    fn from(why: InvalidState) -> Self {
        Self::InvalidState(why)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Missing(_)
            | Self::InvalidShop
            | Self::Malformed(_)
            | Self::InvalidState(_)
            | Self::ExchangeRefused => StatusCode::BAD_REQUEST,
            Self::BadSignature => StatusCode::UNAUTHORIZED,
            Self::MissingScopes(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        let request_id = match self {
            Self::Unavailable(id) => {
                response.insert_header((RETRY_AFTER, RETRY_SECONDS.to_string()));
                Some(*id)
            }
            Self::Internal(id) => Some(*id),
            Self::MethodNotAllowed(allowed) => {
                response.insert_header((ALLOW, *allowed));
                None
            }
            _ => None,
        };
        response.json(Body {
            detail: self.to_string(),
            code: self.code(),
            request_id: request_id.map(|id| id.to_string()),
        })
    }
}

/// Responds to unknown routes.
pub(super) async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

/// Responds to other methods on routes that accept only POST.
pub(super) async fn post_only() -> Result<HttpResponse, ApiError> {
    Err(ApiError::MethodNotAllowed("POST"))
}

/// Responds to other methods on routes that accept only GET.
pub(super) async fn get_only() -> Result<HttpResponse, ApiError> {
    Err(ApiError::MethodNotAllowed("GET"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_documented_status() {
        let id = Uuid::nil();
        for (error, status) in [
            (ApiError::Missing("code"), 400),
            (ApiError::InvalidShop, 400),
            (ApiError::Malformed("no JSON object"), 400),
            (ApiError::InvalidState(InvalidState::Used), 400),
            (ApiError::ExchangeRefused, 400),
            (ApiError::MissingScopes(vec!["read_products".into()]), 403),
            (ApiError::BadSignature, 401),
            (ApiError::NotFound, 404),
            (ApiError::MethodNotAllowed("POST"), 405),
            (ApiError::TooLarge, 413),
            (ApiError::Internal(id), 500),
            (ApiError::Unavailable(id), 503),
        ] {
            let response = error.error_response();
            assert_eq!(response.status().as_u16(), status, "{error}");
            let retry = response.headers().contains_key(RETRY_AFTER);
            assert_eq!(retry, status == 503, "{error}");
        }
    }
}
