//! Describes invalid settings: the key, the problem and its remedy.

use std::path::PathBuf;

use config::ConfigError;

/// One invalid setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key or variable, as the user writes it.
    pub key: String,
    /// The problem, as a predicate of the key. Never contains the value of a secret.
    pub message: String,
    /// How to fix it, in lower case and without a full stop.
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
            "see `shopsync check-config --reference`",
        )
        .into()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}; {}", self.key, self.message, self.remedy)
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A settings file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// One or more keys are invalid.
    #[error("{}", list(.0))]
    Invalid(Vec<Problem>),
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

impl SettingsError {
    /// The invalid keys.
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
            format!("{} settings are invalid:\n{}", many.len(), lines.join("\n"))
        }
    }
}

/// Converts an error of `config` without the value that it contains, which may be a secret.
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
                SettingsError::File { .. } => (key, "is invalid".to_owned()),
            }
        }
        ConfigError::NotFound(key) => (key.clone(), "is missing".to_owned()),
        ConfigError::Message(text) if text.starts_with("unknown field") => {
            ("A section".to_owned(), format!("has an {text}"))
        }
        ConfigError::Message(_) => ("A setting".to_owned(), "has an invalid value".to_owned()),
        _ => ("The settings".to_owned(), "cannot be read".to_owned()),
    };
    Problem::new(
        key,
        message,
        "`shopsync check-config --reference` explains every setting",
    )
    .into()
}
