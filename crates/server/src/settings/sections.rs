//! Defines one struct for each section of `config/default.toml`, which documents the settings.

use std::net::IpAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

/// The secret, unless it is empty: an empty setting counts as not set.
pub fn non_empty(secret: &SecretString) -> Option<&SecretString> {
    (!secret.expose_secret().is_empty()).then_some(secret)
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// The address to listen on.
    pub address: IpAddr,
    /// The port; 0 selects a free one.
    pub port: u16,
    /// The number of HTTP threads.
    pub http_workers: usize,
    /// The largest webhook body in bytes.
    pub webhook_body_limit: usize,
    /// Reserved for the dashboard; no route uses it.
    pub admin_token: SecretString,
    /// The number of processes that share the database.
    pub replicas: u32,
}

/// `[network]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// The proxy's URL, which may contain a password.
    pub proxy: SecretString,
    /// Hosts that are reached without the proxy.
    #[serde(deserialize_with = "list")]
    pub no_proxy: Vec<String>,
}

/// The proxy in force.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its URL, which may contain a password.
    pub url: SecretString,
    /// Hosts that are reached without it.
    pub bypass: Vec<String>,
}

impl NetworkSettings {
    /// The proxy, unless none is configured or all hosts bypass it. The local host always bypasses it.
    pub fn proxy(&self) -> Option<Proxy> {
        let url = non_empty(&self.proxy)?.expose_secret();
        if self.no_proxy.iter().any(|entry| entry == "*") {
            return None;
        }
        // The variable is often written without a scheme.
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let named = self.no_proxy.iter();
        let named = named.map(|entry| entry.strip_prefix('*').unwrap_or(entry).to_owned());
        let this_machine = ["localhost", "127.0.0.0/8", "::1"].map(str::to_owned);
        Some(Proxy {
            url: url.into(),
            bypass: named.chain(this_machine).collect(),
        })
    }
}

/// `[shopify]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopifySettings {
    /// The app's client id.
    pub api_key: String,
    /// The app's client secret.
    pub api_secret: SecretString,
    /// The previous client secret, during a rotation.
    pub api_secret_previous: SecretString,
    /// The URL that Shopify redirects the merchant to.
    pub redirect_uri: String,
    /// The URL that Shopify delivers webhooks to.
    pub webhook_address: String,
    /// The secret that signs OAuth states.
    pub state_token_secret: SecretString,
    /// The previous secret of states, during a rotation.
    pub state_token_secret_previous: SecretString,
    /// The base URL of shops: a template with `{shop}`.
    pub endpoint: String,
    /// The access scopes that are requested.
    #[serde(deserialize_with = "list")]
    pub scopes: Vec<String>,
    /// The namespaces whose metafields are copied.
    #[serde(deserialize_with = "list")]
    pub metafield_namespaces: Vec<String>,
    /// How long an OAuth state is valid.
    #[serde(deserialize_with = "duration")]
    pub state_lifetime: Duration,
    /// Whether the callback must come from the browser that began the installation.
    pub require_state_cookie: bool,
    /// How long the callback waits for the first upload.
    #[serde(deserialize_with = "duration")]
    pub callback_wait: Duration,
    /// The time limit of one request.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// The share of the API budget left to other apps, in percent.
    pub budget_reserve: u8,
    /// How full scans read a shop.
    pub scan_strategy: ScanStrategy,
    /// The longest interval between polls of a bulk operation.
    #[serde(deserialize_with = "duration")]
    pub bulk_poll: Duration,
    /// How long a bulk operation may run.
    #[serde(deserialize_with = "duration")]
    pub bulk_timeout: Duration,
    /// The directory for bulk results while they are read; the system's temporary directory if empty.
    pub spool_folder: String,
    /// How many bytes of a bulk result are held in memory.
    pub spool_memory: usize,
}

/// How full scans read a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanStrategy {
    /// A bulk operation for large catalogues, pages for small ones.
    Auto,
    /// Page by page.
    Paging,
    /// Bulk operations, with pages where they are not possible.
    Bulk,
}

/// `[spaces]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpacesSettings {
    /// The access key.
    pub access_key: SecretString,
    /// The secret key.
    pub secret_key: SecretString,
    /// The bucket.
    pub bucket: String,
    /// The region.
    pub region: String,
    /// The service's URL; `{region}` is replaced.
    pub endpoint: String,
    /// Where the bucket's name appears in URLs.
    pub addressing: Addressing,
    /// The number of retries of a request.
    pub max_retries: u32,
    /// The time limit of one request.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// The directory for documents while they are written; the system's temporary directory if empty.
    pub spool_folder: String,
    /// The largest document held in memory, in bytes.
    pub spool_memory: usize,
}

/// Where the bucket's name appears in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressing {
    /// Depends on the endpoint.
    Auto,
    /// In the path.
    Path,
    /// In the host name.
    VirtualHost,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// The database URL, which may contain a password.
    pub url: SecretString,
    /// The keys that seal tokens: `id:base64,…`, newest first.
    pub encryption_keys: SecretString,
    /// The largest number of connections.
    pub max_connections: u32,
    /// Whether the service migrates an older schema, or refuses to start.
    pub migrate: bool,
}

/// `[sync]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncSettings {
    /// How many shops are synchronised at the same time.
    pub workers: usize,
    /// How long work is delayed after the first delivery of a burst.
    #[serde(deserialize_with = "duration")]
    pub debounce: Duration,
    /// How long a lease lasts without renewal.
    #[serde(deserialize_with = "duration")]
    pub lease: Duration,
    /// How often an idle worker looks for work.
    #[serde(deserialize_with = "duration")]
    pub idle_poll: Duration,
    /// How many items are read and written in one batch.
    pub batch: usize,
    /// How many dirty items one run reads at most.
    pub dirty_per_run: u32,
    /// The share of items that a scan may miss, in percent.
    pub disappearance_limit: u8,
    /// The number of items that a scan may always miss.
    pub disappearance_floor: u64,
    /// The delay after a first failed run.
    #[serde(deserialize_with = "duration")]
    pub retry_base: Duration,
    /// The longest delay between failed runs.
    #[serde(deserialize_with = "duration")]
    pub retry_max: Duration,
    /// How often an unavailable shop is retried.
    #[serde(deserialize_with = "duration")]
    pub unavailable_recheck: Duration,
    /// How long runs may continue at shutdown.
    #[serde(deserialize_with = "duration")]
    pub drain: Duration,
}

/// `[poll]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollSettings {
    /// Whether the daily poll is enabled.
    pub enabled: bool,
    /// The local time, `HH:MM`.
    pub at: String,
    /// The time zone, as an IANA name.
    pub timezone: String,
    /// The interval over which the shops' scans are spread.
    #[serde(deserialize_with = "duration")]
    pub spread: Duration,
}

/// `[retention]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// How long runs and deliveries are kept.
    #[serde(deserialize_with = "duration")]
    pub history: Duration,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// The format of a line.
    pub format: LogFormat,
    /// The filter, in the syntax of `RUST_LOG`.
    pub filter: String,
}

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Readable text.
    Human,
    /// One JSON object per line.
    Json,
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    humantime_serde::deserialize(from)
}

/// Deserializes a list, or a comma-separated text as in environment variables.
fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct ListVisitor;
    impl<'de> de::Visitor<'de> for ListVisitor {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list, or a comma-separated text")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            let items = text.split(',').map(str::trim);
            Ok(items
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect())
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element()? {
                items.push(item);
            }
            Ok(items)
        }
    }
    from.deserialize_any(ListVisitor)
}
