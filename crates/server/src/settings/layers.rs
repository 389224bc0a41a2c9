//! Reads the layers above the defaults, and records the origin of each value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Config, FileFormat, Value, ValueKind};

use super::problem::{Problem, SettingsError};
use super::{DEFAULTS, EffectiveSetting};

/// Settings with a short variable name, besides the name that every setting has.
pub(super) const VARIABLES: [(&str, &str); 20] = [
    ("HTTPS_PROXY", "network.proxy"),
    ("NO_PROXY", "network.no_proxy"),
    ("PORT", "server.port"),
    ("SHOPSYNC_ADMIN_TOKEN", "server.admin_token"),
    ("SHOPIFY_API_KEY", "shopify.api_key"),
    ("SHOPIFY_API_SECRET", "shopify.api_secret"),
    ("SHOPIFY_API_SECRET_PREVIOUS", "shopify.api_secret_previous"),
    ("SHOPIFY_REDIRECT_URI", "shopify.redirect_uri"),
    ("SHOPIFY_WEBHOOK_ADDRESS", "shopify.webhook_address"),
    ("SHOPIFY_ENDPOINT", "shopify.endpoint"),
    ("STATE_TOKEN_SECRET", "shopify.state_token_secret"),
    (
        "STATE_TOKEN_SECRET_PREVIOUS",
        "shopify.state_token_secret_previous",
    ),
    ("SPACES_ACCESS_KEY", "spaces.access_key"),
    ("SPACES_SECRET_KEY", "spaces.secret_key"),
    ("SPACES_BUCKET", "spaces.bucket"),
    ("SPACES_REGION", "spaces.region"),
    ("SPACES_ENDPOINT", "spaces.endpoint"),
    ("DATABASE_URL", "database.url"),
    ("SHOPSYNC_ENCRYPTION_KEYS", "database.encryption_keys"),
    ("RUST_LOG", "log.filter"),
];

/// Keys whose values are never displayed.
pub(super) const SECRET_KEYS: [&str; 10] = [
    "network.proxy",
    "server.admin_token",
    "shopify.api_secret",
    "shopify.api_secret_previous",
    "shopify.state_token_secret",
    "shopify.state_token_secret_previous",
    "spaces.access_key",
    "spaces.secret_key",
    "database.url",
    "database.encryption_keys",
];

/// The prefix of variables. It ends with two underscores because other programs set names with one: Kubernetes sets
/// `SHOPSYNC_PORT` for a service of this name.
const PREFIX: &str = "SHOPSYNC__";

/// Environment variables, of the process or of a `.env` file.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Where the variables were set, for the origin of a value.
    place: &'static str,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process.
    pub fn from_process() -> Self {
        // `vars` would panic on any variable that is not UTF-8; such variables are ignored.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            place: "environment",
        }
    }

    /// The variables of a `.env` file; empty if the file does not exist.
    ///
    /// # Errors
    /// If it cannot be read. The error does not quote the invalid line, which may contain a secret.
    pub fn from_dot_env(path: &Path) -> Result<Self, SettingsError> {
        let unreadable = |source| SettingsError::File {
            path: path.to_owned(),
            source,
        };
        if !path.exists() {
            return Ok(Self::default());
        }
        let mut variables = BTreeMap::new();
        for pair in dotenvy::from_path_iter(path).map_err(|error| unreadable(redact(error)))? {
            let (name, value) = pair.map_err(|error| unreadable(redact(error)))?;
            variables.insert(name, value);
        }
        Ok(Self {
            variables,
            place: ".env",
        })
    }

    /// The given names and values.
    pub fn from_pairs<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            variables: variables.into_iter().map(owned).collect(),
            place: "environment",
        }
    }

    /// The value of a variable, unless it is empty: Compose files pass unset variables as empty ones.
    fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

fn redact(error: dotenvy::Error) -> std::io::Error {
    match error {
        dotenvy::Error::Io(error) => error,
        dotenvy::Error::LineParse(_, column) => std::io::Error::other(format!(
            "a line is not NAME=value (near its column {column})"
        )),
        _ => std::io::Error::other("it is not a list of NAME=value"),
    }
}

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `config/default.toml`
    Default,
    /// The file given by `--config`.
    File(PathBuf),
    /// A variable's name, and where it was set.
    Variable(String, &'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name, place) => write!(f, "{name} ({place})"),
        }
    }
}

/// Values that override the defaults, from one source.
pub(super) struct Layer {
    pub(super) values: BTreeMap<String, Value>,
    origins: BTreeMap<String, Origin>,
}

/// The layers above the defaults, lowest first.
pub(super) fn read(
    file: Option<&Path>,
    dot_env: &Environment,
    environment: &Environment,
) -> Result<Vec<Layer>, SettingsError> {
    let known =
        flatten(&read_toml(DEFAULTS).map_err(|error| super::problem::from_config_error(&error))?);
    let mut problems = Vec::new();
    let mut layers = Vec::new();
    if let Some(path) = file {
        layers.push(file_layer(path, &known, &mut problems)?);
    }
    for variables in [dot_env, environment] {
        layers.push(variable_layer(variables, &known, &mut problems));
    }
    if problems.is_empty() {
        Ok(layers)
    } else {
        Err(SettingsError::Invalid(problems))
    }
}

fn read_toml(text: &str) -> Result<Config, config::ConfigError> {
    Config::builder()
        .add_source(config::File::from_str(text, FileFormat::Toml))
        .build()
}

