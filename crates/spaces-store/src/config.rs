//! Where a Space is and how patient its client is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// Everything needed to reach one bucket of an S3-compatible store.
///
/// Plain data: [`SpacesConfig::validate`] says what is wrong with it, and `connect` makes the store.
#[derive(Debug, Clone)]
pub struct SpacesConfig {
    /// The service without the bucket, such as `https://nyc3.digitaloceanspaces.com`. An endpoint whose host starts
    /// with the bucket's name, as DigitalOcean's control panel shows it, is understood as well.
    pub endpoint: Url,
    /// The region that signatures are made for, such as `nyc3`.
    pub region: String,
    /// The bucket ("Space").
    pub bucket: String,
    /// The access key's public part.
    pub access_key: SecretString,
    /// The access key's secret part.
    pub secret_key: SecretString,
    /// Where the bucket's name goes in a URL. Default: [`Addressing::Auto`].
    pub addressing: Addressing,
    /// Time limits of one attempt.
    pub timeouts: Timeouts,
    /// What happens after a failed attempt.
    pub retry: RetryConfig,
    /// A certificate authority (PEM) to trust beside those of the system.
    pub root_certificate_pem: Option<Vec<u8>>,
    /// The proxy on the way to the store. Default: none, whatever the environment says.
    pub proxy: Option<Proxy>,
    /// The time that requests are signed with. Default: this machine's. The `aws` backend always takes this machine's.
    pub clock: SigningClock,
}

/// An HTTP proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// An http or https URL, with user and password in it if it asks for them. For https stores it is asked for a tunnel
    /// (`CONNECT`).
    pub url: SecretString,
    /// What is reached without it: domains with all that is below them, IP addresses, ranges such as `10.0.0.0/8`.
    pub bypass: Vec<String>,
}

/// The time that requests are signed with.
#[derive(Clone)]
pub struct SigningClock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl SigningClock {
    /// Asks `now` at each request.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// This machine's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "a default that every caller can replace"
    )]
    pub fn system() -> Self {
        Self::new(Utc::now)
    }

    /// The time.
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

/// Where the bucket's name goes in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// The host name at DigitalOcean and AWS if the bucket's name is a plain host label; else the path.
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
    /// To connect, TLS included. Default: 5 s.
    pub connect: Duration,
    /// From the end of the request to the first byte of the answer, and between two of its bytes. Default: 30 s.
    pub read: Duration,
    /// For a whole attempt that has no streamed answer. Default: 120 s, enough for 64 MiB at 5 Mbit/s.
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

/// How failed attempts are repeated: after a random time between zero and `base * 2^n`, at most `max`, and never
/// before the store's `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// Attempts after the first one. Default: 6.
    pub max_retries: u32,
    /// Upper limit of the first wait. Default: 200 ms.
    pub base: Duration,
    /// Upper limit of any wait that the store did not ask for. Default: 15 s.
    pub max: Duration,
    /// No new attempt starts when this much time has passed since the first one began. Default: 90 s.
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
    /// One attempt, no more.
    pub const fn never() -> Self {
        Self {
            max_retries: 0,
            base: Duration::ZERO,
            max: Duration::ZERO,
            budget: Duration::ZERO,
        }
    }

    /// How long to wait before retry number `attempt` (from 0); `random` lies in `0.0..1.0`.
    pub fn delay(&self, attempt: u32, random: f64, retry_after: Option<Duration>) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(2_u32.saturating_pow(attempt))
            .min(self.max);
        let delay = ceiling.mul_f64(random.clamp(0.0, 1.0));
        delay.max(retry_after.unwrap_or_default())
    }
}

/// The settings cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// One of them is impossible on its own.
    #[error("`{setting}` {problem}")]
    Invalid {
        /// The field of [`SpacesConfig`], or `store`.
        setting: &'static str,
        /// What is wrong with it. Never the value.
        problem: &'static str,
    },
    /// The crate was built without a feature that this needs.
    #[error("this needs the Cargo feature `{0}`")]
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
    /// Settings with default patience.
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

    /// DigitalOcean's endpoint of `region`: `https://{region}.digitaloceanspaces.com`.
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

    /// Finds settings that cannot work, without asking the network.
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
                "must be a plain address: no path, no query (the bucket is a setting of its own)",
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

    /// The endpoint without the bucket's name in front, if it was given that way.
    #[cfg(any(feature = "_s3", test))]
    pub(crate) fn service_endpoint(&self) -> Url {
        let mut endpoint = self.endpoint.clone();
        let bare = endpoint
            .host_str()
            .and_then(|host| host.strip_prefix(&format!("{}.", self.bucket)))
            .filter(|rest| rest.contains('.') || *rest == "localhost")
            .map(str::to_owned);
        if let Some(bare) = bare {
            // A suffix of a valid host is a valid host.
            let _ = endpoint.set_host(Some(&bare));
        }
        endpoint
    }

    /// Whether the bucket's name goes before the host.
    #[cfg(any(feature = "_s3", test))]
    pub(crate) fn is_virtual_host(&self) -> bool {
        match self.addressing {
            Addressing::Path => false,
            Addressing::VirtualHost => true,
            Addressing::Auto => {
                let endpoint = self.service_endpoint();
                // A wildcard certificate covers one label only.
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
