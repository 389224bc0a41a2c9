//! A subscription to a topic.

use serde_json::Value;

use crate::catalog::change::Event;

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: u64,
    pub(crate) uri: String,
    pub(crate) name: Option<String>,
    pub(crate) api_version: String,
    pub(crate) topic: String,
}

impl Subscription {
    pub(crate) fn takes(&self, event: &Event) -> bool {
        self.topic_path() == event.topic
    }

    /// The event's body as this subscription wants it.
    pub(crate) fn body(&self, event: &Event) -> Value {
        event.body.clone()
    }

    /// The topic as headers have it.
    pub(crate) fn topic_path(&self) -> String {
        self.topic.to_lowercase().replacen('_', "/", 1)
    }
}
