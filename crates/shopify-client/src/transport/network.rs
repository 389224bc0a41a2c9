//! Sends requests over the network with reqwest, and validates its settings.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::HeaderValue;
use reqwest::NoProxy;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{RequestTimeout, ResponseBody, Transport, TransportError};
use crate::{Error, Timeouts};

/// The transport that sends requests over the network.
#[derive(Clone)]
pub(crate) struct NetworkTransport(reqwest::Client);

/// The `Debug` text of `reqwest::Client` is omitted: it may contain the proxy's password.
impl fmt::Debug for NetworkTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

/// The settings of a [`NetworkTransport`].
#[derive(Debug, Clone)]
pub(crate) struct NetworkSettings {
    pub(crate) timeouts: Timeouts,
    pub(crate) user_agent: String,
    /// Each in PEM format.
    pub(crate) root_certificates: Vec<Vec<u8>>,
    /// A URL, which may contain a password.
    pub(crate) proxy: Option<SecretString>,
    /// The hosts that bypass the proxy.
    pub(crate) proxy_bypass: Vec<String>,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            user_agent: concat!("shopify-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            root_certificates: Vec::new(),
            proxy: None,
            proxy_bypass: Vec::new(),
        }
    }
}

fn invalid_configuration(reason: impl Into<String>) -> Error {
    let reason = reason.into();
    Error::Configuration { reason }
}

impl NetworkTransport {
    pub(crate) fn new(settings: &NetworkSettings) -> Result<Self, Error> {
        // Fails only if a provider is already installed, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificates = settings.root_certificates.iter().map(|pem| {
            reqwest::Certificate::from_pem_bundle(pem)
                .ok()
                .filter(|found| !found.is_empty())
                .ok_or_else(|| invalid_configuration("a root certificate is not PEM"))
        });
        let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
        let user_agent = HeaderValue::from_str(&settings.user_agent)
            .map_err(|_| invalid_configuration("the user agent cannot be sent in a header"))?;
        let mut http = reqwest::Client::builder()
            .connect_timeout(settings.timeouts.connect)
            .timeout(settings.timeouts.request)
            .user_agent(user_agent)
            // A redirect would send the token to another address.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // Proxy environment variables are ignored.
            .no_proxy();
        let no_proxy = no_proxy(&settings.proxy_bypass)?;
        if let Some(url) = &settings.proxy {
            http = http.proxy(proxy(url)?.no_proxy(no_proxy));
        }
        if !certificates.is_empty() {
            http = http.tls_certs_merge(certificates.into_iter().flatten());
        }
        let http = http
            .build()
            .map_err(|error| invalid_configuration(root_cause(&error)))?;
        Ok(Self(http))
    }
}

/// Errors do not quote the URL, which may contain a password.
fn proxy(url: &SecretString) -> Result<reqwest::Proxy, Error> {
    let url = Url::parse(url.expose_secret()).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let proxy = url.and_then(|url| reqwest::Proxy::all(url).ok());
    proxy.ok_or_else(|| invalid_configuration("the proxy is not an http or https URL"))
}

/// Parses the hosts that bypass the proxy. An entry that can never match is an error, which would otherwise show only
/// later.
fn no_proxy(entries: &[String]) -> Result<Option<NoProxy>, Error> {
    if let Some(wrong) = entries.iter().find(|entry| !is_valid_bypass_entry(entry)) {
        return Err(invalid_configuration(format!(
            "`{wrong}` is not a proxy bypass entry: expected a domain, an IP address, a range such as 10.0.0.0/8, or *"
        )));
    }
    let mut entries = entries.join(",");
    if entries.split(',').any(|entry| entry == "*") {
        // reqwest applies `*` to names only.
        entries.push_str(",0.0.0.0/0,::/0");
    }
    Ok(NoProxy::from_string(&entries))
}

fn is_valid_bypass_entry(entry: &str) -> bool {
    let (address, length) = match entry.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (entry, None),
    };
    match (address.parse::<IpAddr>(), length) {
        (Ok(_), None) => true,
        (Ok(address), Some(length)) => {
            let most = if address.is_ipv4() { 32 } else { 128 };
            length.parse::<u8>().is_ok_and(|length| length <= most)
        }
        (Err(_), Some(_)) => false,
        (Err(_), None) => {
            let domain = entry.strip_prefix('.').unwrap_or(entry);
            let legal = |label: &str| {
                let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                !label.is_empty() && label.chars().all(legal)
            };
            entry == "*" || domain.split('.').all(legal)
        }
    }
}

/// Returns the innermost source, which has the actual reason.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut root_cause = error;
    while let Some(source) = root_cause.source() {
        root_cause = source;
    }
    root_cause.to_string()
}

#[async_trait]
impl Transport for NetworkTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<ResponseBody>, TransportError> {
        let timeout = request.extensions().get::<RequestTimeout>().copied();
        let mut request = reqwest::Request::try_from(request).map_err(transport_error)?;
        if let Some(RequestTimeout(timeout)) = timeout {
            *request.timeout_mut() = Some(timeout);
        }
        let response = self.0.execute(request).await.map_err(transport_error)?;
        let mut http_response = http::Response::builder()
            .status(response.status())
            .version(response.version());
        if let Some(headers) = http_response.headers_mut() {
            headers.clone_from(response.headers());
        }
        let body = response.bytes_stream().map_err(transport_error).boxed();
        http_response
            .body(body)
            .map_err(|error| TransportError::InvalidRequest(error.into()))
    }
}

/// The URL is omitted: it may be a signed one.
fn transport_error(error: reqwest::Error) -> TransportError {
    let timed_out = error.is_timeout();
    let (is_builder, is_connect) = (error.is_builder(), error.is_connect());
    let source = Box::new(error.without_url());
    if is_builder {
        TransportError::InvalidRequest(source)
    } else if is_connect {
        TransportError::ConnectFailed { timed_out, source }
    } else {
        TransportError::ConnectionLost { timed_out, source }
    }
}
