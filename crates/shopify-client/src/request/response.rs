//! What an HTTP answer of the Admin API means.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::governor::Cost;
use crate::http_client::{Failure, RawResponse, Retry};
use crate::{Error, GraphQlError};

/// What to make of it.
#[derive(Debug)]
pub(crate) struct ClassifiedResponse {
    /// What it says about the cost bucket, whatever the outcome.
    pub(crate) cost: Option<Cost>,
    pub(crate) outcome: Result<Box<RawValue>, Failure>,
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
    /// Read apart, so that an unknown shape of it does not cost the answer.
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

/// One of `errors`. On 401 and 403 `errors` is a text instead of a list.
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
            message: shortened(message.unwrap_or("no message")),
            code: extension("code").and_then(Value::as_str).map(str::to_owned),
            cost: extension("cost").and_then(Value::as_f64),
        }
    }

    fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// Enough to understand it, on one line: a body must not fill a log, nor write lines of its own into it.
pub(super) fn shortened(message: &str) -> String {
    const LONGEST: usize = 300;
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    let mut rest = message.chars().map(one_line);
    let mut short: String = rest.by_ref().take(LONGEST).collect();
    if rest.next().is_some() {
        short.push('…');
    }
    short
}

/// Judges an answer to the operation. The status comes first: `THROTTLED` is seen with 200 and 429 alike.
/// Source: Shopify, "API response status and error codes".
pub(crate) fn judge(operation: &'static str, arrived: &RawResponse) -> ClassifiedResponse {
    let envelope = serde_json::from_slice::<Envelope>(&arrived.body);
    let cost = envelope.as_ref().ok().and_then(Envelope::cost);
    let outcome = match arrived.status {
        200 => match envelope {
            Ok(envelope) => judge_envelope(operation, envelope, arrived),
            Err(source) => Err(not_json(operation, source)),
        },
        status => Err(judge_status(operation, status, envelope.ok(), arrived)),
    };
    ClassifiedResponse { cost, outcome }
}

fn judge_envelope(
    operation: &'static str,
    envelope: Envelope,
    arrived: &RawResponse,
) -> Result<Box<RawValue>, Failure> {
    let errors = envelope.errors();
    if !errors.is_empty() {
        return Err(judge_errors(operation, errors, arrived));
    }
    // `null` counts as absent.
    envelope.data.ok_or_else(|| {
        Failure::never(Error::Decode {
            operation,
            path: "data".to_owned(),
            source: "there is neither data nor an error".into(),
        })
    })
}

fn judge_errors(operation: &'static str, errors: Vec<WireError>, arrived: &RawResponse) -> Failure {
    let coded = |code: &str| errors.iter().find(|error| error.is(code));
    if coded("THROTTLED").is_some() {
        return throttled(operation, arrived);
    }
    if let Some(error) = coded("MAX_COST_EXCEEDED") {
        let cost = error.cost;
        return Failure::never(Error::MaxCostExceeded { operation, cost });
    }
    if let Some(error) = coded("ACCESS_DENIED") {
        let message = error.message.clone();
        return Failure::never(Error::AccessDenied { message });
    }
    if coded("SHOP_INACTIVE").is_some() {
        return Failure::never(Error::ShopFrozen);
    }
    let passing = errors.iter().all(|error| error.is("INTERNAL_SERVER_ERROR"));
    let errors = errors.into_iter().map(|error| GraphQlError {
        message: error.message,
        code: error.code,
    });
    let error = Error::GraphQl {
        operation,
        errors: errors.collect(),
    };
    if passing {
        Failure::passing(error, arrived.retry_after)
    } else {
        Failure::never(error)
    }
}

fn judge_status(
    operation: &'static str,
    status: u16,
    envelope: Option<Envelope>,
    arrived: &RawResponse,
) -> Failure {
    let errors = envelope
        .map(|envelope| envelope.errors())
        .unwrap_or_default();
    match status {
        401 => Failure {
            error: Error::Unauthorized,
            retry: Retry::WithNewToken,
        },
        402 => Failure::never(Error::ShopFrozen),
        403 => {
            let message = errors.into_iter().next().map(|error| error.message);
            let message = message.unwrap_or_else(|| "no reason given".to_owned());
            Failure::never(Error::AccessDenied { message })
        }
        404 => Failure::never(Error::NotFound),
        423 => Failure::never(Error::ShopLocked),
        429 => throttled(operation, arrived),
        430 => Failure::never(Error::SecurityRejection),
        _ => {
            let error = Error::Status {
                operation,
                status,
                request_id: arrived.request_id.clone(),
            };
            match status {
                500.. => Failure::passing(error, arrived.retry_after),
                400 if !errors.is_empty() => judge_errors(operation, errors, arrived),
                _ => Failure::never(error),
            }
        }
    }
}

fn throttled(operation: &'static str, arrived: &RawResponse) -> Failure {
    let retry_after = arrived.retry_after;
    Failure {
        error: Error::Throttled {
            operation,
            retry_after,
        },
        retry: Retry::Throttled(retry_after),
    }
}

/// A page of HTML or half an answer: what a failing proxy sends.
fn not_json(operation: &'static str, source: serde_json::Error) -> Failure {
    let error = Error::Transport {
        operation,
        timed_out: false,
        source: Box::new(source),
    };
    Failure::passing(error, None)
}
