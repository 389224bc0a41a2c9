//! Defines the error with which a command fails: message, causes, remedy and exit code.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::process::ExitCode;

use sync_core::{Disposition, PortError, ShopDomain, UnavailableReason};
use sync_db::SchemaState;

use super::ExitStatus;
use crate::service::OpenError;
use crate::settings::SettingsError;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a command failed and how to fix it. Never contains a secret.
#[derive(Debug)]
pub(crate) struct CommandError {
    status: ExitStatus,
    message: String,
    causes: Vec<String>,
    remedy: Option<String>,
}

impl CommandError {
    pub(crate) fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            causes: Vec::new(),
            remedy: None,
        }
    }

    /// An error of a command that was attempted.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Failed, message)
    }

    /// An error of the command line or the settings.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, message)
    }

    /// Adds the cause and its chain of sources.
    pub(crate) fn with_cause(mut self, cause: impl Into<BoxError>) -> Self {
        let cause = cause.into();
        self.add_causes(Some(cause.as_ref()));
        self
    }

    /// Sets what a person can do about it.
    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn add_causes(&mut self, mut cause: Option<&(dyn StdError + 'static)>) {
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors already contain their cause in their own text.
            if self.causes.last() != Some(&text) && self.message != text {
                self.causes.push(text);
            }
            cause = error.source();
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status as u8)
    }

    /// Formats the message, the causes and the remedy, one a line.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("shopsync: {}", self.message);
        for cause in &self.causes {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\n  because: {cause}");
        }
        if let Some(remedy) = &self.remedy {
            let _ = write!(text, "\n  next: {remedy}");
        }
        text
    }

    /// What a person can do about it.
    pub(crate) fn remedy(&self) -> String {
        let remedy = self.remedy.as_deref();
        remedy.unwrap_or("check the service's log").to_owned()
    }

    /// The shop is not installed.
    pub(crate) fn shop_not_installed(shop: &ShopDomain) -> Self {
        let name = shop.name();
        Self::usage(format!("{shop} is not installed")).with_remedy(format!(
            "open the address that `shopsync install-url {name}` prints, or run `shopsync connect {name}`; \
             `shopsync shops` lists the installed shops"
        ))
    }

    /// Converts the error of a port; its disposition chooses the exit code and the remedy.
    pub(crate) fn from_port(error: &PortError, shop: &ShopDomain) -> Self {
        let (status, remedy) = match error.disposition {
            Disposition::Retry { .. } => (
                ExitStatus::Unavailable,
                Some("try again; `shopsync doctor` shows what cannot be reached".to_owned()),
            ),
            Disposition::ShopUnavailable { reason } => {
                (ExitStatus::Failed, Some(remedy_for(reason, shop)))
            }
            Disposition::Fail | Disposition::LeaseLost => (ExitStatus::Failed, None),
        };
        let mut command_error = Self::new(status, error.to_string());
        command_error.add_causes(Some(error.source.as_ref()));
        command_error.remedy = remedy;
        command_error
    }

    /// Converts an error of the state database.
    pub(crate) fn from_state_port(error: &PortError) -> Self {
        let mut command_error = Self::new(ExitStatus::Unavailable, error.to_string());
        command_error.add_causes(Some(error.source.as_ref()));
        command_error.with_remedy(
            "run `shopsync doctor` to check that the database of DATABASE_URL is running and writable",
        )
    }
}

/// Returns what a person can do about a shop that refuses requests.
pub(crate) fn remedy_for(reason: UnavailableReason, shop: &ShopDomain) -> String {
    let name = shop.name();
    match reason {
        UnavailableReason::Unauthorized => {
            format!(
                "open the app in the shop's admin, or install it again: `shopsync install-url {name}`"
            )
        }
        UnavailableReason::Forbidden => {
            format!(
                "install the app again to request the missing scope: `shopsync install-url {name}`"
            )
        }
        UnavailableReason::Frozen | UnavailableReason::Locked => {
            "nothing; Shopify has closed the shop, and the service checks it again automatically"
                .to_owned()
        }
        UnavailableReason::NotFound => {
            "check that the shop still exists and that SHOPIFY_ENDPOINT is correct".to_owned()
        }
    }
}

/// Returns what a person can do about a database that cannot be opened.
fn database_remedy(error: &sync_db::Error) -> &'static str {
    match error {
        sync_db::Error::UnknownScheme | sync_db::Error::MalformedUrl(_) => {
            "set DATABASE_URL to sqlite:shopsync.db or postgres://USER:PASSWORD@HOST/NAME"
        }
        sync_db::Error::Absent { .. } | sync_db::Error::Schema(SchemaState::Empty) => {
            "check DATABASE_URL; if the database is new, `shopsync serve` or `shopsync migrate` creates its schema"
        }
        sync_db::Error::Schema(SchemaState::Older { .. }) => {
            "back up the database, then run `shopsync migrate`"
        }
        sync_db::Error::Schema(_) => "run the release that migrated the database, or a newer one",
        _ => {
            "check that the database is running, that DATABASE_URL is correct, and that this user may write to it; \
             `shopsync doctor` shows details"
        }
    }
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        let mut command_error = Self::usage(error.to_string());
        command_error.add_causes(error.source());
        let remedy = match &error {
            SettingsError::File { path, .. } => {
                format!(
                    "fix {}; `shopsync check-config --reference` explains every setting",
                    path.display()
                )
            }
            // Each problem already contains its remedy.
            SettingsError::Invalid(_) => return command_error,
        };
        command_error.with_remedy(remedy)
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        let (status, remedy) = match error {
            OpenError::Settings(error) => return error.into(),
            OpenError::Database(ref error) => {
                let status = match error.as_ref() {
                    sync_db::Error::UnknownScheme
                    | sync_db::Error::MalformedUrl(_)
                    | sync_db::Error::Absent { .. }
                    | sync_db::Error::Schema(_) => ExitStatus::Usage,
                    _ => ExitStatus::Unavailable,
                };
                (status, database_remedy(error).to_owned())
            }
            OpenError::Listen { address, .. } => (
                ExitStatus::Failed,
                format!(
                    "stop the process that listens on port {}, or choose another port: PORT=5001",
                    address.port()
                ),
            ),
            _ => (
                ExitStatus::Usage,
                "`shopsync check-config` shows the effective settings".to_owned(),
            ),
        };
        let mut command_error = Self::new(status, error.to_string());
        command_error.add_causes(error.source());
        command_error.with_remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_report_contains_the_causes_and_the_remedy() {
        let cause = Outer(std::io::Error::other("the inner"));
        let command_error = CommandError::failed("it failed")
            .with_cause(cause)
            .with_remedy("fix it");
        assert_eq!(
            command_error.report(),
            "shopsync: it failed\n  because: the outer\n  because: the inner\n  next: fix it"
        );
    }

    #[test]
    fn a_settings_error_is_reported_once() {
        let error = crate::settings::Settings::defaults()
            .require_for_syncing()
            .unwrap_err();
        let report = CommandError::from(error).report();
        assert_eq!(report.matches("SPACES_BUCKET").count(), 1, "{report}");
    }

    #[test]
    fn temporary_errors_have_another_exit_code_than_permanent_ones() {
        let shop = "a.myshopify.com".parse().unwrap();
        let status = |error| CommandError::from_port(&error, &shop).status;
        assert_eq!(
            status(PortError::retry("read", "unreachable")),
            ExitStatus::Unavailable
        );
        assert_eq!(status(PortError::fail("read", "odd")), ExitStatus::Failed);
    }
}
