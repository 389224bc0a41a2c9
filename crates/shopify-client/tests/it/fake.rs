//! A small shop: pages over a made-up catalogue, is strict about cursors, and fails on request.

mod answers;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use shopify_client::{ClientBuilder, ShopClient};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::script::{ReceivedRequest, builder, data, error, json_response, shop_at, throttled};

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Throttled,
    Status(u16),
    Internal,
    NotJson,
    /// All the data, and an error besides.
    DataWithErrors,
}

pub(crate) use answers::{DEEPEST, number};

type Change = Box<dyn FnOnce(&mut Things) + Send>;
type Spoil = fn(&mut Value);

/// What the shop has, and how it behaves.
#[derive(Default)]
pub(crate) struct Things {
    pub(crate) products: Vec<Value>,
    pub(crate) collections: Vec<Value>,
    pub(crate) discounts: Vec<Value>,
    pub(crate) locations: Vec<Value>,
    /// No page is longer, whatever is asked for.
    pub(crate) longest_page: Option<usize>,
    /// More than so many things times things within cost too much.
    pub(crate) most: Option<i64>,
    /// Requests of more than so many things fail with 502.
    pub(crate) heaviest: Option<i64>,
    /// For the requests to come, in their order.
    pub(crate) faults: VecDeque<Option<Fault>>,
    /// Happens just before such an operation is next answered.
    pub(crate) before: Vec<(&'static str, Change)>,
    /// Is done to all answers to such an operation.
    pub(crate) spoiled: Option<(&'static str, Spoil)>,
    /// The kinds of id that discounts answer to; empty: all three.
    pub(crate) discount_names: Vec<&'static str>,
    pub(crate) asked: Vec<ReceivedRequest>,
}

pub(crate) struct Shop {
    server: MockServer,
    things: Arc<Mutex<Things>>,
}

struct Responder(Arc<Mutex<Things>>);

impl Shop {
    pub(crate) async fn start(things: Things) -> Self {
        let server = MockServer::start().await;
        let things = Arc::new(Mutex::new(things));
        let responder = Responder(Arc::clone(&things));
        Mock::given(any())
            .respond_with(responder)
            .mount(&server)
            .await;
        Self { server, things }
    }

    pub(crate) fn client(&self) -> ShopClient {
        self.client_with(builder())
    }

    pub(crate) fn client_with(&self, builder: ClientBuilder) -> ShopClient {
        shop_at(&self.server.uri(), builder)
    }

    pub(crate) fn things(&self) -> MutexGuard<'_, Things> {
        lock(&self.things)
    }

    /// A client that reads the metafields of all namespaces.
    pub(crate) fn client_for_all(&self) -> ShopClient {
        self.client_with(builder().metafield_namespaces(Vec::<String>::new()))
    }

    /// How often an operation was asked.
    pub(crate) fn times(&self, operation: &str) -> usize {
        let things = self.things();
        things
            .asked
            .iter()
            .filter(|asked| asked.operation == operation)
            .count()
    }

    /// The variables of an operation, each time it was asked.
    pub(crate) fn variables(&self, operation: &str) -> Vec<Value> {
        let things = self.things();
        let asked = things
            .asked
            .iter()
            .filter(|asked| asked.operation == operation);
        asked.map(|asked| asked.variables.clone()).collect()
    }
}

fn lock(things: &Mutex<Things>) -> MutexGuard<'_, Things> {
    things.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let asked = ReceivedRequest::read(request);
        let mut things = lock(&self.0);
        things.asked.push(asked.clone());
        if let Some(fault) = things.faults.pop_front().flatten() {
            return match fault {
                Fault::Throttled => throttled(200),
                Fault::Status(status) => ResponseTemplate::new(status),
                Fault::Internal => error("INTERNAL_SERVER_ERROR"),
                Fault::NotJson => ResponseTemplate::new(200).set_body_string("{\"data\":{"),
                Fault::DataWithErrors => {
                    let data = things.answer(&asked).unwrap_or_default();
                    let errors = json!([{ "message": "something failed" }]);
                    json_response(200, &json!({ "data": data, "errors": errors }))
                }
            };
        }
        let due = |(name, _): &mut (&str, Change)| *name == asked.operation;
        for (_, change) in things.before.extract_if(.., due).collect::<Vec<_>>() {
            change(&mut things);
        }
        let weight = weight(&asked.variables);
        if things.most.is_some_and(|most| weight > most) {
            return error("MAX_COST_EXCEEDED");
        }
        if things.heaviest.is_some_and(|heaviest| weight > heaviest) {
            return ResponseTemplate::new(502);
        }
        match things.answer(&asked) {
            Ok(mut answer) => {
                if let Some((operation, spoil)) = things.spoiled
                    && operation == asked.operation
                {
                    spoil(&mut answer);
                }
                data(&answer)
            }
            Err(complaint) => json_response(200, &json!({ "errors": [{ "message": complaint }] })),
        }
    }
}

/// Things asked for, times things within each.
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
