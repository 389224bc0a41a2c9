//! Builds the [`Client`]: transport, settings and the state of each shop.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bulk::{BulkOptions, BulkSlots};
use crate::governor::Governor;
use crate::http_client::HttpClient;
use crate::page_size::PageSizes;
use crate::transport::{NetworkSettings, NetworkTransport, Transport};
use crate::usage::UsageCounters;
use crate::{Endpoint, Error, RetryPolicy, ShopClient, ShopDomain, Timeouts, TokenSource, Usage};

/// The client of all shops: holds connections, settings, and a cost bucket for each shop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) http: HttpClient,
    pub(crate) metafield_namespaces: Vec<String>,
    headroom: f64,
    pub(crate) bulk: Arc<BulkOptions>,
    shops: Mutex<HashMap<ShopDomain, Arc<ShopState>>>,
}

/// The state of one shop, kept while the process runs.
#[derive(Debug)]
pub(crate) struct ShopState {
    pub(crate) governor: Governor,
    pub(crate) usage: UsageCounters,
    pub(crate) sizes: PageSizes,
    pub(crate) version_warned: AtomicBool,
    pub(crate) bulk: BulkSlots,
}

impl Client {
    /// Returns a builder with Shopify's own endpoint and conservative defaults.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns a client for one shop. Cheap: all clients of a shop share its cost bucket.
    pub fn shop(&self, shop: &ShopDomain, token: Arc<dyn TokenSource>) -> ShopClient {
        ShopClient {
            client: self.clone(),
            shop: shop.clone(),
            token,
            state: self.state(shop),
        }
    }

    /// Returns what requests to a shop have cost since this client was built.
    pub fn usage(&self, shop: &ShopDomain) -> Usage {
        let known = self.inner.shops().get(shop).map(Arc::clone);
        known
            .map(|known| known.usage.snapshot())
            .unwrap_or_default()
    }

    /// The endpoint that requests are sent to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.http.endpoint
    }

    pub(crate) fn state(&self, shop: &ShopDomain) -> Arc<ShopState> {
        let mut shops = self.inner.shops();
        let known = shops.entry(shop.clone()).or_insert_with(|| {
            Arc::new(ShopState {
                governor: Governor::new(self.inner.headroom),
                usage: UsageCounters::default(),
                sizes: PageSizes::default(),
                version_warned: AtomicBool::new(false),
                bulk: BulkSlots::new(self.inner.bulk.max_concurrent),
            })
        });
        Arc::clone(known)
    }
}

impl Inner {
    fn shops(&self) -> MutexGuard<'_, HashMap<ShopDomain, Arc<ShopState>>> {
        // No code panics while it holds the lock, so the map is complete even if the lock is poisoned.
        self.shops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Settings of a [`Client`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    endpoint: Endpoint,
    network: NetworkSettings,
    transport: Option<Arc<dyn Transport>>,
    metafield_namespaces: Vec<String>,
    retry: RetryPolicy,
    headroom: f64,
    max_response_size: usize,
    bulk: BulkOptions,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::default(),
            network: NetworkSettings::default(),
            transport: None,
            metafield_namespaces: vec!["custom".to_owned()],
            retry: RetryPolicy::default(),
            headroom: 0.1,
            max_response_size: 64 << 20,
            bulk: BulkOptions::default(),
        }
    }
}

impl ClientBuilder {
    /// Sets the endpoint that requests are sent to; Shopify itself by default.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Sets the time limits of requests; by default 10 s to connect and 60 s in total.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.network.timeouts = timeouts;
        self
    }

    /// Sets the `User-Agent` header.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.network.user_agent = user_agent.into();
        self
    }

    /// Trusts another certificate authority, given as PEM, in addition to the platform's.
    #[must_use]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.network.root_certificates.push(pem.into());
        self
    }

    /// Sends all requests through this HTTP proxy: an http or https URL, with percent-encoded user and password if the
    /// proxy requires them. For https addresses the client requests a tunnel (`CONNECT`), so the proxy sees only hosts
    /// and ports. There is no proxy by default; proxy environment variables are not read.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.network.proxy = Some(url.into().into());
        self
    }

    /// Bypasses the proxy for these hosts: domains with their subdomains (`example.com`, with or without a leading
    /// dot), IP addresses, ranges (`10.0.0.0/8`), or everything (`*`). The entries have the form of `NO_PROXY` entries.
    /// Ports are ignored.
    #[must_use]
    pub fn proxy_bypass<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.network.proxy_bypass = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Sends requests through this transport instead of the network. The builder's timeouts, user agent, certificates
    /// and proxy then have no effect.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Sets the namespaces whose metafields are read. Default: `custom`. An empty list reads all namespaces.
    #[must_use]
    pub fn metafield_namespaces<S: Into<String>>(
        mut self,
        namespaces: impl IntoIterator<Item = S>,
    ) -> Self {
        self.metafield_namespaces = namespaces.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how transient failures are retried.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the share of the cost bucket, 0 to 0.9, that is left to other callers with the app's token. Default: 0.1.
    #[must_use]
    pub fn headroom(mut self, share: f64) -> Self {
        self.headroom = share;
        self
    }

    /// Sets the maximum size of one response in bytes. Default: 64 MiB. Catalogue pages shrink when they exceed it.
    #[must_use]
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.max_response_size = bytes;
        self
    }

    /// Sets how bulk operations are run, downloaded and read.
    #[must_use]
    pub fn bulk(mut self, options: BulkOptions) -> Self {
        self.bulk = options;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`Error::Configuration`] if a certificate, the proxy, a bypass entry, the user agent or the headroom is invalid,
    /// or if TLS cannot be initialised.
    pub fn build(self) -> Result<Client, Error> {
        if !(0.0..=0.9).contains(&self.headroom) {
            let reason = format!("the headroom {} is not between 0 and 0.9", self.headroom);
            return Err(Error::Configuration { reason });
        }
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(NetworkTransport::new(&self.network)?),
        };
        Ok(Client {
            inner: Arc::new(Inner {
                http: HttpClient {
                    transport,
                    endpoint: self.endpoint,
                    retry: self.retry,
                    max_response_size: self.max_response_size,
                },
                metafield_namespaces: self.metafield_namespaces,
                headroom: self.headroom,
                bulk: Arc::new(self.bulk),
                shops: Mutex::default(),
            }),
        })
    }
}
