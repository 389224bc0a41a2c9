//! Holds and validates the settings of one bucket: address, keys, time limits, retries, proxy.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// The settings of one bucket of an S3-compatible store.
///
/// Plain data: [`SpacesConfig::validate`] checks it, `connect` creates the store.
#[derive(Debug, Clone)]
pub struct SpacesConfig {
    /// The service's URL without the bucket, such as `https://nyc3.digitaloceanspaces.com`. An endpoint whose host
    /// starts with the bucket's name, as DigitalOcean's control panel shows it, is accepted too.
    pub endpoint: Url,
    /// The region in the signature, such as `nyc3`.
    pub region: String,
    /// The bucket's name (DigitalOcean calls a bucket a Space).
    pub bucket: String,
    /// The access key ID.
    pub access_key: SecretString,
    /// The secret access key.
    pub secret_key: SecretString,
    /// Whether the bucket's name is part of the host or of the path. Default: [`Addressing::Auto`].
    pub addressing: Addressing,
    /// Time limits of one attempt.
    pub timeouts: Timeouts,
    /// How failed attempts are retried.
    pub retry: RetryConfig,
    /// Certificate authorities (PEM) to trust in addition to the system's.
    pub root_certificate_pem: Option<Vec<u8>>,
    /// The HTTP proxy to the store. Default: none; proxy environment variables are ignored.
    pub proxy: Option<Proxy>,
    /// The clock that provides the signing time. Default: the system clock. The `aws` backend always uses the system
    /// clock.
    pub clock: SigningClock,
}

/// An HTTP proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// An http or https URL, with user name and password if the proxy requires them. Requests to https stores are
    /// tunnelled (`CONNECT`).
    pub url: SecretString,
    /// Hosts to connect to directly: domains (with their subdomains), IP addresses, ranges such as `10.0.0.0/8`.
    pub bypass: Vec<String>,
}

/// The clock that provides the signing time of requests.
#[derive(Clone)]
pub struct SigningClock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl SigningClock {
    /// A clock that calls `now` for each attempt.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The system clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "a default that every caller can replace"
    )]
    pub fn system() -> Self {
        Self::new(Utc::now)
    }

    /// The current time.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl Default for SigningClock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for SigningClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningClock")
    }
}

/// Where the bucket's name is in request URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// [`VirtualHost`](Self::VirtualHost) at DigitalOcean and AWS if the bucket's name is a single host label; otherwise
    /// [`Path`](Self::Path).
    #[default]
    Auto,
    /// `https://endpoint/bucket/key`.
    Path,
    /// `https://bucket.endpoint/key`.
    VirtualHost,
}

/// Time limits of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For connecting, including TLS. Default: 5 s.
    pub connect: Duration,
    /// From the end of the request to the first byte of the response, and between two bytes of it. Default: 30 s.
    pub read: Duration,
    /// For a whole attempt, unless its response is streamed. Default: 120 s, enough for 64 MiB at 5 Mbit/s.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(30),
            request: Duration::from_mins(2),
        }
    }
}

/// How failed attempts are retried: after a random delay between zero and `base * 2^n` (at most `max`), and never
/// before the response's `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// Retries after the first attempt. Default: 6.
    pub max_retries: u32,
    /// Upper limit of the first delay. Default: 200 ms.
    pub base: Duration,
    /// Upper limit of any delay, except one that `Retry-After` requests. Default: 15 s.
    pub max: Duration,
    /// No retry starts later than this after the start of the first attempt. Default: 90 s.
    pub budget: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_retries: 6,
            base: Duration::from_millis(200),
            max: Duration::from_secs(15),
            budget: Duration::from_secs(90),
        }
    }
}

impl RetryConfig {
    /// No retries.
    pub const fn never() -> Self {
        Self {
            max_retries: 0,
            base: Duration::ZERO,
            max: Duration::ZERO,
            budget: Duration::ZERO,
        }
    }

    /// The delay before retry number `attempt` (from 0); `random` is in `0.0..1.0`.
    pub fn delay(&self, attempt: u32, random: f64, retry_after: Option<Duration>) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(2_u32.saturating_pow(attempt))
            .min(self.max);
        let delay = ceiling.mul_f64(random.clamp(0.0, 1.0));
        delay.max(retry_after.unwrap_or_default())
    }
}

