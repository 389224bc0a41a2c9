//! Records the embedded server's requests, so that tests can check them.

use std::sync::{Mutex, PoisonError};

use http::{Method, Request};

/// One request and the status of its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The HTTP method.
    pub method: Method,
    /// The URL's path, bucket and key, percent-encoded: `/bucket/shop/shopify_data.json`.
    pub path: String,
    /// The query string; empty if there is none.
    pub query: String,
    /// The response's status; `None` if the connection was reset instead.
    pub status: Option<u16>,
}

impl LoggedRequest {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            status: None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct RequestLog(Mutex<Vec<LoggedRequest>>);

impl RequestLog {
    pub(super) fn push(&self, entry: LoggedRequest) {
        self.lock().push(entry);
    }

    pub(super) fn all(&self) -> Vec<LoggedRequest> {
        self.lock().clone()
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<LoggedRequest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
