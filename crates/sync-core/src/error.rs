//! Defines the error type of all ports and how the worker must react to each error.

use std::error::Error as StdError;
use std::time::Duration;

/// How the worker must react to an error. The adapter chooses it, because it knows the vendor's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// A later call may succeed.
    Retry {
        /// The delay that the remote side requested (`Retry-After`), if any.
        after: Option<Duration>,
    },
    /// The same call will fail again until a person or a new release changes something.
    Fail,
    /// The shop as a whole cannot be served now; other shops are not affected.
    ShopUnavailable {
        /// The reason.
        reason: UnavailableReason,
    },
    /// Another worker has claimed the shop. Stop at once and write nothing more.
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
    /// The name used in storage, logs and the API.
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
    /// The failed operation as a verb phrase, such as `read the products`.
    pub operation: &'static str,
    /// How the worker must react.
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

    /// A transient error: a later call may succeed.
    pub fn retry(
        operation: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(operation, Disposition::Retry { after: None }, source)
    }

    /// A permanent error: the same call will fail again.
    pub fn fail(
        operation: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(operation, Disposition::Fail, source)
    }

    /// The lease was lost: another worker has claimed the shop since.
    pub fn lease_lost(operation: &'static str) -> Self {
        Self::new(
            operation,
            Disposition::LeaseLost,
            "the lease is held by another worker",
        )
    }

    /// [`error_chain`] of this error, for the run log.
    pub fn chain(&self) -> String {
        error_chain(self)
    }
}

/// An error and its causes on one line, separated by `: `. A cause that the text already ends with is not repeated.
pub fn error_chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.to_string();
        if !text.ends_with(&inner) {
            text.push_str(": ");
            text.push_str(&inner);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the connection failed: {0}")]
    struct Quoting(#[source] std::io::Error);

    #[test]
    fn a_chain_names_each_cause_once() {
        let cause = Quoting(std::io::Error::other("reset by peer"));
        let error = PortError::retry("read the products", cause);
        assert_eq!(
            error.chain(),
            "could not read the products: the connection failed: reset by peer"
        );
    }
}
