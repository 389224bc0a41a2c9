use std::sync::Arc;

use tokio::sync::Notify;

/// Holds one call of a fake until the test lets it continue.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Signals>);

#[derive(Debug, Default)]
struct Signals {
    reached: Notify,
    opened: Notify,
}

impl Gate {
    /// Waits until the call is held.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Lets the call continue.
    pub fn open(&self) {
        self.0.opened.notify_one();
    }

    pub(crate) async fn pass(&self) {
        self.0.reached.notify_one();
        self.0.opened.notified().await;
    }
}
