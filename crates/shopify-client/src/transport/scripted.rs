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

/// A transport that answers from a script, for tests of programs that use this crate.
///
/// Each step names the request that it answers: by the operation's name (`ProductsPage`), or for anything but GraphQL by
/// method and path (`POST /admin/oauth/access_token`). A step answers once; steps of the same name answer in the order
/// in which they were given, steps of different names in any order, since the client asks for some things in parallel.
/// A request without a step fails with a sentence that says what was asked and what was expected, and is not tried
/// again; [`ScriptedTransport::finish`] fails too.
///
/// Clones share the script: give one to [`ClientBuilder::transport`](crate::ClientBuilder::transport) and keep another.
/// Pauses between attempts are real unless the test stops the clock (`#[tokio::test(start_paused = true)]`).
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

/// A request that came to a [`ScriptedTransport`].
#[derive(Debug, Clone)]
pub struct ScriptedRequest {
    /// The operation's name; for anything but GraphQL, method and path.
    pub name: String,
    /// Where it was sent.
    pub url: String,
    /// The variables of a GraphQL operation, `null` for anything else.
    pub variables: Value,
    /// The body, as far as it is JSON.
    pub body: Value,
    /// The access token that it carried.
    pub token: Option<SecretString>,
}

/// How a step of a [`ScriptedTransport`] answers.
#[derive(Debug, Clone)]
pub struct ScriptedResponse(ScriptedOutcome);

#[derive(Debug, Clone)]
enum ScriptedOutcome {
    Response(http::Response<Bytes>),
    /// The head and so much of the body arrive.
    Truncated(http::Response<Bytes>),
    ConnectFailed,
    ConnectionLost,
    Timeout,
}

impl ScriptedResponse {
    /// 200 with this `data`.
    pub fn data(data: impl Into<Value>) -> Self {
        Self::json(200, json!({ "data": data.into() }))
    }

    /// 200 with this `data` and what it cost, as Shopify tells it.
    pub fn data_with_cost(data: impl Into<Value>, cost: impl Into<Value>) -> Self {
        let extensions = json!({ "cost": cost.into() });
        Self::json(
            200,
            json!({ "data": data.into(), "extensions": extensions }),
        )
    }

    /// 200 with one error of this code, such as `THROTTLED` or `ACCESS_DENIED`.
    pub fn error(code: &str, message: &str) -> Self {
        let error = json!({ "message": message, "extensions": { "code": code } });
        Self::json(200, json!({ "errors": [error] }))
    }

    /// A JSON body.
    pub fn json(status: u16, body: impl Into<Value>) -> Self {
        Self::bytes(status, body.into().to_string()).header("content-type", "application/json")
    }

    /// An empty body.
    pub fn status(status: u16) -> Self {
        Self::bytes(status, Bytes::new())
    }

    /// Any body.
    ///
    /// # Panics
    /// If there can be no such status.
    #[track_caller]
    pub fn bytes(status: u16, body: impl Into<Bytes>) -> Self {
        let response = http::Response::builder().status(status).body(body.into());
        Self(ScriptedOutcome::Response(
            response.expect("a status from 100 to 999"),
        ))
    }

    /// Adds a header to an answer; the other outcomes have none.
    ///
    /// # Panics
    /// If there can be no such header.
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

    /// The connection breaks after `length` bytes of the body.
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

    /// No connection can be made.
    pub fn connect_failure() -> Self {
        Self(ScriptedOutcome::ConnectFailed)
    }

    /// The connection breaks before there is an answer.
    pub fn connection_lost() -> Self {
        Self(ScriptedOutcome::ConnectionLost)
    }

    /// No answer comes in time. The failure is given at once.
    pub fn timeout() -> Self {
        Self(ScriptedOutcome::Timeout)
    }
}

impl ScriptedTransport {
    /// An empty script: every request is unexpected.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the next request of this name so, once.
    pub fn then(&self, name: impl Into<String>, response: ScriptedResponse) -> &Self {
        self.step(name.into(), response, false)
    }

    /// Answers every request of this name so that no step before it answers. It need not come at all.
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

    /// The requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<ScriptedRequest> {
        self.lock().received.clone()
    }

    /// All requests that came.
    ///
    /// # Panics
    /// If there was an unexpected request, or if a step has not answered yet.
    #[track_caller]
    pub fn finish(&self) -> Vec<ScriptedRequest> {
        let script = self.lock();
        assert!(
            script.unexpected.is_empty(),
            "{}",
            script.unexpected.join("; ")
        );
        let pending = script.pending();
        assert!(pending.is_empty(), "never asked: {}", pending.join(", "));
        script.received.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script {
    /// The steps that have not answered.
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
            format!("the script expects {expected}, but `{name}` was asked with {variables}")
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
            // Behind an endpoint that names the shop in the path, the rest is what the test means.
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
            source: "so says the script".into(),
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
                source: "so says the script".into(),
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
            .field("left", &script.pending())
            .field("asked", &script.received.len())
            .finish()
    }
}
