//! One struct for each section of `config/default.toml`, which says what the fields mean.

use std::net::IpAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

/// A secret that has been set; an empty one has not.
pub fn non_empty(secret: &SecretString) -> Option<&SecretString> {
    (!secret.expose_secret().is_empty()).then_some(secret)
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// The address to listen on.
    pub address: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Threads that serve HTTP.
    pub http_workers: usize,
    /// In bytes.
    pub webhook_body_limit: usize,
    /// Opens `/metrics` and the admin routes.
    pub admin_token: SecretString,
    /// How many processes share the database.
    pub replicas: u32,
}

/// `[network]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// May hold a password.
    pub proxy: SecretString,
    /// What is reached without it.
    #[serde(deserialize_with = "list")]
    pub no_proxy: Vec<String>,
}

/// A proxy that is in force.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// A URL, which may hold a password.
    pub url: SecretString,
    /// What is reached without it.
    pub bypass: Vec<String>,
}

impl NetworkSettings {
    /// The proxy, if there is one for anything. This machine itself is always reached without it.
    pub fn proxy(&self) -> Option<Proxy> {
        let url = non_empty(&self.proxy)?.expose_secret();
        if self.no_proxy.iter().any(|entry| entry == "*") {
            return None;
        }
        // As everybody writes it who knows the variable.
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
    /// The secret before a rotation.
    pub api_secret_previous: SecretString,
    /// Where Shopify sends the merchant back.
    pub redirect_uri: String,
    /// Where Shopify sends webhooks.
    pub webhook_address: String,
    /// Signs the state of an installation.
    pub state_token_secret: SecretString,
    /// Where shops are reached: a template with `{shop}`.
    pub endpoint: String,
    /// The permissions asked of the merchant.
    #[serde(deserialize_with = "list")]
    pub scopes: Vec<String>,
    /// The namespaces whose metafields are copied.
    #[serde(deserialize_with = "list")]
    pub metafield_namespaces: Vec<String>,
    /// How long the merchant may take.
    #[serde(deserialize_with = "duration")]
    pub state_lifetime: Duration,
    /// Whether the callback must come from the browser that began.
    pub require_state_cookie: bool,
    /// How long the callback waits for the first upload.
    #[serde(deserialize_with = "duration")]
    pub callback_wait: Duration,
    /// The time limit of one request.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// In percent.
    pub budget_reserve: u8,
    /// How full scans read a shop.
    pub scan_strategy: ScanStrategy,
    /// The longest pause between two looks at a bulk operation.
    #[serde(deserialize_with = "duration")]
    pub bulk_poll: Duration,
    /// How long a bulk operation may run.
    #[serde(deserialize_with = "duration")]
    pub bulk_timeout: Duration,
    /// The folder for bulk results being read; the system's when empty.
    pub spool_folder: String,
    /// In bytes.
    pub spool_memory: usize,
}

/// How full scans read a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanStrategy {
    /// By a bulk operation where there is much, by pages otherwise.
    Auto,
    /// Page by page.
    Paging,
    /// By bulk operations, or by pages where there can be none.
    Bulk,
}

/// `[spaces]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpacesSettings {
    /// The access key.
    pub access_key: SecretString,
    /// Its secret.
    pub secret_key: SecretString,
    /// The bucket.
    pub bucket: String,
    /// The region.
    pub region: String,
    /// The service; `{region}` is replaced.
    pub endpoint: String,
    /// Where the bucket's name goes.
    pub addressing: Addressing,
    /// Attempts after the first one.
    pub max_retries: u32,
    /// The time limit of one request.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// The folder for documents being written; the system's when empty.
    pub spool_folder: String,
    /// In bytes.
    pub spool_memory: usize,
}

/// Where the bucket's name goes in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressing {
    /// As the endpoint suggests.
    Auto,
    /// In the path.
    Path,
    /// In the host's name.
    VirtualHost,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// May hold a password.
    pub url: SecretString,
    /// `id:base64,…`, newest first.
    pub encryption_keys: SecretString,
    /// How many connections at most.
    pub max_connections: u32,
}

/// `[sync]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncSettings {
    /// How many shops at the same time.
    pub workers: usize,
    /// How long work waits after the first delivery of a burst.
    #[serde(deserialize_with = "duration")]
    pub debounce: Duration,
    /// How long a dead worker's shop stays reserved.
    #[serde(deserialize_with = "duration")]
    pub lease: Duration,
    /// How often an idle worker looks.
    #[serde(deserialize_with = "duration")]
    pub idle_poll: Duration,
    /// How many items together.
    pub batch: usize,
    /// How many changed items one run reads.
    pub dirty_per_run: u32,
    /// In percent.
    pub disappearance_limit: u8,
    /// ListVisitor that may always be missing.
    pub disappearance_floor: u64,
    /// The wait after a first failed run.
    #[serde(deserialize_with = "duration")]
    pub retry_base: Duration,
    /// The longest wait.
    #[serde(deserialize_with = "duration")]
    pub retry_max: Duration,
    /// How often a refusing shop is asked again.
    #[serde(deserialize_with = "duration")]
    pub unavailable_recheck: Duration,
    /// How long runs may go on at shutdown.
    #[serde(deserialize_with = "duration")]
    pub drain: Duration,
}

/// `[poll]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollSettings {
    /// Whether it takes place.
    pub enabled: bool,
    /// `HH:MM`, local.
    pub at: String,
    /// An IANA name.
    pub timezone: String,
    /// Over how long the shops are spread.
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
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged.
    pub filter: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human on a terminal, else JSON.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    humantime_serde::deserialize(from)
}

/// A list, or a text with commas as the environment has it.
fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct ListVisitor;
    impl<'de> de::Visitor<'de> for ListVisitor {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list, or a text with commas")
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
