//! Responds from a script instead of the network, for tests.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{ResponseBody, Transport, TransportError};

/// A transport that responds from a script, for tests of programs that use this crate.
///
/// Each step names its request: by the operation's name (`ProductsPage`), or for other requests by method and path
/// (`POST /admin/oauth/access_token`). A step responds once. Steps of the same name respond in their order; steps of
/// different names in any order, since the client sends some requests in parallel. A request without a step fails with
/// an error that names the request and the expected steps, and is not retried; [`ScriptedTransport::finish`] then
/// panics too.
///
/// Clones share the script: pass one to [`ClientBuilder::transport`](crate::ClientBuilder::transport) and keep another.
/// Pauses between attempts take real time unless the test pauses the clock (`#[tokio::test(start_paused = true)]`).
///
/// ```
/// use std::sync::Arc;
///
/// use serde_json::json;
/// use shopify_client::transport::{ScriptedResponse, ScriptedTransport};
/// use shopify_client::{Client, ShopDomain, StaticToken};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let script = ScriptedTransport::new();
/// script
///     .then("ProductsCount", ScriptedResponse::status(502))
///     .then("ProductsCount", ScriptedResponse::data(json!({ "productsCount": { "count": 7, "precision": "EXACT" } })));
///
/// let client = Client::builder().transport(Arc::new(script.clone())).build()?;
/// let shop = client.shop(&ShopDomain::parse("example")?, Arc::new(StaticToken::new("token")));
/// assert_eq!(shop.products_count().await?.count, 7);
///
/// let requests = script.finish();
/// assert_eq!(requests.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ScriptedTransport(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    steps: VecDeque<Step>,
    received: Vec<ScriptedRequest>,
    unexpected: Vec<String>,
}

struct Step {
    name: String,
    response: ScriptedResponse,
    repeat: bool,
}

/// A request that a [`ScriptedTransport`] received.
#[derive(Debug, Clone)]
pub struct ScriptedRequest {
    /// The operation's name; for other requests, method and path.
    pub name: String,
    /// The URL.
    pub url: String,
    /// The variables of a GraphQL operation; otherwise `null`.
    pub variables: Value,
    /// The body, if it is JSON; otherwise `null`.
    pub body: Value,
    /// The access token in the header.
    pub token: Option<SecretString>,
}

/// The response of a step of a [`ScriptedTransport`].
#[derive(Debug, Clone)]
pub struct ScriptedResponse(ScriptedOutcome);

#[derive(Debug, Clone)]
enum ScriptedOutcome {
    Response(http::Response<Bytes>),
    /// The connection is lost after the head and this part of the body.
    Truncated(http::Response<Bytes>),
    ConnectFailed,
    ConnectionLost,
    Timeout,
}

impl ScriptedResponse {
    /// Status 200 with this `data`.
    pub fn data(data: impl Into<Value>) -> Self {
        Self::json(200, json!({ "data": data.into() }))
    }

    /// Status 200 with this `data` and this `extensions.cost`.
    pub fn data_with_cost(data: impl Into<Value>, cost: impl Into<Value>) -> Self {
        let extensions = json!({ "cost": cost.into() });
        Self::json(
            200,
            json!({ "data": data.into(), "extensions": extensions }),
        )
    }

    /// Status 200 with one error of this code, such as `THROTTLED` or `ACCESS_DENIED`.
    pub fn error(code: &str, message: &str) -> Self {
        let error = json!({ "message": message, "extensions": { "code": code } });
        Self::json(200, json!({ "errors": [error] }))
    }

    /// A status and a JSON body.
    pub fn json(status: u16, body: impl Into<Value>) -> Self {
        Self::bytes(status, body.into().to_string()).header("content-type", "application/json")
    }

    /// A status and an empty body.
    pub fn status(status: u16) -> Self {
        Self::bytes(status, Bytes::new())
    }

    /// A status and any body.
    ///
    /// # Panics
    /// If the status is not between 100 and 999.
    #[track_caller]
    pub fn bytes(status: u16, body: impl Into<Bytes>) -> Self {
        let response = http::Response::builder().status(status).body(body.into());
        Self(ScriptedOutcome::Response(
            response.expect("a status from 100 to 999"),
        ))
    }

    /// Adds a header. Connection failures and timeouts have none and stay unchanged.
    ///
    /// # Panics
    /// If the name or the value is not valid.
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let ScriptedOutcome::Response(response) | ScriptedOutcome::Truncated(response) =
            &mut self.0
        {
            let name = HeaderName::try_from(name).expect("a header's name");
            let value = HeaderValue::try_from(value).expect("a header's value");
            response.headers_mut().append(name, value);
        }
        self
    }

    /// The connection is lost after `length` bytes of the body.
    #[must_use]
    pub fn truncated(self, length: usize) -> Self {
        match self.0 {
            ScriptedOutcome::Response(response) | ScriptedOutcome::Truncated(response) => {
                let cut = |body: Bytes| body.slice(..length.min(body.len()));
                Self(ScriptedOutcome::Truncated(response.map(cut)))
            }
            other => Self(other),
        }
    }

    /// The connection fails; nothing is sent.
    pub fn connect_failure() -> Self {
        Self(ScriptedOutcome::ConnectFailed)
    }

    /// The connection is lost before the response arrives.
    pub fn connection_lost() -> Self {
        Self(ScriptedOutcome::ConnectionLost)
    }

    /// The request times out. The error is returned at once.
    pub fn timeout() -> Self {
        Self(ScriptedOutcome::Timeout)
    }
}

