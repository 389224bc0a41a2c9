//! Loads, validates and documents the settings.
//!
//! The only module that reads the environment. `config/default.toml` is compiled in and lists every key.

mod keys;
mod layers;
mod problem;
mod reference;
mod sections;
mod validate;

use std::path::Path;

use config::{Config, FileFormat};
use serde::Deserialize;

pub use keys::{token_cipher, warn_about_derived_keys};
pub use layers::{Environment, Origin};
pub use problem::{Problem, SettingsError};
pub use reference::{configuration_page, env_example};
pub use sections::{
    Addressing, DatabaseSettings, LogFormat, LogSettings, NetworkSettings, PollSettings, Proxy,
    RetentionSettings, ScanStrategy, ServerSettings, ShopifySettings, SpacesSettings, SyncSettings,
    non_empty,
};

/// The default settings, which list every key.
pub const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The HTTP server.
    pub server: ServerSettings,
    /// Outgoing connections.
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
    /// How long records are kept.
    pub retention: RetentionSettings,
    /// The log.
    pub log: LogSettings,
}

/// One setting in force, as it is displayed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EffectiveSetting {
    /// Its key.
    pub key: String,
    /// Its value; for a secret only whether it is set.
    pub value: String,
    /// Where its value comes from.
    pub origin: String,
}

/// The settings, and the origin of each.
#[derive(Debug, Clone)]
pub struct LoadedSettings {
    /// The settings.
    pub settings: Settings,
    /// Every key, in alphabetical order.
    pub effective: Vec<EffectiveSetting>,
}

impl Settings {
    /// Reads all layers: the defaults, `file`, `.env` in the working directory, and the process environment.
    ///
    /// # Errors
    /// Names every invalid key and its remedy. Never contains the value of a secret.
    pub fn load(file: Option<&Path>) -> Result<LoadedSettings, SettingsError> {
        let dot_env = Environment::from_dot_env(Path::new(".env"))?;
        Self::from_layers(file, &dot_env, &Environment::from_process())
    }

    /// Merges the layers; later ones override earlier ones.
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

    /// The default settings.
    ///
    /// # Panics
    /// Never: the defaults are compiled in and tested.
    pub fn defaults() -> Self {
        let empty = Environment::default();
        Self::from_layers(None, &empty, &empty)
            .expect("the compiled-in defaults are valid")
            .settings
    }
}

#[cfg(test)]
mod tests;
