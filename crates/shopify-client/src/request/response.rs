//! Classifies a raw response of the Admin API: data, or an error and whether to retry.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::governor::Cost;
use crate::http_client::{RawResponse, RequestFailure, Retry};
use crate::{Error, GraphQlError};

/// A classified response.
#[derive(Debug)]
pub(crate) struct ClassifiedResponse {
    /// `extensions.cost`, whatever the outcome.
    pub(crate) cost: Option<Cost>,
    pub(crate) outcome: Result<Box<RawValue>, RequestFailure>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    errors: Option<Value>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct Extensions {
    /// Parsed separately, so that an unknown form does not fail the whole response.
    #[serde(default)]
    cost: Option<Value>,
}

impl Envelope {
    fn cost(&self) -> Option<Cost> {
        let cost = self.extensions.as_ref()?.cost.clone()?;
        serde_json::from_value(cost).ok()
    }

    fn errors(&self) -> Vec<WireError> {
        match &self.errors {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) => list.iter().map(WireError::read).collect(),
            Some(other) => vec![WireError::read(other)],
        }
    }
}

/// One entry of `errors`. On 401 and 403 `errors` is a string instead of a list.
struct WireError {
    message: String,
    code: Option<String>,
    cost: Option<f64>,
}

impl WireError {
    fn read(value: &Value) -> Self {
        let message = match value {
            Value::String(text) => Some(text.as_str()),
            _ => value.get("message").and_then(Value::as_str),
        };
        let extension = |name: &str| value.get("extensions")?.get(name);
        Self {
            message: excerpt(message.unwrap_or("no message")),
            code: extension("code").and_then(Value::as_str).map(str::to_owned),
            cost: extension("cost").and_then(Value::as_f64),
        }
    }

    fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// Shortens a message and puts it on one line, so that a response body can neither flood a log nor add lines to it.
pub(super) fn excerpt(message: &str) -> String {
    const MAX_CHARS: usize = 300;
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    let mut rest = message.chars().map(one_line);
    let mut short: String = rest.by_ref().take(MAX_CHARS).collect();
    if rest.next().is_some() {
        short.push('…');
    }
    short
}

/// Classifies the response to an operation, by its HTTP status first: `THROTTLED` occurs with both 200 and 429. Source:
/// Shopify, "API response status and error codes".
pub(crate) fn classify(operation: &'static str, raw: &RawResponse) -> ClassifiedResponse {
    let envelope = serde_json::from_slice::<Envelope>(&raw.body);
    let cost = envelope.as_ref().ok().and_then(Envelope::cost);
    let outcome = match raw.status {
        200 => match envelope {
            Ok(envelope) => classify_envelope(operation, envelope, raw),
            Err(source) => Err(not_json(operation, source)),
        },
        status => Err(classify_status(operation, status, envelope.ok(), raw)),
    };
    ClassifiedResponse { cost, outcome }
}

fn classify_envelope(
    operation: &'static str,
    envelope: Envelope,
    raw: &RawResponse,
) -> Result<Box<RawValue>, RequestFailure> {
    let errors = envelope.errors();
    if !errors.is_empty() {
        return Err(classify_errors(operation, errors, raw));
    }
    // `null` counts as missing.
    envelope.data.ok_or_else(|| {
        RequestFailure::permanent(Error::Decode {
            operation,
            path: "data".to_owned(),
            source: "the response has neither data nor errors".into(),
        })
    })
}

fn classify_errors(
    operation: &'static str,
    errors: Vec<WireError>,
    raw: &RawResponse,
) -> RequestFailure {
    let coded = |code: &str| errors.iter().find(|error| error.is(code));
    if coded("THROTTLED").is_some() {
        return throttled(operation, raw);
    }
    if let Some(error) = coded("MAX_COST_EXCEEDED") {
        let cost = error.cost;
        return RequestFailure::permanent(Error::MaxCostExceeded { operation, cost });
    }
    if let Some(error) = coded("ACCESS_DENIED") {
        let message = error.message.clone();
        return RequestFailure::permanent(Error::AccessDenied { message });
    }
    if coded("SHOP_INACTIVE").is_some() {
        return RequestFailure::permanent(Error::ShopFrozen);
    }
    let transient = errors.iter().all(|error| error.is("INTERNAL_SERVER_ERROR"));
    let errors = errors.into_iter().map(|error| GraphQlError {
        message: error.message,
        code: error.code,
    });
    let error = Error::GraphQl {
        operation,
        errors: errors.collect(),
    };
    if transient {
        RequestFailure::transient(error, raw.retry_after)
    } else {
        RequestFailure::permanent(error)
    }
}

fn classify_status(
    operation: &'static str,
    status: u16,
    envelope: Option<Envelope>,
    raw: &RawResponse,
) -> RequestFailure {
    let errors = envelope
        .map(|envelope| envelope.errors())
        .unwrap_or_default();
    match status {
        401 => RequestFailure {
            error: Error::Unauthorized,
            retry: Retry::WithNewToken,
        },
        402 => RequestFailure::permanent(Error::ShopFrozen),
        403 => {
            let message = errors.into_iter().next().map(|error| error.message);
            let message = message.unwrap_or_else(|| "no reason given".to_owned());
            RequestFailure::permanent(Error::AccessDenied { message })
        }
        404 => RequestFailure::permanent(Error::NotFound),
        423 => RequestFailure::permanent(Error::ShopLocked),
        429 => throttled(operation, raw),
        430 => RequestFailure::permanent(Error::SecurityRejection),
        _ => {
            let error = Error::Status {
                operation,
                status,
                request_id: raw.request_id.clone(),
            };
            match status {
                500.. => RequestFailure::transient(error, raw.retry_after),
                400 if !errors.is_empty() => classify_errors(operation, errors, raw),
                _ => RequestFailure::permanent(error),
            }
        }
    }
}

fn throttled(operation: &'static str, raw: &RawResponse) -> RequestFailure {
    let retry_after = raw.retry_after;
    RequestFailure {
        error: Error::Throttled {
            operation,
            retry_after,
        },
        retry: Retry::Throttled(retry_after),
    }
}

/// An HTML page or a truncated body, as a failing proxy sends it.
fn not_json(operation: &'static str, source: serde_json::Error) -> RequestFailure {
    let error = Error::Transport {
        operation,
        timed_out: false,
        source: Box::new(source),
    };
    RequestFailure::transient(error, None)
}
