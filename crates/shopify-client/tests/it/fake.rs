//! A fake shop: pages over a generated catalogue, rejects wrong cursors, and injects faults.

mod responses;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use shopify_client::{ClientBuilder, ShopClient};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::script::{ReceivedRequest, builder, data, error, json_response, shop_at, throttled};

/// A fault injected into one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Throttled,
    Status(u16),
    Internal,
    NotJson,
    /// A response with all the data and also `errors`.
    DataWithErrors,
}

pub(crate) use responses::{MAX_LIST_DEPTH, number};

type Change = Box<dyn FnOnce(&mut FakeState) + Send>;
type Corrupt = fn(&mut Value);

/// The objects of the shop, its limits and its faults.
#[derive(Default)]
pub(crate) struct FakeState {
    pub(crate) products: Vec<Value>,
    pub(crate) collections: Vec<Value>,
    pub(crate) discounts: Vec<Value>,
    pub(crate) locations: Vec<Value>,
    /// No page is longer, whatever `first` is.
    pub(crate) max_page_len: Option<usize>,
    /// Heavier requests fail with `MAX_COST_EXCEEDED`. The weight is the product of the requested list sizes.
    pub(crate) max_weight: Option<i64>,
    /// Heavier requests fail with 502.
    pub(crate) overload_weight: Option<i64>,
    /// Faults of the next requests, in their order.
    pub(crate) faults: VecDeque<Option<Fault>>,
    /// Changes applied just before the next response to an operation.
    pub(crate) changes: Vec<(&'static str, Change)>,
    /// A change to all responses to an operation.
    pub(crate) corruption: Option<(&'static str, Corrupt)>,
    /// The types of id under which discounts are found; empty stands for all three.
    pub(crate) discount_names: Vec<&'static str>,
    pub(crate) requests: Vec<ReceivedRequest>,
}

pub(crate) struct Shop {
    server: MockServer,
    state: Arc<Mutex<FakeState>>,
}

struct Responder(Arc<Mutex<FakeState>>);

impl Shop {
    pub(crate) async fn start(state: FakeState) -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(state));
        let responder = Responder(Arc::clone(&state));
        Mock::given(any())
            .respond_with(responder)
            .mount(&server)
            .await;
        Self { server, state }
    }

    pub(crate) fn client(&self) -> ShopClient {
        self.client_with(builder())
    }

    pub(crate) fn client_with(&self, builder: ClientBuilder) -> ShopClient {
        shop_at(&self.server.uri(), builder)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, FakeState> {
        lock(&self.state)
    }

    /// A client that reads the metafields of all namespaces.
    pub(crate) fn client_with_all_metafields(&self) -> ShopClient {
        self.client_with(builder().metafield_namespaces(Vec::<String>::new()))
    }

    /// The number of requests of an operation.
    pub(crate) fn request_count(&self, operation: &str) -> usize {
        let state = self.state();
        state
            .requests
            .iter()
            .filter(|received| received.operation == operation)
            .count()
    }

    /// The variables of each request of an operation.
    pub(crate) fn variables(&self, operation: &str) -> Vec<Value> {
        let state = self.state();
        let received = state
            .requests
            .iter()
            .filter(|received| received.operation == operation);
        received
            .map(|received| received.variables.clone())
            .collect()
    }
}

fn lock(state: &Mutex<FakeState>) -> MutexGuard<'_, FakeState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let received = ReceivedRequest::read(request);
        let mut state = lock(&self.0);
        state.requests.push(received.clone());
        if let Some(fault) = state.faults.pop_front().flatten() {
            return match fault {
                Fault::Throttled => throttled(200),
                Fault::Status(status) => ResponseTemplate::new(status),
                Fault::Internal => error("INTERNAL_SERVER_ERROR"),
                Fault::NotJson => ResponseTemplate::new(200).set_body_string("{\"data\":{"),
                Fault::DataWithErrors => {
                    let data = state.response(&received).unwrap_or_default();
                    let errors = json!([{ "message": "something failed" }]);
                    json_response(200, &json!({ "data": data, "errors": errors }))
                }
            };
        }
        let due = |(name, _): &mut (&str, Change)| *name == received.operation;
        for (_, change) in state.changes.extract_if(.., due).collect::<Vec<_>>() {
            change(&mut state);
        }
        let weight = weight(&received.variables);
        if state
            .max_weight
            .is_some_and(|max_weight| weight > max_weight)
        {
            return error("MAX_COST_EXCEEDED");
        }
        if state
            .overload_weight
            .is_some_and(|overload_weight| weight > overload_weight)
        {
            return ResponseTemplate::new(502);
        }
        match state.response(&received) {
            Ok(mut response) => {
                if let Some((operation, corrupt)) = state.corruption
                    && operation == received.operation
                {
                    corrupt(&mut response);
                }
                data(&response)
            }
            Err(reason) => json_response(200, &json!({ "errors": [{ "message": reason }] })),
        }
    }
}

/// The product of the requested list sizes.
fn weight(variables: &Value) -> i64 {
    let number = |name: &str| variables[name].as_i64();
    let ids = variables["ids"]
        .as_array()
        .map(|ids| i64::try_from(ids.len()).unwrap());
    let outer = number("first").or(ids).unwrap_or(1);
    let within =
        number("variants").or(number("codes")).unwrap_or(1) * number("levels").unwrap_or(1);
    outer * within * number("products").unwrap_or(1)
}
