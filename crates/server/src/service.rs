//! The composition root: builds the service's components from the settings. The HTTP server and the commands share it.

use std::sync::Arc;

use secrecy::ExposeSecret;
use shopify_client::bulk::Strategy;
use spaces_store::{RetryConfig, SpacesConfig, SpoolConfig, Store, Timeouts};
use sync_core::ports::{CatalogSource, Clock};
use sync_core::schedule::Scheduler;
use sync_core::{Engine, EngineConfig, Ports, intake::Intake};
use sync_db::{Database, SchemaState};
use tokio::sync::Notify;

use crate::adapters::{ShopTokens, ShopifyApp, ShopifyCatalog, SpacesSnapshots, SystemClock};
use crate::periodic_jobs::PeriodicJobs;
use crate::run_events::RunEvents;
use crate::run_watch::RunWatch;
use crate::settings::{
    Addressing, NetworkSettings, ScanStrategy, Settings, SettingsError, SpacesSettings,
    SyncSettings, warn_about_derived_keys,
};

/// Why the service cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A required setting is missing or invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The state database cannot be opened.
    #[error("cannot open the state database (DATABASE_URL)")]
    Database(#[source] Box<sync_db::Error>),
    /// No S3 client can be built from the Space's settings.
    #[error("the settings of the Space are invalid")]
    Space(#[source] Box<spaces_store::Error>),
    /// No Shopify client can be built from the app's settings.
    #[error("the settings of the Shopify app are invalid")]
    Shopify(#[source] Box<shopify_client::Error>),
    /// The port is in use, or the address is not one of this machine's.
    #[error("cannot listen on {address} (server.address, PORT)")]
    Listen {
        /// The configured address.
        address: std::net::SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl OpenError {
    fn database(error: sync_db::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

/// Components that tests replace.
#[derive(Default)]
pub struct Overrides {
    /// Replaces the system clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// Replaces the Shopify catalogue.
    pub catalog: Option<Arc<dyn CatalogSource>>,
}

impl std::fmt::Debug for Overrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overrides")
            .field("clock", &self.clock.is_some())
            .field("catalog", &self.catalog.is_some())
            .finish()
    }
}

/// The service's components, none of them running yet.
#[derive(Clone)]
pub struct Service {
    /// The settings it was built from.
    pub settings: Arc<Settings>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The state database.
    pub database: Database,
    /// The Space, with its request counters.
    pub store: Store,
    /// The Shopify app.
    pub app: ShopifyApp,
    /// The shops' access tokens.
    pub tokens: ShopTokens,
    /// The engine's ports.
    pub ports: Ports,
    /// Executes runs.
    pub engine: Engine,
    /// Records webhook deliveries.
    pub intake: Intake,
    /// Broadcasts the events of this process.
    pub run_events: RunEvents,
    /// Notified when there may be new work.
    pub wake: Arc<Notify>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Opens the state database. Changes neither its file nor its schema.
///
/// # Errors
/// If no key for sealing tokens is available, the database does not exist or cannot be reached, or its schema is not the one
/// of this binary.
pub async fn open_database(settings: &Settings) -> Result<Database, OpenError> {
    let config = database_config(settings)?;
    let opened = Database::open(settings.database.url.expose_secret(), config).await;
    let database = opened.map_err(OpenError::database)?;
    let checked = database.require_current_schema().await;
    let (database, ()) = close_if_failed(database, checked).await?;
    Ok(database)
}

/// Opens the state database, creates it if it is missing (SQLite), and runs the missing migrations. Returns the state of the
/// schema before.
///
/// # Errors
/// If no key for sealing tokens is available, the database cannot be reached or created, a migration fails, or the schema is
/// newer than this binary.
pub async fn migrate_database(settings: &Settings) -> Result<(Database, SchemaState), OpenError> {
    let config = database_config(settings)?;
    let opened = Database::open_or_create(settings.database.url.expose_secret(), config).await;
    let database = opened.map_err(OpenError::database)?;
    let migrated = database.migrate().await;
    close_if_failed(database, migrated).await
}

fn database_config(settings: &Settings) -> Result<sync_db::Config, SettingsError> {
    let mut config = sync_db::Config::new(settings.token_cipher()?);
    config.connections = settings.database.max_connections;
    Ok(config)
}

/// Closes the database if the result is an error.
async fn close_if_failed<T>(
    database: Database,
    result: Result<T, sync_db::Error>,
) -> Result<(Database, T), OpenError> {
    match result {
        Ok(value) => Ok((database, value)),
        Err(error) => {
            database.close().await;
            Err(OpenError::database(error))
        }
    }
}

impl Service {
    /// Opens the database, which it migrates unless `database.migrate` is off, and builds all components. Contacts neither Shopify nor the Space.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(settings: Settings, overrides: Overrides) -> Result<Self, OpenError> {
        settings.require_for_syncing()?;
        warn_about_derived_keys(&settings.database, &settings.shopify);
        let database = if settings.database.migrate {
            migrate_database(&settings).await?.0
        } else {
            open_database(&settings).await?
        };
        let clock = overrides.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let space = |error| OpenError::Space(Box::new(error));
        let backend = spaces_config(&settings.spaces, &settings.network).map_err(space)?;
        let store = Store::new(backend.connect().map_err(space)?);
        let app = ShopifyApp::new(&settings.shopify, &settings.network)
            .map_err(|error| OpenError::Shopify(Box::new(error)))?;
        let state = Arc::new(database.clone());
        let tokens = ShopTokens::new(state.clone(), Arc::new(app.grants()), Arc::clone(&clock));
        let catalog = overrides.catalog.unwrap_or_else(|| {
            let address = settings.shopify.webhook_address.as_str();
            let catalog = ShopifyCatalog::new(app.clone(), tokens.clone(), address);
            Arc::new(catalog.with_strategy(bulk_strategy(settings.shopify.scan_strategy)))
        });
        let ports = Ports {
            catalog,
            publisher: Arc::new(SpacesSnapshots::new(
                store.clone(),
                spool_config(&settings.spaces),
            )),
            registry: state.clone(),
            inbox: state.clone(),
            mirror: state.clone(),
            publications: state.clone(),
            runs: state,
            clock: Arc::clone(&clock),
        };
        let wake = Arc::new(Notify::new());
        let run_events = RunEvents::default();
        let engine = Engine::new(
            ports.clone(),
            engine_config(&settings.sync),
            Arc::clone(&wake),
        );
        let intake = Intake::new(
            Arc::clone(&ports.registry),
            Arc::clone(&ports.inbox),
            Arc::clone(&clock),
            Arc::clone(&wake),
            Arc::new(run_events.clone()),
            settings.sync.debounce,
        );
        Ok(Self {
            settings: Arc::new(settings),
            clock,
            database,
            store,
            app,
            tokens,
            ports,
            engine,
            intake,
            run_events,
            wake,
        })
    }

    /// Waits for runs of this process and of others.
    pub fn run_watch(&self) -> RunWatch {
        RunWatch::new(Arc::clone(&self.ports.runs), self.run_events.clone())
    }

    /// The jobs that run every minute.
    pub fn periodic_jobs(&self) -> PeriodicJobs {
        let poll = &self.settings.poll;
        let scheduler = match (poll.enabled, poll.zone(), poll.time()) {
            (true, Some(zone), Some(at)) => Some(Scheduler::new(
                Arc::new(self.database.clone()),
                Arc::clone(&self.clock),
                Arc::clone(&self.wake),
                zone,
                at,
                poll.spread,
            )),
            _ => None,
        };
        PeriodicJobs::new(
            scheduler,
            Arc::clone(&self.ports.runs),
            self.database.clone(),
            Arc::clone(&self.clock),
            self.settings.retention.history,
        )
    }
}

fn engine_config(sync: &SyncSettings) -> EngineConfig {
    EngineConfig {
        lease_duration: sync.lease,
        idle_poll: sync.idle_poll,
        dirty_per_run: sync.dirty_per_run,
        batch_size: sync.batch,
        disappearance_limit: sync.disappearance_limit,
        disappearance_floor: sync.disappearance_floor,
        retry_base: sync.retry_base,
        retry_max: sync.retry_max,
        unavailable_recheck: sync.unavailable_recheck,
        drain_timeout: sync.drain,
        ..EngineConfig::default()
    }
}

fn bulk_strategy(scans: ScanStrategy) -> Strategy {
    match scans {
        ScanStrategy::Auto => Strategy::Auto,
        ScanStrategy::Paging => Strategy::Paging,
        ScanStrategy::Bulk => Strategy::Bulk,
    }
}

fn spool_config(spaces: &SpacesSettings) -> SpoolConfig {
    SpoolConfig {
        dir: (!spaces.spool_folder.is_empty()).then(|| spaces.spool_folder.clone().into()),
        memory_limit: spaces.spool_memory,
    }
}

/// The Space's client configuration.
///
/// # Errors
/// If the settings are not a valid Space.
pub fn spaces_config(
    spaces: &SpacesSettings,
    network: &NetworkSettings,
) -> Result<SpacesConfig, spaces_store::Error> {
    let mut config = SpacesConfig::new(
        spaces.endpoint_url(),
        spaces.region.as_str(),
        spaces.bucket.as_str(),
        spaces.access_key.clone(),
        spaces.secret_key.clone(),
    );
    config.addressing = match spaces.addressing {
        Addressing::Auto => spaces_store::Addressing::Auto,
        Addressing::Path => spaces_store::Addressing::Path,
        Addressing::VirtualHost => spaces_store::Addressing::VirtualHost,
    };
    config.timeouts = Timeouts {
        request: spaces.request_timeout,
        ..Timeouts::default()
    };
    config.retry = RetryConfig {
        max_retries: spaces.max_retries,
        ..RetryConfig::default()
    };
    config.proxy = network.proxy().map(|proxy| spaces_store::Proxy {
        url: proxy.url,
        bypass: proxy.bypass,
    });
    config.validate()?;
    Ok(config)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An empty state database.
    pub(crate) async fn database_in_memory() -> Database {
        let cipher = sync_db::TokenCipher::derive_from(&"test".into());
        let config = sync_db::Config::new(cipher);
        let connecting = Database::connect("sqlite::memory:", config);
        connecting.await.unwrap()
    }
}
