//! Builds the HTTP client of both backends and classifies its errors.

use std::error::Error as StdError;

use secrecy::ExposeSecret;

use crate::config::{ConfigError, Proxy, SpacesConfig};
#[cfg(feature = "rusoto")]
use crate::error::TransportKind;
use crate::error::{Error, Result};

/// A client that sends signed requests unchanged: no redirects, no decompression.
pub(super) fn client(config: &SpacesConfig) -> Result<reqwest::Client> {
    // Fails if a provider is already installed, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("spaces-store/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(config.timeouts.connect)
        .pool_max_idle_per_host(16)
        .tcp_nodelay(true)
        .no_gzip()
        // Ignores the proxy environment variables.
        .no_proxy();
    if let Some(Proxy { url, bypass }) = &config.proxy {
        let proxy = reqwest::Proxy::all(url.expose_secret()).map_err(|_| ConfigError::Invalid {
            setting: "proxy",
            problem: "is not a usable proxy URL",
        })?;
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&bypass.join(","))));
    }
    if let Some(pem) = &config.root_certificate_pem {
        let unusable = |_| ConfigError::Invalid {
            setting: "root_certificate_pem",
            problem: "is not a PEM certificate",
        };
        let roots = reqwest::Certificate::from_pem_bundle(pem).map_err(unusable)?;
        if roots.is_empty() {
            return Err(ConfigError::Invalid {
                setting: "root_certificate_pem",
                problem: "contains no certificate",
            }
            .into());
        }
        builder = builder.tls_certs_merge(roots);
    }
    builder
        .build()
        .map_err(|error| Error::Backend(Box::new(error)))
}

/// Classifies a failure below HTTP.
#[cfg(feature = "rusoto")]
pub(super) fn transport_kind(error: &reqwest::Error) -> TransportKind {
    if error.is_timeout() {
        TransportKind::Timeout
    } else if is_tls_error(error) {
        TransportKind::Tls
    } else if error.is_connect() {
        TransportKind::Connect
    } else {
        TransportKind::Broken
    }
}

/// Whether a failed TLS handshake caused `error`.
///
/// rustls wraps its error in an `io::Error`, and the connector may wrap that in another one. `io::Error::source` skips
/// the wrapped error itself, so this uses `get_ref`.
pub(super) fn is_tls_error(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        let io = error.downcast_ref::<std::io::Error>();
        let wrapped = io.and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

/// The error for a request without a complete response. Removes the URL, which contains the key.
#[cfg(feature = "rusoto")]
pub(super) fn transport_error(error: reqwest::Error) -> Error {
    Error::Transport {
        kind: transport_kind(&error),
        source: Box::new(error.without_url()),
    }
}