/// Settings that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting has an invalid value.
    #[error("`{setting}` {problem}")]
    Invalid {
        /// The field of [`SpacesConfig`], or `store`.
        setting: &'static str,
        /// What is wrong with it. Never contains the value.
        problem: &'static str,
    },
    /// The crate was built without a required Cargo feature.
    #[error("the crate was built without the required Cargo feature `{0}`")]
    MissingFeature(&'static str),
}

const fn invalid(setting: &'static str, problem: &'static str) -> ConfigError {
    ConfigError::Invalid { setting, problem }
}

impl Proxy {
    fn is_http(&self) -> bool {
        let url = Url::parse(self.url.expose_secret());
        url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    }
}

impl SpacesConfig {
    /// Settings with the default time limits and retries.
    pub fn new(
        endpoint: Url,
        region: impl Into<String>,
        bucket: impl Into<String>,
        access_key: impl Into<SecretString>,
        secret_key: impl Into<SecretString>,
    ) -> Self {
        Self {
            endpoint,
            region: region.into(),
            bucket: bucket.into(),
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            addressing: Addressing::Auto,
            timeouts: Timeouts::default(),
            retry: RetryConfig::default(),
            root_certificate_pem: None,
            proxy: None,
            clock: SigningClock::system(),
        }
    }

    /// DigitalOcean's endpoint in `region`: `https://{region}.digitaloceanspaces.com`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if `region` is not a host label.
    pub fn endpoint_of_region(region: &str) -> Result<Url, ConfigError> {
        let label = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !label(region) {
            return Err(invalid("region", "is not a region's name"));
        }
        Url::parse(&format!("https://{region}.digitaloceanspaces.com"))
            .map_err(|_| invalid("region", "is not a region's name"))
    }

    /// Checks the settings without using the network.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !matches!(self.endpoint.scheme(), "http" | "https") {
            return Err(invalid("endpoint", "must start with http:// or https://"));
        }
        if self.endpoint.host().is_none() {
            return Err(invalid("endpoint", "has no host"));
        }
        if !self.endpoint.username().is_empty() || self.endpoint.password().is_some() {
            return Err(invalid("endpoint", "must not contain a user name"));
        }
        if !matches!(self.endpoint.path(), "" | "/")
            || self.endpoint.query().is_some()
            || self.endpoint.fragment().is_some()
        {
            return Err(invalid(
                "endpoint",
                "must have no path and no query (the bucket is a separate setting)",
            ));
        }
        check_name("region", &self.region)?;
        check_name("bucket", &self.bucket)?;
        check_secret("access_key", &self.access_key)?;
        check_secret("secret_key", &self.secret_key)?;
        if self.proxy.as_ref().is_some_and(|proxy| !proxy.is_http()) {
            return Err(invalid("proxy", "is not an http or https URL"));
        }
        if self.addressing == Addressing::VirtualHost
            && !matches!(self.endpoint.host(), Some(Host::Domain(_)))
        {
            return Err(invalid(
                "addressing",
                "cannot put the bucket before an IP address",
            ));
        }
        Ok(())
    }

    /// The endpoint without the bucket's name, if its host starts with that.
    #[cfg(any(feature = "_s3", test))]
    pub(crate) fn service_endpoint(&self) -> Url {
        let mut endpoint = self.endpoint.clone();
        let bare = endpoint
            .host_str()
            .and_then(|host| host.strip_prefix(&format!("{}.", self.bucket)))
            .filter(|rest| rest.contains('.') || *rest == "localhost")
            .map(str::to_owned);
        if let Some(bare) = bare {
            // Cannot fail: a suffix of a valid host is a valid host.
            let _ = endpoint.set_host(Some(&bare));
        }
        endpoint
    }

    /// Whether the bucket's name is part of the host.
    #[cfg(any(feature = "_s3", test))]
    pub(crate) fn is_virtual_host(&self) -> bool {
        match self.addressing {
            Addressing::Path => false,
            Addressing::VirtualHost => true,
            Addressing::Auto => {
                let endpoint = self.service_endpoint();
                // A wildcard certificate covers a single label only.
                let one_label = !self.bucket.contains('.') && !self.bucket.contains('_');
                let known = endpoint.host_str().is_some_and(|host| {
                    host.ends_with(".digitaloceanspaces.com") || host.ends_with(".amazonaws.com")
                });
                known && one_label
            }
        }
    }
}

