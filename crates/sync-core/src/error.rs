//! What a port reports when it cannot do its work.

use std::error::Error as StdError;
use std::time::Duration;

/// What the worker should do about a failure. The adapter chooses it, since it understands the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It may work later.
    Retry {
        /// The earliest moment the other side wants to hear from us again, when it said so.
        after: Option<Duration>,
    },
    /// The same call will fail again until a person or a new release changes something.
    Fail,
    /// The shop as a whole cannot be served now; other shops are not affected.
    ShopUnavailable {
        /// Why.
        reason: UnavailableReason,
    },
    /// Another worker holds the shop. Stop at once and write nothing more.
    LeaseLost,
}

/// Why a shop cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnavailableReason {
    /// The token is missing, revoked or expired beyond renewal: the app has to be opened or installed again.
    Unauthorized,
    /// A permission is missing.
    Forbidden,
    /// The shop's plan is frozen or unpaid.
    Frozen,
    /// The shop is locked.
    Locked,
    /// There is no such shop.
    NotFound,
}

impl UnavailableReason {
    /// The word used in storage, logs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Frozen => "frozen",
            Self::Locked => "locked",
            Self::NotFound => "not_found",
        }
    }
}

/// A failed port call.
///
/// `Display` names the operation only; the cause is the [source](StdError::source).
#[derive(Debug, thiserror::Error)]
#[error("could not {operation}")]
pub struct PortError {
    /// What was tried, as a verb phrase: `read the products`.
    pub operation: &'static str,
    /// What to do about it.
    pub disposition: Disposition,
    /// The vendor's error, boxed so that its type stays in the adapter.
    #[source]
    pub source: Box<dyn StdError + Send + Sync>,
}

impl PortError {
    /// An error with the given disposition.
    pub fn new(
        operation: &'static str,
        disposition: Disposition,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            operation,
            disposition,
            source: source.into(),
        }
    }

    /// A failure that may pass.
    pub fn retry(
        operation: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(operation, Disposition::Retry { after: None }, source)
    }

    /// A failure that will not pass by itself.
    pub fn fail(
        operation: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(operation, Disposition::Fail, source)
    }

    /// The lease that a write was fenced by is no longer ours.
    pub fn lease_lost(operation: &'static str) -> Self {
        Self::new(
            operation,
            Disposition::LeaseLost,
            "the lease is held by another worker",
        )
    }

    /// The whole chain on one line, for the run log: causes separated by `: `.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause: Option<&dyn StdError> = Some(self.source.as_ref());
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
