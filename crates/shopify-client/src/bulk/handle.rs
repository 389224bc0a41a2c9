//! The handle for bulk operations of one shop.

use std::sync::Arc;

use super::BulkOptions;
use super::marker::Marker;
use crate::{ShopClient, ShopDomain};

/// Bulk operations of one shop, step by step.
#[derive(Debug, Clone)]
pub struct Bulk {
    pub(super) shop: ShopClient,
    pub(super) options: Arc<BulkOptions>,
    pub(super) marker: Marker,
}

impl ShopClient {
    /// A handle for bulk operations with the client's [`BulkOptions`].
    pub fn bulk(&self) -> Bulk {
        let options = Arc::clone(&self.client.inner.bulk);
        Bulk {
            shop: self.clone(),
            marker: Marker::new(&options.marker),
            options,
        }
    }
}

impl crate::Client {
    /// Notifies the client that a bulk operation of the shop has ended, as the webhook `bulk_operations/finish`
    /// reports. Waiting callers then poll at once. Without a notification they poll at intervals, since webhook
    /// delivery is not guaranteed.
    pub fn notify_bulk_finished(&self, shop: &ShopDomain) {
        self.state(shop).bulk.notify();
    }
}

impl Bulk {
    /// Replaces the settings. [`BulkOptions::max_concurrent`] stays that of the client.
    #[must_use]
    pub fn with_options(mut self, options: BulkOptions) -> Self {
        self.marker = Marker::new(&options.marker);
        self.options = Arc::new(options);
        self
    }

    /// The settings.
    pub fn options(&self) -> &BulkOptions {
        &self.options
    }

    /// Notifies the client that an operation of this shop has ended; see
    /// [`Client::notify_bulk_finished`](crate::Client::notify_bulk_finished).
    pub fn notify_finished(&self) {
        self.shop.state.bulk.notify();
    }
}
