use std::sync::Arc;

use super::BulkOptions;
use super::marker::Marker;
use crate::{ShopClient, ShopDomain};

/// The single steps of bulk operations in one shop.
#[derive(Debug, Clone)]
pub struct Bulk {
    pub(super) shop: ShopClient,
    pub(super) options: Arc<BulkOptions>,
    pub(super) marker: Marker,
}

impl ShopClient {
    /// Bulk operations with the client's [`BulkOptions`].
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
    /// Says that a bulk operation of the shop has ended, as the webhook `bulk_operations/finish` tells: those who wait
    /// look at once. Without it they look after a while all the same, since no delivery is guaranteed.
    pub fn notify_bulk_finished(&self, shop: &ShopDomain) {
        self.state(shop).bulk.notify();
    }
}

impl Bulk {
    /// The same with other settings. [`BulkOptions::max_concurrent`] stays that of the client.
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

    /// Says that an operation of this shop has ended; see [`Client::notify_bulk_finished`](crate::Client::notify_bulk_finished).
    pub fn notify_finished(&self) {
        self.shop.state.bulk.notify();
    }
}
