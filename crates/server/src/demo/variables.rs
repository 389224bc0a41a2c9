//! Builds the settings of the demo and writes them to a `.env` file.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::ExposeSecret;
use spaces_store::EmbeddedS3;
use url::Url;

use crate::settings::{Environment, Settings};
use crate::terminal::CommandError;

/// The variables that the service is started with, in the order of the `.env` file.
pub(super) type Variables = Vec<(&'static str, String)>;

/// Returns `bytes` random bytes in hexadecimal.
pub(super) fn random_hex(bytes: usize) -> String {
    let random: Vec<u8> = std::iter::repeat_with(rand::random::<u8>)
        .take(bytes)
        .collect();
    hex::encode(random)
}

pub(super) fn service_variables(address: &Url, port: u16, folder: &Path, log: &str) -> Variables {
    let address = address.as_str().trim_end_matches('/');
    // `%` and `?` are special characters in a database URL.
    let file = folder.join("shopsync.db").display().to_string();
    let file = file.replace('%', "%25").replace('?', "%3f");
    let key = BASE64.encode(rand::random::<[u8; 32]>());
    vec![
        ("SHOPSYNC__SERVER__ADDRESS", "127.0.0.1".to_owned()),
        ("PORT", port.to_string()),
        ("SHOPIFY_API_KEY", "shopsync-demo".to_owned()),
        ("SHOPIFY_API_SECRET", random_hex(16)),
        ("STATE_TOKEN_SECRET", random_hex(16)),
        ("SHOPSYNC_ENCRYPTION_KEYS", format!("demo:{key}")),
        (
            "SHOPIFY_REDIRECT_URI",
            format!("{address}/shopify/callback"),
        ),
        (
            "SHOPIFY_WEBHOOK_ADDRESS",
            format!("{address}/shopify/webhook"),
        ),
        ("DATABASE_URL", format!("sqlite:{file}")),
        // The demo ends without waiting for a run.
        ("SHOPSYNC__SYNC__DRAIN", "0s".to_owned()),
        ("RUST_LOG", log.to_owned()),
    ]
}

pub(super) fn space_variables(s3: &EmbeddedS3) -> Variables {
    let config = s3.config();
    vec![
        ("SPACES_ENDPOINT", config.endpoint.to_string()),
        ("SPACES_REGION", config.region),
        ("SPACES_BUCKET", config.bucket),
        (
            "SPACES_ACCESS_KEY",
            config.access_key.expose_secret().to_owned(),
        ),
        (
            "SPACES_SECRET_KEY",
            config.secret_key.expose_secret().to_owned(),
        ),
    ]
}

/// Returns the value of a variable; empty if it is not set.
pub(super) fn value(variables: &Variables, name: &str) -> String {
    let found = variables.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

/// Loads the settings from these variables only. The environment of this machine is not read, so that no real shop or
/// Space is used.
pub(super) fn settings(variables: &Variables) -> Result<Settings, CommandError> {
    let given = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    let environment = Environment::from_pairs(given);
    let loaded = Settings::from_layers(None, &Environment::default(), &environment)?;
    Ok(loaded.settings)
}

pub(super) fn write_env(path: &Path, variables: &Variables) -> Result<(), CommandError> {
    let mut text = String::from("# The settings of this demo.\n");
    for (name, value) in variables {
        let value = value
            .replace('\\', r"\\")
            .replace('"', r#"\""#)
            .replace('$', r"\$");
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{name}=\"{value}\"");
    }
    std::fs::write(path, text).map_err(|error| {
        CommandError::failed(format!("cannot write {}", path.display())).with_cause(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_settings_equal_the_effective_ones() {
        let folder = tempfile::tempdir().unwrap();
        let address = Url::parse("http://127.0.0.1:5001").unwrap();
        let odd = Path::new("/tmp/a b$c\"d'e%f?g\\h");
        let mut variables = service_variables(&address, 5_001, odd, "warn");
        variables.push(("SPACES_BUCKET", "space".to_owned()));
        let file = folder.path().join(".env");
        write_env(&file, &variables).unwrap();
        let read = Environment::from_dot_env(&file).unwrap();
        let read = Settings::from_layers(None, &read, &Environment::default()).unwrap();
        let meant = settings(&variables).unwrap();
        let url = |settings: &Settings| settings.database.url.expose_secret().to_owned();
        assert_eq!(url(&read.settings), url(&meant));
        assert_eq!(
            read.settings.shopify.redirect_uri,
            "http://127.0.0.1:5001/shopify/callback"
        );
        let secret = |settings: &Settings| settings.shopify.api_secret.expose_secret().to_owned();
        assert_eq!(secret(&read.settings), secret(&meant));
    }
}
