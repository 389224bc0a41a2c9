//! Extracts requests to the control and builds its responses.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::catalog::change::ChangeError;
use crate::control::ShopControl;
use crate::server::query::query_parameter;
use crate::server::response;
use crate::server::shops::Shops;

/// Why a request is rejected.
#[derive(Debug)]
pub(super) enum ControlError {
    /// The shop or object does not exist.
    NotFound(String),
    /// The request is invalid.
    Invalid(String),
}

impl From<ChangeError> for ControlError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound { .. } => Self::NotFound(error.to_string()),
            ChangeError::Invalid { .. } => Self::Invalid(error.to_string()),
        }
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::NotFound(error) => (404, error),
            Self::Invalid(error) => (400, error),
        };
        response::json(status, &json!({ "error": error }))
    }
}

pub(super) type ControlResult = Result<Response, ControlError>;

#[expect(clippy::unnecessary_wraps, reason = "the last line of handlers")]
pub(super) fn ok(body: &Value) -> ControlResult {
    Ok(response::json(200, body))
}

#[expect(clippy::unnecessary_wraps, reason = "the last line of handlers")]
pub(super) fn created(id: u64) -> ControlResult {
    Ok(response::json(201, &json!({ "id": id })))
}

#[expect(clippy::unnecessary_wraps, reason = "the last line of handlers")]
pub(super) fn no_content() -> ControlResult {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The control of the shop in the path, and the path's further parameters. With `?quiet=true` changes send no webhooks.
pub(super) struct ShopPath<T = ()> {
    pub(super) control: ShopControl,
    pub(super) parameters: T,
}

/// The parameters after the shop in a path.
pub(super) trait PathParameters: Sized {
    fn read(parts: &[String]) -> Option<Self>;
}

impl PathParameters for () {
    fn read(parts: &[String]) -> Option<Self> {
        parts.is_empty().then_some(())
    }
}

impl PathParameters for u64 {
    fn read(parts: &[String]) -> Option<Self> {
        let [id] = parts else { return None };
        id.parse().ok()
    }
}

impl PathParameters for (u64, u64) {
    fn read(parts: &[String]) -> Option<Self> {
        let [first, second] = parts else { return None };
        Some((first.parse().ok()?, second.parse().ok()?))
    }
}

impl PathParameters for String {
    fn read(parts: &[String]) -> Option<Self> {
        let [text] = parts else { return None };
        Some(text.clone())
    }
}

impl<T: PathParameters> FromRequestParts<Arc<Shops>> for ShopPath<T> {
    type Rejection = ControlError;

    async fn from_request_parts(
        parts: &mut Parts,
        shops: &Arc<Shops>,
    ) -> Result<Self, Self::Rejection> {
        let Path(path) = Path::<Vec<String>>::from_request_parts(parts, shops)
            .await
            .map_err(|error| ControlError::Invalid(error.to_string()))?;
        let (shop, rest) = path
            .split_first()
            .ok_or_else(|| ControlError::NotFound("the path names no shop".to_owned()))?;
        let known = shops
            .find(shop)
            .ok_or_else(|| ControlError::NotFound(format!("there is no shop {shop}")))?;
        let parameters = T::read(rest).ok_or_else(|| {
            ControlError::Invalid(format!("{} is not a number", rest.join(" or ")))
        })?;
        let control = ShopControl::new(Arc::clone(known));
        let control = match query_parameter(parts.uri.query(), "quiet").as_deref() {
            None | Some("false") => control,
            Some("true" | "") => control.without_webhooks(),
            Some(_) => {
                return Err(ControlError::Invalid(
                    "quiet: it must be true or false".to_owned(),
                ));
            }
        };
        Ok(Self {
            control,
            parameters,
        })
    }
}

/// A JSON body of any content type: `curl -d` declares a form.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shops>> for JsonBody<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, shops: &Arc<Shops>) -> Result<Self, Self::Rejection> {
        let bytes = Bytes::from_request(request, shops)
            .await
            .map_err(|error| ControlError::Invalid(error.to_string()))?;
        // An empty body means that all fields are absent.
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(bytes).map(Self).map_err(|error| {
            ControlError::Invalid(format!("the body does not match the route: {error}"))
        })
    }
}
