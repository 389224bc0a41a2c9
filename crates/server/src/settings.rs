//! The settings: where they come from, what they mean, and what is wrong with them.
//!
//! The only module that reads the environment. `config/default.toml` is compiled in and names every key.

mod keys;
mod layers;
mod problem;
mod reference;
mod sections;
mod validate;

use std::path::Path;

use config::{Config, FileFormat};
use serde::Deserialize;

pub use keys::{root_secret, token_cipher, warn_about_derived_keys};
pub use layers::{Environment, Origin};
pub use problem::{Problem, SettingsError};
pub use reference::{configuration_page, env_example};
pub use sections::{
    Addressing, DatabaseSettings, LogFormat, LogSettings, NetworkSettings, PollSettings, Proxy,
    RetentionSettings, ScanStrategy, ServerSettings, ShopifySettings, SpacesSettings, SyncSettings,
    non_empty,
};

/// The defaults: the reference of every key.
pub const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The HTTP server.
    pub server: ServerSettings,
    /// The way out.
    pub network: NetworkSettings,
    /// The Shopify app.
    pub shopify: ShopifySettings,
    /// The Space.
    pub spaces: SpacesSettings,
    /// The state database.
    pub database: DatabaseSettings,
    /// How shops are synchronised.
    pub sync: SyncSettings,
    /// The daily full scan.
    pub poll: PollSettings,
    /// What is kept.
    pub retention: RetentionSettings,
    /// The log.
    pub log: LogSettings,
}

/// A setting in force, for people to read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EffectiveSetting {
    /// Its key.
    pub key: String,
    /// Its value; of a secret only whether there is one.
    pub value: String,
    /// What set it.
    pub origin: String,
}

/// Settings and where each of them came from.
#[derive(Debug, Clone)]
pub struct LoadedSettings {
    /// The settings.
    pub settings: Settings,
    /// Every key, in order.
    pub effective: Vec<EffectiveSetting>,
}

impl Settings {
    /// Reads all layers: the defaults, `file`, the `.env` of the working folder and the process environment.
    ///
    /// # Errors
    /// Names every key that is wrong and what to do about it. Never shows the value of a secret.
    pub fn load(file: Option<&Path>) -> Result<LoadedSettings, SettingsError> {
        let dot_env = Environment::from_dot_env(Path::new(".env"))?;
        Self::from_layers(file, &dot_env, &Environment::from_process())
    }

    /// The settings of these layers, the later ones winning.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_layers(
        file: Option<&Path>,
        dot_env: &Environment,
        environment: &Environment,
    ) -> Result<LoadedSettings, SettingsError> {
        let layers = layers::read(file, dot_env, environment)?;
        let mut builder =
            Config::builder().add_source(config::File::from_str(DEFAULTS, FileFormat::Toml));
        for layer in &layers {
            for (key, value) in &layer.values {
                builder = builder
                    .set_override(key, value.clone())
                    .map_err(|_| Problem::unknown_key(key))?;
            }
        }
        let merged = builder
            .build()
            .map_err(|error| problem::from_config_error(&error))?;
        let settings: Self = merged
            .clone()
            .try_deserialize()
            .map_err(|error| problem::from_config_error(&error))?;
        settings.validate()?;
        let effective = layers::effective_settings(&merged, &layers);
        Ok(LoadedSettings {
            settings,
            effective,
        })
    }

    /// The defaults alone.
    ///
    /// # Panics
    /// Never: they are compiled in and a test reads them.
    pub fn defaults() -> Self {
        let nothing = Environment::default();
        Self::from_layers(None, &nothing, &nothing)
            .expect("the compiled-in defaults are valid")
            .settings
    }
}

#[cfg(test)]
mod tests;
