//! What a person can do about a problem, as data that each face renders in its way.

use std::fmt;

use serde::Serialize;

/// What a person can do about a problem. As text it begins in lower case and ends without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remedy {
    /// What to do, or what to do before the command.
    pub(crate) advice: String,
    /// The command line to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
}

impl Remedy {
    /// A remedy without a command.
    pub(crate) fn advice(advice: impl Into<String>) -> Self {
        Self {
            advice: advice.into(),
            command: None,
        }
    }

    /// A remedy that ends with a command of this program; `arguments` are its command and arguments.
    pub(crate) fn command(advice: impl Into<String>, arguments: impl fmt::Display) -> Self {
        Self {
            advice: advice.into(),
            command: Some(format!("shopsync {arguments}")),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            Some(command) => write!(f, "{}, then run `{command}`", self.advice),
            None => f.write_str(&self.advice),
        }
    }
}