impl ScriptedTransport {
    /// Creates an empty script: every request is unexpected.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step that responds once, to the next request of this name.
    pub fn then(&self, name: impl Into<String>, response: ScriptedResponse) -> &Self {
        self.step(name.into(), response, false)
    }

    /// Adds a step that responds to every request of this name for which no earlier step responds. It need not be used.
    pub fn always(&self, name: impl Into<String>, response: ScriptedResponse) -> &Self {
        self.step(name.into(), response, true)
    }

    fn step(&self, name: String, response: ScriptedResponse, repeat: bool) -> &Self {
        let step = Step {
            name,
            response,
            repeat,
        };
        self.lock().steps.push_back(step);
        self
    }

    /// Returns the requests received so far, in order.
    pub fn requests(&self) -> Vec<ScriptedRequest> {
        self.lock().received.clone()
    }

    /// Checks that the script is complete, and returns all requests.
    ///
    /// # Panics
    /// If a request was unexpected, or if a step was not used.
    #[track_caller]
    pub fn finish(&self) -> Vec<ScriptedRequest> {
        let script = self.lock();
        assert!(
            script.unexpected.is_empty(),
            "{}",
            script.unexpected.join("; ")
        );
        let pending = script.pending();
        assert!(
            pending.is_empty(),
            "never requested: {}",
            pending.join(", ")
        );
        script.received.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script {
    /// The steps not used yet.
    fn pending(&self) -> Vec<&str> {
        let once = self.steps.iter().filter(|step| !step.repeat);
        once.map(|step| step.name.as_str()).collect()
    }

    fn respond(&mut self, request: ScriptedRequest) -> Result<ScriptedOutcome, String> {
        let place = self.steps.iter().position(|step| step.name == request.name);
        let step = place.and_then(|place| match self.steps.get(place) {
            Some(step) if step.repeat => Some(step.response.clone()),
            _ => self.steps.remove(place).map(|step| step.response),
        });
        let message = || {
            let pending = self.pending();
            let expected = if pending.is_empty() {
                "nothing more".to_owned()
            } else {
                pending.join(", ")
            };
            let (name, variables) = (&request.name, &request.variables);
            format!("the script expects {expected}, but received `{name}` with {variables}")
        };
        let outcome = step.map(|response| response.0).ok_or_else(message);
        if let Err(message) = &outcome {
            self.unexpected.push(message.clone());
        }
        self.received.push(request);
        outcome
    }
}

impl ScriptedRequest {
    fn read(request: &http::Request<Bytes>) -> Self {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let token = request.headers().get("x-shopify-access-token");
        let operation = body.get("operationName").and_then(Value::as_str);
        let path = request.uri().path();
        Self {
            // If the endpoint has the shop in its path, drop that part.
            name: operation.map_or_else(
                || {
                    let path = path.find("/admin/").map_or(path, |start| &path[start..]);
                    format!("{} {path}", request.method())
                },
                str::to_owned,
            ),
            url: request.uri().to_string(),
            variables: body.get("variables").cloned().unwrap_or_default(),
            token: token
                .and_then(|token| token.to_str().ok())
                .map(SecretString::from),
            body,
        }
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<ResponseBody>, TransportError> {
        let outcome = self.lock().respond(ScriptedRequest::read(&request));
        let outcome = outcome.map_err(|message| TransportError::InvalidRequest(message.into()))?;
        let broken = |timed_out| TransportError::ConnectionLost {
            timed_out,
            source: "as scripted".into(),
        };
        match outcome {
            ScriptedOutcome::Response(response) => {
                Ok(response.map(|body| stream::iter([Ok(body)]).boxed()))
            }
            ScriptedOutcome::Truncated(response) => {
                Ok(response.map(|body| stream::iter([Ok(body), Err(broken(false))]).boxed()))
            }
            ScriptedOutcome::ConnectFailed => Err(TransportError::ConnectFailed {
                timed_out: false,
                source: "as scripted".into(),
            }),
            ScriptedOutcome::ConnectionLost => Err(broken(false)),
            ScriptedOutcome::Timeout => Err(broken(true)),
        }
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.lock();
        f.debug_struct("ScriptedTransport")
            .field("pending", &script.pending())
            .field("received", &script.received.len())
            .finish()
    }
}
