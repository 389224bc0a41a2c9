//! Validates the settings beyond their types: ranges, formats, and settings that depend on each other.

use std::path::Path;
use std::time::Duration;

use chrono::NaiveTime;
use chrono_tz::Tz;
use secrecy::ExposeSecret;
use shopify_client::{Client, ClientBuilder, Error};
use url::Url;

use super::problem::{Problem, SettingsError};
use super::sections::{
    DatabaseSettings, NetworkSettings, PollSettings, Proxy, ServerSettings, ShopifySettings,
    SpacesSettings, SyncSettings,
};
use super::{Settings, non_empty};
use crate::keys::VersionedSecret;

/// The placeholder for the shop's domain in the endpoint.
const SHOP: &str = "{shop}";

impl Settings {
    /// Checks that every configured value is valid, alone and in combination.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        let mut problems = self.server.problems(&self.database);
        if let Err(error) = super::keys::token_cipher(&self.database, &self.shopify) {
            let remedy = "Write id:KEY with KEY from `openssl rand -base64 32`; separate several by commas, newest first.";
            let message = format!("is not a list of keys ({error})");
            problems.push(Problem::new("database.encryption_keys", message, remedy));
        }
        problems.extend(self.network.problems());
        problems.extend(self.shopify.problems());
        problems.extend(self.spaces.problems());
        problems.extend(self.database.problems());
        problems.extend(self.sync.problems());
        problems.extend(self.poll.problems());
        if let Err(error) = env_filter::Builder::new().try_parse(&self.log.filter) {
            let remedy = "Write it as in RUST_LOG: info,server=debug.";
            problems.push(Problem::new(
                "log.filter",
                format!("is not a filter ({error})"),
                remedy,
            ));
        }
        into_result(problems)
    }

    /// Checks that everything is configured that the service needs.
    ///
    /// # Errors
    /// Names every missing key and where to find its value.
    pub fn require_for_serving(&self) -> Result<(), SettingsError> {
        let mut problems = self.missing_for_syncing();
        for (value, key, name, remedy) in [
            (
                &self.shopify.redirect_uri,
                "shopify.redirect_uri",
                "SHOPIFY_REDIRECT_URI",
                "https://YOUR-HOST/shopify/callback, the same as in the app's allowed redirection URLs",
            ),
            (
                &self.shopify.webhook_address,
                "shopify.webhook_address",
                "SHOPIFY_WEBHOOK_ADDRESS",
                "https://YOUR-HOST/shopify/webhook",
            ),
        ] {
            if value.is_empty() {
                problems.push(missing_setting(key, name, remedy));
            }
        }
        into_result(problems)
    }

    /// Checks that everything is configured that one synchronisation needs.
    ///
    /// # Errors
    /// Names every missing key and where to find its value.
    pub fn require_for_syncing(&self) -> Result<(), SettingsError> {
        into_result(self.missing_for_syncing())
    }

    /// The secret that signs OAuth states and installation reports, with its predecessors.
    ///
    /// # Errors
    /// If none is configured.
    pub fn signing_secret(&self) -> Result<VersionedSecret, SettingsError> {
        super::keys::signing_secret(&self.shopify).ok_or_else(|| {
            let source = "any long random text; or set SHOPIFY_API_SECRET";
            missing_setting("shopify.state_token_secret", "STATE_TOKEN_SECRET", source).into()
        })
    }

    /// The cipher that seals tokens.
    ///
    /// # Errors
    /// If there is neither a key nor a secret to derive one from.
    pub fn token_cipher(&self) -> Result<sync_db::TokenCipher, SettingsError> {
        match super::keys::token_cipher(&self.database, &self.shopify) {
            Ok(Some(cipher)) => Ok(cipher),
            // An invalid list was rejected when the settings were loaded.
            Ok(None) | Err(_) => Err(SettingsError::Invalid(vec![missing_setting(
                "database.encryption_keys",
                "SHOPSYNC_ENCRYPTION_KEYS",
                "id:KEY with KEY from `openssl rand -base64 32`; or set STATE_TOKEN_SECRET or SHOPIFY_API_SECRET",
            )])),
        }
    }

    fn missing_for_syncing(&self) -> Vec<Problem> {
        let app = "the app's client credentials in Shopify's Dev Dashboard";
        let keys = "DigitalOcean's control panel, Spaces Object Storage, Access Keys";
        let unset = |secret| non_empty(secret).is_none();
        let (shopify, spaces) = (&self.shopify, &self.spaces);
        [
            (
                shopify.api_key.is_empty(),
                "shopify.api_key",
                "SHOPIFY_API_KEY",
                app,
            ),
            (
                unset(&shopify.api_secret),
                "shopify.api_secret",
                "SHOPIFY_API_SECRET",
                app,
            ),
            (
                unset(&spaces.access_key),
                "spaces.access_key",
                "SPACES_ACCESS_KEY",
                keys,
            ),
            (
                unset(&spaces.secret_key),
                "spaces.secret_key",
                "SPACES_SECRET_KEY",
                keys,
            ),
            (
                spaces.bucket.is_empty(),
                "spaces.bucket",
                "SPACES_BUCKET",
                "the name of your Space",
            ),
        ]
        .into_iter()
        .filter(|(is_missing, ..)| *is_missing)
        .map(|(_, key, name, source)| missing_setting(key, name, source))
        .collect()
    }
}

