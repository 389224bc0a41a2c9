//! What is wrong with the settings, in words that say what to do.

use std::path::PathBuf;

use config::ConfigError;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, or the variable, as the reader would write it.
    pub key: String,
    /// What is wrong with it. Never the value of a secret.
    pub message: String,
    /// What to do next.
    pub remedy: String,
}

impl Problem {
    pub(super) fn new(
        key: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn unknown_key(key: &str) -> SettingsError {
        Self::new(
            key,
            "is not the name of a setting",
            "See `shopsync check-config --reference`.",
        )
        .into()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}. {}", self.key, self.message, self.remedy)
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file of settings cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// These keys are wrong.
    #[error("{}", list(.0))]
    Invalid(Vec<Problem>),
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

impl SettingsError {
    /// The keys at fault.
    pub fn keys(&self) -> Vec<&str> {
        match self {
            Self::File { .. } => Vec::new(),
            Self::Invalid(problems) => problems.iter().map(|p| p.key.as_str()).collect(),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    match problems {
        [one] => one.to_string(),
        many => {
            let lines: Vec<_> = many.iter().map(|p| format!("- {p}")).collect();
            format!("{} settings are wrong:\n{}", many.len(), lines.join("\n"))
        }
    }
}

/// Translates, since `config` prints the offending value, which may be a secret.
pub(super) fn from_config_error(error: &ConfigError) -> SettingsError {
    let (key, message) = match error {
        ConfigError::Type { key, expected, .. } => (
            key.clone().unwrap_or_else(|| "a setting".to_owned()),
            format!("is not {expected}"),
        ),
        ConfigError::At { error, key, .. } => {
            let key = key.clone().unwrap_or_else(|| "a setting".to_owned());
            match from_config_error(error) {
                SettingsError::Invalid(mut problems) => {
                    let message = problems.pop().map_or_else(String::new, |p| p.message);
                    (key, message)
                }
                SettingsError::File { .. } => (key, "is not usable".to_owned()),
            }
        }
        ConfigError::NotFound(key) => (key.clone(), "is missing".to_owned()),
        ConfigError::Message(text) if text.starts_with("unknown field") => {
            ("A section".to_owned(), format!("has an {text}"))
        }
        ConfigError::Message(_) => ("A setting".to_owned(), "has an impossible value".to_owned()),
        _ => ("The settings".to_owned(), "cannot be read".to_owned()),
    };
    Problem::new(
        key,
        message,
        "`shopsync check-config --reference` explains every setting.",
    )
    .into()
}
