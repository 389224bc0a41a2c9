//! Defines the client of one shop, and gives access to its usage and its cost governor.

use std::fmt;
use std::sync::Arc;

use crate::client::ShopState;
use crate::governor::Governor;
use crate::{Client, ShopDomain, TokenSource, Usage};

/// The Admin API of one shop.
#[derive(Clone)]
pub struct ShopClient {
    pub(crate) client: Client,
    pub(crate) shop: ShopDomain,
    pub(crate) token: Arc<dyn TokenSource>,
    pub(crate) state: Arc<ShopState>,
}

impl fmt::Debug for ShopClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShopClient({})", self.shop)
    }
}

impl ShopClient {
    /// The shop's domain.
    pub fn domain(&self) -> &ShopDomain {
        &self.shop
    }

    /// Returns what requests to the shop have cost since the [`Client`] was built.
    pub fn usage(&self) -> Usage {
        self.state.usage.snapshot()
    }

    /// The shop's cost governor, which paces every request of this client.
    pub fn governor(&self) -> &Governor {
        &self.state.governor
    }
}
