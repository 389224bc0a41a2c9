//! Receives webhooks, as an app does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) struct ReceivedWebhook {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ReceivedWebhook {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Inbox {
    received: Mutex<Vec<Arc<ReceivedWebhook>>>,
    statuses: Mutex<VecDeque<u16>>,
    count: watch::Sender<usize>,
}

/// Responds to webhooks with the given statuses, and with 200 after those.
pub(crate) struct Receiver {
    pub(crate) address: String,
    inbox: Arc<Inbox>,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hooks", listener.local_addr().unwrap());
        let inbox = Arc::new(Inbox::default());
        let app = Router::new()
            .route("/hooks", post(receive))
            .with_state(Arc::clone(&inbox));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            inbox,
            server,
        }
    }

    pub(crate) fn respond_with(&self, statuses: impl IntoIterator<Item = u16>) {
        self.inbox.statuses.lock().unwrap().extend(statuses);
    }

    /// All webhooks received, once there are at least `count`.
    pub(crate) async fn until(&self, count: usize) -> Vec<Arc<ReceivedWebhook>> {
        let mut counts = self.inbox.count.subscribe();
        counts.wait_for(|seen| *seen >= count).await.unwrap();
        self.received()
    }

    pub(crate) fn received(&self) -> Vec<Arc<ReceivedWebhook>> {
        self.inbox.received.lock().unwrap().clone()
    }

    pub(crate) fn topics(&self) -> Vec<String> {
        let received = self.received();
        let topics = received.iter().map(|each| each.header("x-shopify-topic"));
        topics.map(str::to_owned).collect()
    }
}

async fn receive(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> Response {
    let received = Arc::new(ReceivedWebhook { headers, body });
    inbox.received.lock().unwrap().push(received);
    let status = inbox.statuses.lock().unwrap().pop_front().unwrap_or(200);
    inbox.count.send_modify(|count| *count += 1);
    if (300..400).contains(&status) {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, [("location", "/hooks")]).into_response();
    }
    StatusCode::from_u16(status).unwrap().into_response()
}
