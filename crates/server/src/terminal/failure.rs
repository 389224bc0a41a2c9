//! How commands end without having done what they were asked.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::process::ExitCode;

use sync_core::{Disposition, PortError, ShopDomain, UnavailableReason};

use super::Exit;
use crate::service::OpenError;
use crate::settings::SettingsError;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a command has not done what it was asked, and what to do next. Never holds a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    next: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            next: None,
        }
    }

    /// It was tried and failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds the cause, with its own causes.
    pub(crate) fn because(mut self, cause: impl Into<BoxError>) -> Self {
        let cause = cause.into();
        self.add_causes(Some(cause.as_ref()));
        self
    }

    /// Adds what to do next.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    fn add_causes(&mut self, mut cause: Option<&(dyn StdError + 'static)>) {
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors show their cause in their own text.
            if self.causes.last() != Some(&text) && self.message != text {
                self.causes.push(text);
            }
            cause = error.source();
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }

    /// The message for people.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("shopsync: {}", self.message);
        for cause in &self.causes {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\n  because: {cause}");
        }
        if let Some(next) = &self.next {
            let _ = write!(text, "\n  next: {next}");
        }
        text
    }

    /// What to do next.
    pub(crate) fn next_step(&self) -> String {
        let next = self.next.as_deref();
        next.unwrap_or("look at the service's log").to_owned()
    }

    /// Nobody has installed this shop.
    pub(crate) fn unknown_shop(shop: &ShopDomain) -> Self {
        let name = shop.name();
        Self::usage(format!("{shop} is not installed")).next(format!(
            "open the address that `shopsync install-url {name}` prints, or `shopsync connect {name}`; \
             `shopsync shops` lists those that are installed"
        ))
    }

    /// A port's failure.
    pub(crate) fn of_port(error: &PortError, shop: &ShopDomain) -> Self {
        let (exit, next) = match error.disposition {
            Disposition::Retry { .. } => (
                Exit::Unavailable,
                Some("try again; `shopsync doctor` says what cannot be reached".to_owned()),
            ),
            Disposition::ShopUnavailable { reason } => (Exit::Failed, Some(remedy(reason, shop))),
            Disposition::Fail | Disposition::LeaseLost => (Exit::Failed, None),
        };
        let mut failure = Self::new(exit, error.to_string());
        failure.add_causes(Some(error.source.as_ref()));
        failure.next = next;
        failure
    }

    /// The state database's failure, which concerns no shop.
    pub(crate) fn of_state(error: &PortError) -> Self {
        let mut failure = Self::new(Exit::Unavailable, error.to_string());
        failure.add_causes(Some(error.source.as_ref()));
        failure
            .next("look whether the database of DATABASE_URL is up and writable: `shopsync doctor`")
    }
}

/// What a person can do about a shop that refuses us.
pub(crate) fn remedy(reason: UnavailableReason, shop: &ShopDomain) -> String {
    let name = shop.name();
    match reason {
        UnavailableReason::Unauthorized => {
            format!(
                "open the app in the shop's admin, or install again: `shopsync install-url {name}`"
            )
        }
        UnavailableReason::Forbidden => {
            format!(
                "install again, so that the missing permission is asked for: `shopsync install-url {name}`"
            )
        }
        UnavailableReason::Frozen | UnavailableReason::Locked => {
            "nothing; Shopify has closed the shop, and it is asked again by itself".to_owned()
        }
        UnavailableReason::NotFound => {
            "look whether the shop still exists, and whether SHOPIFY_ENDPOINT is right".to_owned()
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let mut failure = Self::usage(error.to_string());
        failure.add_causes(error.source());
        let next = match &error {
            SettingsError::File { path, .. } => {
                format!(
                    "look at {}; every setting: `shopsync check-config --reference`",
                    path.display()
                )
            }
            // Each of them says what to do about itself.
            SettingsError::Invalid(_) => return failure,
        };
        failure.next(next)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let (exit, next) = match error {
            OpenError::Settings(error) => return error.into(),
            OpenError::Database(ref error) => match error.as_ref() {
                sync_db::Error::UnknownScheme | sync_db::Error::MalformedUrl(_) => (
                    Exit::Usage,
                    "write DATABASE_URL as sqlite:shopsync.db or postgres://USER:PASSWORD@HOST/NAME".to_owned(),
                ),
                _ => (
                    Exit::Unavailable,
                    "look whether it is up, and whether this user may write there; `shopsync doctor` tells more"
                        .to_owned(),
                ),
            },
            OpenError::Listen { address, .. } => (
                Exit::Failed,
                format!("end what listens on port {}, or choose another: PORT=5001", address.port()),
            ),
            _ => (
                Exit::Usage,
                "`shopsync check-config` shows the settings in force".to_owned(),
            ),
        };
        let mut failure = Self::new(exit, error.to_string());
        failure.add_causes(error.source());
        failure.next(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_report_has_the_causes_and_the_next_step() {
        let cause = Outer(std::io::Error::other("the inner"));
        let failure = Failure::failed("it failed").because(cause).next("mend it");
        assert_eq!(
            failure.report(),
            "shopsync: it failed\n  because: the outer\n  because: the inner\n  next: mend it"
        );
    }

    #[test]
    fn a_settings_error_is_told_once() {
        let error = crate::settings::Settings::defaults()
            .require_for_syncing()
            .unwrap_err();
        let report = Failure::from(error).report();
        assert_eq!(report.matches("SPACES_BUCKET").count(), 1, "{report}");
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        let shop = "a.myshopify.com".parse().unwrap();
        let exit = |error| Failure::of_port(&error, &shop).exit;
        assert_eq!(exit(PortError::retry("read", "gone")), Exit::Unavailable);
        assert_eq!(exit(PortError::fail("read", "odd")), Exit::Failed);
    }
}