fn check_name(setting: &'static str, text: &str) -> Result<(), ConfigError> {
    if text.is_empty() {
        return Err(invalid(setting, "is empty"));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if text.len() > 255 || !text.bytes().all(plain) || text.contains("..") || text == "." {
        return Err(invalid(
            setting,
            "may only have letters, digits, dots, dashes and underscores",
        ));
    }
    Ok(())
}

fn check_secret(setting: &'static str, secret: &SecretString) -> Result<(), ConfigError> {
    let text = secret.expose_secret();
    if text.is_empty() {
        return Err(invalid(setting, "is empty"));
    }
    if text.trim() != text || text.contains(char::is_control) {
        return Err(invalid(setting, "has white space around it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(endpoint: &str, bucket: &str) -> SpacesConfig {
        SpacesConfig::new(
            Url::parse(endpoint).unwrap(),
            "nyc3",
            bucket,
            "key",
            "secret",
        )
    }

    type Mutation = Box<dyn Fn(&mut SpacesConfig)>;

    #[test]
    fn rejects_invalid_settings() {
        let good = || config("https://nyc3.digitaloceanspaces.com", "shops");
        assert_eq!(good().validate(), Ok(()));
        let cases: [(&str, Mutation); 9] = [
            (
                "endpoint",
                Box::new(|c| c.endpoint = Url::parse("ftp://h").unwrap()),
            ),
            (
                "endpoint",
                Box::new(|c| c.endpoint = Url::parse("https://u:p@h").unwrap()),
            ),
            (
                "endpoint",
                Box::new(|c| c.endpoint = Url::parse("https://h/bucket").unwrap()),
            ),
            ("region", Box::new(|c| c.region = String::new())),
            ("bucket", Box::new(|c| c.bucket = "a/b".to_owned())),
            ("bucket", Box::new(|c| c.bucket = "..".to_owned())),
            ("access_key", Box::new(|c| c.access_key = "".into())),
            ("secret_key", Box::new(|c| c.secret_key = "secret\n".into())),
            (
                "addressing",
                Box::new(|c| {
                    c.endpoint = Url::parse("http://127.0.0.1:1").unwrap();
                    c.addressing = Addressing::VirtualHost;
                }),
            ),
        ];
        for (expected, mutate) in cases {
            let mut bad = good();
            mutate(&mut bad);
            match bad.validate() {
                Err(ConfigError::Invalid { setting, .. }) => assert_eq!(setting, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn accepts_an_endpoint_that_starts_with_the_bucket() {
        let config = config("https://shops.nyc3.digitaloceanspaces.com", "shops");
        assert_eq!(
            config.service_endpoint().as_str(),
            "https://nyc3.digitaloceanspaces.com/"
        );
        assert!(config.is_virtual_host());
    }

    #[test]
    fn chooses_the_addressing_style() {
        for (endpoint, bucket, virtual_host) in [
            ("https://nyc3.digitaloceanspaces.com", "shops", true),
            ("https://nyc3.digitaloceanspaces.com", "my.shops", false),
            ("http://127.0.0.1:9000", "shops", false),
            ("http://localhost:9000", "shops", false),
            ("https://ceph.example", "shops", false),
        ] {
            assert_eq!(
                config(endpoint, bucket).is_virtual_host(),
                virtual_host,
                "{endpoint} {bucket}"
            );
        }
    }

    #[test]
    fn endpoint_of_region_rejects_other_hosts() {
        let url = SpacesConfig::endpoint_of_region("fra1").unwrap();
        assert_eq!(url.as_str(), "https://fra1.digitaloceanspaces.com/");
        for bad in ["", "evil.example/", "a@b", "a.b", "a#"] {
            assert!(SpacesConfig::endpoint_of_region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn delays_grow_and_respect_retry_after() {
        let retry = RetryConfig::default();
        assert_eq!(retry.delay(0, 1.0, None), Duration::from_millis(200));
        assert_eq!(retry.delay(3, 1.0, None), Duration::from_millis(1600));
        assert_eq!(retry.delay(3, 0.5, None), Duration::from_millis(800));
        assert_eq!(retry.delay(99, 1.0, None), retry.max);
        let retry_after = Duration::from_secs(40);
        assert_eq!(retry.delay(0, 0.0, Some(retry_after)), retry_after);
    }

    #[test]
    fn debug_hides_the_keys() {
        let text = format!("{:?}", config("https://h", "shops"));
        assert!(
            !text.contains("\"secret\"") && !text.contains("\"key\""),
            "{text}"
        );
    }
}
