//! Starts and stops a simulator with its shops.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use indexmap::IndexMap;
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

use crate::app::SimApp;
use crate::bucket::BucketSize;
use crate::catalog::generate::generate;
use crate::catalog::spec::CatalogSpec;
use crate::clock::{SimClock, SystemClock};
use crate::control::ShopControl;
use crate::graphql::AdminApi;
use crate::server::{self, Shops};
use crate::shop::{Context, Shop};
use crate::tasks::Tasks;
use crate::webhook::{RetrySchedule, Sender};

const SUFFIX: &str = ".myshopify.com";
const MOST_PRODUCTS: usize = 200_000;

/// Why the simulator does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The builder has no shop.
    #[error("there is no shop: call `shop` on the builder")]
    NoShop,
    /// The name is not valid for a shop.
    #[error("\"{0}\" cannot be a shop's name: use letters, digits and hyphens")]
    InvalidShopName(String),
    /// Two shops have this name.
    #[error("there are two shops named \"{0}\"")]
    DuplicateShopName(String),
    /// The spec has more products than a shop of the simulator can hold.
    #[error("{products} products are too many: the maximum is 200000")]
    TooManyProducts {
        /// The number of products in the spec.
        products: usize,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The HTTP client for webhooks cannot be created.
    #[error("the HTTP client for webhooks cannot be created")]
    Client(#[source] reqwest::Error),
}

/// Configures a simulator. Created by [`Simulator::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct SimulatorBuilder {
    seed: u64,
    shops: Vec<(String, CatalogSpec)>,
    app: SimApp,
    clock: Arc<dyn SimClock>,
    bucket: BucketSize,
    retry_scale: f64,
    requires_expiring_tokens: bool,
    listen: SocketAddr,
}

impl SimulatorBuilder {
    /// The seed of ids, tokens and generated catalogues; 0 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds the shop `{name}.myshopify.com`.
    pub fn shop(mut self, name: impl Into<String>, catalog: CatalogSpec) -> Self {
        self.shops.push((name.into(), catalog));
        self
    }

    /// The app that the shops know. Without it only tokens from [`ShopControl::issue_token`] are valid.
    pub fn app(mut self, app: SimApp) -> Self {
        self.app = app;
        self
    }

    /// The clock for rate limits, token expiry and webhook retries; the system's by default.
    pub fn clock(mut self, clock: Arc<dyn SimClock>) -> Self {
        self.clock = clock;
        self
    }

    /// The app's rate limit; 2,000 points and 100 more each second by default.
    pub fn bucket(mut self, bucket: BucketSize) -> Self {
        self.bucket = bucket;
        self
    }

    /// Multiplies the delays between a webhook's retries, which take 4 hours in total otherwise. For demonstrations.
    pub fn retry_scale(mut self, scale: f64) -> Self {
        self.retry_scale = scale;
        self
    }

    /// Rejects tokens that the grant page issued without `expiring=1`, with status 403, as Shopify does for public apps
    /// created since 1 April 2026. Off by default.
    pub fn require_expiring_tokens(mut self) -> Self {
        self.requires_expiring_tokens = true;
        self
    }

    /// The address to listen on; a free port of 127.0.0.1 by default.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Generates the shops and starts the server.
    ///
    /// # Errors
    /// See [`StartError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(self) -> Result<Simulator, StartError> {
        let address = self.listen;
        let listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let tasks = Tasks::new();
        let shops = Arc::new(self.shops(&tasks, address)?);
        tasks.spawn(server::serve(listener, Arc::clone(&shops), tasks.clone()));
        Ok(Simulator {
            address,
            shops,
            _stop: tasks.stop_on_drop(),
            tasks,
        })
    }

    fn shops(self, tasks: &Tasks, address: SocketAddr) -> Result<Shops, StartError> {
        let app = Arc::new(self.app);
        let scale = if self.retry_scale.is_finite() {
            self.retry_scale.clamp(0.0, 1_000.0)
        } else {
            1.0
        };
        let sender = Sender::new(Arc::clone(&app), RetrySchedule::scaled(scale));
        let context = Context {
            app,
            clock: self.clock,
            sender: Arc::new(sender.map_err(StartError::Client)?),
            tasks: tasks.clone(),
            bucket: self.bucket,
            requires_expiring_tokens: self.requires_expiring_tokens,
            address,
        };
        let mut shops = IndexMap::new();
        for (name, spec) in self.shops {
            let name = shop_name(&name)?;
            if spec.products > MOST_PRODUCTS {
                let products = spec.products;
                return Err(StartError::TooManyProducts { products });
            }
            let catalog = generate(&format!("{name}{SUFFIX}"), self.seed, &spec);
            let shop = Shop::new(catalog, self.seed, context.clone());
            if shops.insert(name.clone(), Arc::new(shop)).is_some() {
                return Err(StartError::DuplicateShopName(name));
            }
        }
        if shops.is_empty() {
            return Err(StartError::NoShop);
        }
        Ok(Shops::new(shops, AdminApi::new()))
    }
}

/// Parses a shop's name, with or without the domain suffix.
fn shop_name(text: &str) -> Result<String, StartError> {
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_suffix(SUFFIX).unwrap_or(&lower);
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if name.is_empty() || name.len() > 60 || name.starts_with('-') || !plain {
        return Err(StartError::InvalidShopName(text.to_owned()));
    }
    Ok(name.to_owned())
}

/// A running simulator. It stops when dropped.
pub struct Simulator {
    address: SocketAddr,
    shops: Arc<Shops>,
    tasks: Tasks,
    _stop: DropGuard,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Simulator {
    /// A builder with the defaults.
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder {
            seed: 0,
            shops: Vec::new(),
            app: SimApp::default(),
            clock: Arc::new(SystemClock),
            bucket: BucketSize::default(),
            retry_scale: 1.0,
            requires_expiring_tokens: false,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }

    /// The URL of the shops, with `{shop}` in place of a shop's domain: `http://127.0.0.1:9292/{shop}`.
    pub fn endpoint(&self) -> String {
        format!("http://{}/{{shop}}", self.address)
    }

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The control of a shop, by its name or domain.
    pub fn control(&self, shop: &str) -> Option<ShopControl> {
        self.shops.find(shop).cloned().map(ShopControl::new)
    }

    /// Stops the server and all deliveries, and waits until they have ended.
    pub async fn stop(self) {
        self.tasks.stop().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shops_are_named_with_or_without_their_domain() {
        for text in ["a-1", "A-1", "a-1.myshopify.com"] {
            assert_eq!(shop_name(text).unwrap(), "a-1", "{text}");
        }
        for text in ["", "-a", "a.b", "a_b", "a b", ".myshopify.com", "é"] {
            assert!(shop_name(text).is_err(), "{text}");
        }
    }
}