fn file_layer(
    path: &Path,
    known: &BTreeMap<String, Value>,
    problems: &mut Vec<Problem>,
) -> Result<Layer, SettingsError> {
    let unreadable = |source| SettingsError::File {
        path: path.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    // The parser's message quotes the line, which may contain a secret.
    let parsed =
        read_toml(&text).map_err(|_| unreadable(std::io::Error::other("it is not valid TOML")))?;
    let values = flatten(&parsed);
    for key in values.keys().filter(|key| !known.contains_key(*key)) {
        problems.push(unknown_key(key, &format!("in {}", path.display())));
    }
    let origin = Origin::File(path.to_owned());
    let origins = values.keys().map(|key| (key.clone(), origin.clone()));
    Ok(Layer {
        origins: origins.collect(),
        values,
    })
}

fn unknown_key(key: &str, place: &str) -> Problem {
    Problem::new(
        key,
        format!("{place} is not a setting"),
        "`shopsync check-config --reference` lists all settings.",
    )
}

fn variable_layer(
    variables: &Environment,
    known: &BTreeMap<String, Value>,
    problems: &mut Vec<Problem>,
) -> Layer {
    let mut layer = Layer {
        values: BTreeMap::new(),
        origins: BTreeMap::new(),
    };
    for key in known.keys() {
        for name in variable_names(key) {
            if let Some((value, name)) = read_variable(variables, key, &name, problems) {
                layer
                    .origins
                    .insert(key.clone(), Origin::Variable(name, variables.place));
                layer.values.insert(key.clone(), value.into());
            }
        }
    }
    for name in variables.variables.keys() {
        if let Some(rest) = name.strip_prefix(PREFIX) {
            let key = rest.to_lowercase().replace("__", ".");
            let file_of = key.strip_suffix("_file").unwrap_or(&key);
            if !known.contains_key(&key) && !SECRET_KEYS.contains(&file_of) {
                problems.push(unknown_key(name, "in the environment"));
            }
        }
    }
    layer
}

/// The variable names of a key; later ones take precedence.
fn variable_names(key: &str) -> impl Iterator<Item = String> {
    let long = format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
    let short = VARIABLES.iter().find(|(_, of)| *of == key);
    let short = short.map(|(name, _)| (*name).to_owned());
    // Proxy variables are also common in lower case.
    let lower = short.as_deref().filter(|_| key.starts_with("network."));
    let lower = lower.map(str::to_lowercase);
    lower.into_iter().chain(short).chain([long])
}

/// The value of a variable, or, for a secret, the contents of the file named by `…_FILE`. Also returns the name of the
/// variable that was read.
fn read_variable(
    variables: &Environment,
    key: &str,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Option<(String, String)> {
    let direct = variables
        .get(name)
        .map(|value| (value.to_owned(), name.to_owned()));
    let file_name = format!("{name}_FILE");
    let Some(path) = variables
        .get(&file_name)
        .filter(|_| SECRET_KEYS.contains(&key))
    else {
        return direct;
    };
    if direct.is_some() {
        problems.push(Problem::new(
            name,
            format!("and {file_name} are both set"),
            "Remove one of them.",
        ));
        return None;
    }
    match std::fs::read_to_string(path) {
        Ok(content) if content.trim().is_empty() => {
            let remedy = format!("Write the secret into {path}.");
            problems.push(Problem::new(file_name, "names an empty file", remedy));
            None
        }
        Ok(content) => Some((content.trim_end_matches(['\r', '\n']).to_owned(), file_name)),
        Err(error) => {
            let message = format!("names a file that cannot be read ({})", error.kind());
            problems.push(Problem::new(
                file_name,
                message,
                format!("Make {path} readable."),
            ));
            None
        }
    }
}

/// Every leaf value by its dotted key.
fn flatten(config: &Config) -> BTreeMap<String, Value> {
    fn visit(prefix: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
        if let ValueKind::Table(table) = &value.kind {
            for (name, value) in table {
                let key = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                visit(&key, value, into);
            }
        } else {
            into.insert(prefix.to_owned(), value.clone());
        }
    }
    let mut values = BTreeMap::new();
    visit("", &config.cache, &mut values);
    values
}

/// Every key with its displayable value and its origin. Secret values are replaced.
pub(super) fn effective_settings(merged: &Config, layers: &[Layer]) -> Vec<EffectiveSetting> {
    flatten(merged)
        .into_iter()
        .map(|(key, value)| {
            let origin = layers
                .iter()
                .rev()
                .find_map(|layer| layer.origins.get(&key));
            EffectiveSetting {
                value: display_value(&key, &value),
                origin: origin.unwrap_or(&Origin::Default).to_string(),
                key,
            }
        })
        .collect()
}

fn display_value(key: &str, value: &Value) -> String {
    if !SECRET_KEYS.contains(&key) {
        return match &value.kind {
            ValueKind::Array(items) => {
                let items: Vec<_> = items.iter().map(ToString::to_string).collect();
                items.join(",")
            }
            _ => value.to_string(),
        };
    }
    let text = value.to_string();
    match (key, text.is_empty()) {
        (_, true) => "(not set)".to_owned(),
        ("database.url", false) => database_url_without_password(&text),
        (_, false) => "(set, not shown)".to_owned(),
    }
}

/// The database URL without its password and query.
fn database_url_without_password(text: &str) -> String {
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    url::Url::parse(text).map_or_else(
        |_| "(set, not shown)".to_owned(),
        |mut url| {
            if url.password().is_some() {
                // Fails only for URLs that cannot have a password.
                let _ = url.set_password(Some("***"));
            }
            url.set_query(None);
            url.to_string()
        },
    )
}