fn missing_setting(key: &str, name: &str, source: &str) -> Problem {
    Problem::new(key, "is not set", format!("Set {name}: {source}."))
}

fn into_result(problems: Vec<Problem>) -> Result<(), SettingsError> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(SettingsError::Invalid(problems))
    }
}

fn check_at_least_one(problems: &mut Vec<Problem>, key: &str, is_zero: bool) {
    if is_zero {
        problems.push(Problem::new(key, "is zero", "Set it to at least 1."));
    }
}

fn check_range(
    problems: &mut Vec<Problem>,
    key: &str,
    value: Duration,
    least: Duration,
    most: Duration,
) {
    if value < least || value > most {
        let remedy = format!("Choose between {least:?} and {most:?}.");
        problems.push(Problem::new(key, "is out of range", remedy));
    }
}

/// Checks that a directory exists; an empty value selects the system's.
fn check_folder(problems: &mut Vec<Problem>, key: &str, value: &str) {
    if !value.is_empty() && !Path::new(value).is_dir() {
        let remedy = "Create it, or leave this empty for the system's temporary directory.";
        let message = format!("is {value}, which is not a directory");
        problems.push(Problem::new(key, message, remedy));
    }
}

impl ServerSettings {
    fn problems(&self, database: &DatabaseSettings) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_at_least_one(&mut problems, "server.http_workers", self.http_workers == 0);
        check_at_least_one(&mut problems, "server.replicas", self.replicas == 0);
        if self.replicas > 1 && database.is_sqlite() {
            problems.push(Problem::new(
                "server.replicas",
                "is more than 1, but SQLite serves one process",
                "Set DATABASE_URL to a PostgreSQL database, or replicas to 1.",
            ));
        }
        if self.webhook_body_limit < 64 << 10 {
            let remedy = "Set at least 65536; Shopify's bodies reach 3 MB.";
            problems.push(Problem::new(
                "server.webhook_body_limit",
                "is too small",
                remedy,
            ));
        }
        let token = non_empty(&self.admin_token).map(|token| token.expose_secret().len());
        if token.is_some_and(|length| length < 16) {
            let remedy = "Use at least 16 characters, such as from `openssl rand -hex 24`.";
            problems.push(Problem::new("server.admin_token", "is too short", remedy));
        }
        problems
    }
}

