//! A server that responds in a fixed order. It responds to unexpected requests with 500 and records them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use shopify_client::{
    Client, ClientBuilder, Endpoint, RetryPolicy, ShopClient, ShopDomain, StaticToken,
};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    pub(crate) operation: String,
    pub(crate) variables: Value,
    pub(crate) token: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl ReceivedRequest {
    pub(crate) fn read(request: &Request) -> Self {
        let body: Value = serde_json::from_slice(&request.body).expect("a JSON body");
        let token = request.headers.get("x-shopify-access-token");
        Self {
            operation: body["operationName"].as_str().unwrap_or_default().into(),
            variables: body["variables"].clone(),
            token: token.map_or("", |token| token.to_str().unwrap()).to_owned(),
            path: request.url.path().to_owned(),
            body,
        }
    }
}

#[derive(Default)]
struct State {
    responses: VecDeque<(&'static str, ResponseTemplate)>,
    requests: Vec<ReceivedRequest>,
    unexpected: Vec<String>,
}

/// A server that responds from a script.
pub(crate) struct Script {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Responder(Arc<Mutex<State>>);

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let received = ReceivedRequest::read(request);
        let mut state = lock(&self.0);
        state.requests.push(received.clone());
        match state.responses.pop_front() {
            Some((operation, response)) if operation == received.operation => response,
            expected => {
                let expected = expected.map_or("nothing", |(operation, _)| operation);
                let message = format!("received {}, expected {expected}", received.operation);
                state.unexpected.push(message.clone());
                ResponseTemplate::new(500).set_body_string(message)
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Script {
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(State::default()));
        let responder = Responder(Arc::clone(&state));
        Mock::given(any())
            .respond_with(responder)
            .mount(&server)
            .await;
        Self { server, state }
    }

    /// Expects this operation next, and responds with this.
    pub(crate) fn then(&self, operation: &'static str, response: ResponseTemplate) -> &Self {
        lock(&self.state).responses.push_back((operation, response));
        self
    }

    pub(crate) fn shop(&self) -> ShopClient {
        shop_at(&self.server.uri(), builder())
    }

    pub(crate) fn shop_with(&self, builder: ClientBuilder) -> ShopClient {
        shop_at(&self.server.uri(), builder)
    }

    pub(crate) fn uri(&self) -> String {
        self.server.uri()
    }

    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.state).requests.clone()
    }

    /// Asserts that exactly the expected requests arrived, and returns them.
    #[track_caller]
    pub(crate) fn finish(&self) -> Vec<ReceivedRequest> {
        let state = lock(&self.state);
        assert!(state.unexpected.is_empty(), "{:?}", state.unexpected);
        let left: Vec<_> = state
            .responses
            .iter()
            .map(|(operation, _)| operation)
            .collect();
        assert!(left.is_empty(), "never requested: {left:?}");
        state.requests.clone()
    }
}

/// A client that does not pause between attempts.
pub(crate) fn builder() -> ClientBuilder {
    Client::builder().retry(RetryPolicy {
        initial_backoff: Duration::ZERO,
        max_backoff: Duration::ZERO,
        throttle_backoff: Duration::ZERO,
        ..RetryPolicy::default()
    })
}

pub(crate) fn client_at(uri: &str, builder: ClientBuilder) -> Client {
    let endpoint = Endpoint::custom(&format!("{uri}/{{shop}}")).unwrap();
    builder.endpoint(endpoint).build().unwrap()
}

pub(crate) fn shop_at(uri: &str, builder: ClientBuilder) -> ShopClient {
    let token = Arc::new(StaticToken::new("token"));
    client_at(uri, builder).shop(&domain(), token)
}

pub(crate) fn domain() -> ShopDomain {
    ShopDomain::parse("example").unwrap()
}

pub(crate) fn json_response(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

/// A response with data only.
pub(crate) fn data(data: &Value) -> ResponseTemplate {
    json_response(200, &json!({ "data": data }))
}

/// A response with one error.
pub(crate) fn error(code: &str) -> ResponseTemplate {
    let error = json!({ "message": "a message", "extensions": { "code": code } });
    json_response(200, &json!({ "errors": [error] }))
}

pub(crate) fn throttled(status: u16) -> ResponseTemplate {
    let error = json!({ "message": "Throttled", "extensions": { "code": "THROTTLED" } });
    json_response(status, &json!({ "errors": [error] }))
}

/// The data of the response to `shop()`.
pub(crate) fn a_shop() -> Value {
    json!({ "shop": {
        "id": "gid://shopify/Shop/1",
        "name": "Example",
        "myshopifyDomain": "example.myshopify.com",
        "primaryDomain": { "host": "example.com", "url": "https://example.com" },
        "currencyCode": "EUR",
        "ianaTimezone": "Europe/Berlin",
        "weightUnit": "KILOGRAMS",
        "plan": { "publicDisplayName": "Basic", "shopifyPlus": false, "partnerDevelopment": true },
    } })
}
