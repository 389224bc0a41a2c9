use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bulk::{BulkOptions, BulkSlots};
use crate::governor::Governor;
use crate::http_client::HttpClient;
use crate::page_size::PageSizes;
use crate::transport::{NetworkSettings, NetworkTransport, Transport};
use crate::usage::UsageCounters;
use crate::{Endpoint, Error, RetryPolicy, ShopClient, ShopDomain, TokenSource, Usage};

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the start of a request until its answer has arrived whole.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_mins(1),
        }
    }
}

/// What all shops share: connections, settings, and for each shop its cost bucket. Cheap to clone.
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

/// What is remembered about a shop while the process runs.
#[derive(Debug)]
pub(crate) struct ShopState {
    pub(crate) governor: Governor,
    pub(crate) usage: UsageCounters,
    pub(crate) sizes: PageSizes,
    pub(crate) version_warned: AtomicBool,
    pub(crate) bulk: BulkSlots,
}

impl Client {
    /// A client with Shopify's own endpoint and cautious settings, to be changed before [`ClientBuilder::build`].
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client for one shop. Cheap: make one whenever needed, the shop's cost bucket is shared.
    pub fn shop(&self, shop: &ShopDomain, token: Arc<dyn TokenSource>) -> ShopClient {
        ShopClient {
            client: self.clone(),
            shop: shop.clone(),
            token,
            state: self.state(shop),
        }
    }

    /// What has been asked of a shop since this client was built.
    pub fn usage(&self, shop: &ShopDomain) -> Usage {
        let known = self.inner.shops().get(shop).map(Arc::clone);
        known
            .map(|known| known.usage.snapshot())
            .unwrap_or_default()
    }

    /// Where requests go.
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
        // Nothing panics while it is held, so a poisoned lock still guards a whole map.
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
    /// Where requests go; Shopify itself by default.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// How long requests may take; 10 s to connect and 60 s in all by default.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.network.timeouts = timeouts;
        self
    }

    /// The `User-Agent` header.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.network.user_agent = user_agent.into();
        self
    }

    /// Trusts a further certificate authority, given as PEM, beside those of the platform.
    #[must_use]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.network.root_certificates.push(pem.into());
        self
    }

    /// Sends everything through this HTTP proxy: an http or https URL, with user and password in it if it asks for them
    /// (percent-encoded where they need it). For https addresses it is asked for a tunnel (`CONNECT`), so that it sees
    /// hosts and ports alone. By default there is none, whatever the environment says.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.network.proxy = Some(url.into().into());
        self
    }

    /// Reaches these without the proxy: domains with all that is below them (`example.com`; with or without a dot before
    /// it), IP addresses, ranges of them (`10.0.0.0/8`), or everything (`*`). Each is an entry of what is known as
    /// `NO_PROXY`. Ports cannot be told apart.
    #[must_use]
    pub fn proxy_bypass<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.network.proxy_bypass = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Sends requests in another way than over the network: timeouts, user agent, certificates and proxy are then the
    /// transport's own business.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The namespaces whose metafields are read; `custom` alone by default, and all of them for an empty list.
    #[must_use]
    pub fn metafield_namespaces<S: Into<String>>(
        mut self,
        namespaces: impl IntoIterator<Item = S>,
    ) -> Self {
        self.metafield_namespaces = namespaces.into_iter().map(Into::into).collect();
        self
    }

    /// How failures that pass by themselves are waited for.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The part of the cost bucket, 0 to 0.9, that is left to other callers with the app's token; 0.1 by default.
    #[must_use]
    pub fn headroom(mut self, part: f64) -> Self {
        self.headroom = part;
        self
    }

    /// How large one answer may be, in bytes; 64 MiB by default. A catalogue's pages shrink when they exceed it.
    #[must_use]
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.max_response_size = bytes;
        self
    }

    /// How bulk operations are run, fetched and read.
    #[must_use]
    pub fn bulk(mut self, options: BulkOptions) -> Self {
        self.bulk = options;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`Error::Configuration`] if a certificate, the proxy, what bypasses it, the user agent or the headroom is unusable, or TLS cannot be
    /// set up.
    pub fn build(self) -> Result<Client, Error> {
        if !(0.0..=0.9).contains(&self.headroom) {
            let reason = format!("a headroom of {} is not from 0 to 0.9", self.headroom);
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