impl NetworkSettings {
    /// What the HTTP client rejects, under the setting's name.
    fn problems(&self) -> Vec<Problem> {
        let Some(Proxy { url, bypass }) = self.proxy() else {
            return Vec::new();
        };
        let with_proxy = Client::builder().proxy(url.expose_secret());
        let with_bypass = Client::builder().proxy_bypass(bypass);
        let problem = |client: ClientBuilder, key: &str, remedy: &str| {
            let Err(Error::Configuration { reason }) = client.build() else {
                return None;
            };
            Some(Problem::new(
                key,
                format!("cannot be used: {reason}"),
                remedy,
            ))
        };
        let address =
            "Write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT; SOCKS is not supported.";
        let hosts = "Write domains, IP addresses or ranges, separated by commas, without ports.";
        [
            problem(with_proxy, "network.proxy", address),
            problem(with_bypass, "network.no_proxy", hosts),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl ShopifySettings {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_endpoint(&mut problems);
        for (key, value) in [
            ("shopify.redirect_uri", &self.redirect_uri),
            ("shopify.webhook_address", &self.webhook_address),
        ] {
            if !value.is_empty() && !is_http(value) {
                let remedy = "Write the complete URL, https://HOST/shopify/….";
                problems.push(Problem::new(key, "is not an http or https URL", remedy));
            }
        }
        if self.scopes.is_empty() {
            let remedy = "Name at least read_products.";
            problems.push(Problem::new("shopify.scopes", "is empty", remedy));
        }
        let legal = |c: char| c.is_ascii_lowercase() || c == '_';
        if let Some(scope) = self.scopes.iter().find(|scope| !scope.chars().all(legal)) {
            let remedy = "Scopes look like read_products.";
            let message = format!("has `{scope}`, which is not a scope");
            problems.push(Problem::new("shopify.scopes", message, remedy));
        }
        check_range(
            &mut problems,
            "shopify.state_lifetime",
            self.state_lifetime,
            Duration::from_secs(10),
            Duration::from_hours(24),
        );
        check_range(
            &mut problems,
            "shopify.callback_wait",
            self.callback_wait,
            Duration::ZERO,
            Duration::from_mins(5),
        );
        check_range(
            &mut problems,
            "shopify.request_timeout",
            self.request_timeout,
            Duration::from_secs(1),
            Duration::from_mins(10),
        );
        if self.budget_reserve > 90 {
            let remedy = "Set at most 90, to leave at least a tenth to this service.";
            problems.push(Problem::new(
                "shopify.budget_reserve",
                "is too large",
                remedy,
            ));
        }
        self.check_bulk(&mut problems);
        problems
    }

    fn check_bulk(&self, problems: &mut Vec<Problem>) {
        check_range(
            problems,
            "shopify.bulk_poll",
            self.bulk_poll,
            Duration::from_millis(10),
            Duration::from_hours(24),
        );
        check_range(
            problems,
            "shopify.bulk_timeout",
            self.bulk_timeout,
            Duration::from_secs(1),
            // Shopify's own limit.
            Duration::from_hours(240),
        );
        check_folder(problems, "shopify.spool_folder", &self.spool_folder);
        if self.spool_memory < 1 << 20 {
            let remedy = "Set at least 1048576.";
            problems.push(Problem::new("shopify.spool_memory", "is too small", remedy));
        }
    }

    fn check_endpoint(&self, problems: &mut Vec<Problem>) {
        let sample = self.endpoint.replace(SHOP, "example.myshopify.com");
        if !self.endpoint.contains(SHOP) {
            let remedy =
                "Write {shop} in the place of the shop's domain: http://127.0.0.1:9292/{shop}.";
            problems.push(Problem::new("shopify.endpoint", "has no {shop}", remedy));
        } else if !is_http(&sample) {
            let remedy = "Write it like https://{shop} or http://127.0.0.1:9292/{shop}.";
            let message = "is not an http or https URL";
            problems.push(Problem::new("shopify.endpoint", message, remedy));
        }
    }
}

fn is_http(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

impl SpacesSettings {
    /// The service's URL with the region inserted.
    ///
    /// # Panics
    /// Never on validated settings.
    pub fn endpoint_url(&self) -> Url {
        Url::parse(&self.endpoint.replace("{region}", &self.region))
            .expect("validated when the settings were loaded")
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.region.is_empty() {
            let remedy = "Set SPACES_REGION, such as nyc3.";
            problems.push(Problem::new("spaces.region", "is empty", remedy));
        }
        if !is_http(&self.endpoint.replace("{region}", &self.region)) {
            let remedy =
                "Write the service's URL without the bucket: https://nyc3.digitaloceanspaces.com.";
            let message = "is not an http or https URL";
            problems.push(Problem::new("spaces.endpoint", message, remedy));
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if !self.bucket.chars().all(legal) {
            let remedy = "Write the name alone, without https:// and slashes.";
            problems.push(Problem::new(
                "spaces.bucket",
                "is not a bucket name",
                remedy,
            ));
        }
        check_range(
            &mut problems,
            "spaces.request_timeout",
            self.request_timeout,
            Duration::from_secs(1),
            Duration::from_hours(1),
        );
        check_folder(&mut problems, "spaces.spool_folder", &self.spool_folder);
        problems
    }
}

impl DatabaseSettings {
    /// Whether the database is SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.url.expose_secret().starts_with("sqlite:")
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let url = self.url.expose_secret();
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if !known.iter().any(|scheme| url.starts_with(scheme)) {
            let remedy = "Write sqlite:shopsync.db or postgres://USER:PASSWORD@HOST/NAME.";
            let message = "is neither SQLite nor PostgreSQL";
            problems.push(Problem::new("database.url", message, remedy));
        }
        check_at_least_one(
            &mut problems,
            "database.max_connections",
            self.max_connections == 0,
        );
        problems
    }
}

impl SyncSettings {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_at_least_one(&mut problems, "sync.workers", self.workers == 0);
        check_at_least_one(&mut problems, "sync.dirty_per_run", self.dirty_per_run == 0);
        // `nodes(ids:)` takes at most 250 ids.
        if !(1..=250).contains(&self.batch) {
            let remedy = "Choose between 1 and 250.";
            problems.push(Problem::new("sync.batch", "is out of range", remedy));
        }
        if self.disappearance_limit > 100 {
            let remedy = "Set a percentage of at most 100.";
            problems.push(Problem::new(
                "sync.disappearance_limit",
                "is too large",
                remedy,
            ));
        }
        let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
        let day = Duration::from_hours(24);
        check_range(
            &mut problems,
            "sync.debounce",
            self.debounce,
            Duration::ZERO,
            hour,
        );
        check_range(&mut problems, "sync.lease", self.lease, second * 3, hour);
        let tick = Duration::from_millis(10);
        check_range(&mut problems, "sync.idle_poll", self.idle_poll, tick, hour);
        check_range(&mut problems, "sync.retry_base", self.retry_base, tick, day);
        check_range(&mut problems, "sync.retry_max", self.retry_max, tick, day);
        if self.retry_base > self.retry_max {
            let remedy = "Raise sync.retry_max or lower sync.retry_base.";
            let message = "is longer than sync.retry_max";
            problems.push(Problem::new("sync.retry_base", message, remedy));
        }
        problems
    }
}

impl PollSettings {
    /// The local time of the poll.
    pub fn time(&self) -> Option<NaiveTime> {
        NaiveTime::parse_from_str(&self.at, "%H:%M").ok()
    }

    /// Its time zone.
    pub fn zone(&self) -> Option<Tz> {
        self.timezone.parse().ok()
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.time().is_none() {
            let remedy = "Write it as HH:MM, such as 02:30.";
            problems.push(Problem::new("poll.at", "is not a time of day", remedy));
        }
        if self.zone().is_none() {
            let remedy = "Write an IANA name, such as Europe/Berlin or UTC.";
            problems.push(Problem::new("poll.timezone", "is not a time zone", remedy));
        }
        check_range(
            &mut problems,
            "poll.spread",
            self.spread,
            Duration::ZERO,
            Duration::from_hours(23),
        );
        problems
    }
}
