use std::time::Duration;

use serde::Deserialize;

use crate::Gid;
use crate::bulk::BulkError;
use crate::transport::TransportError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failed call, by what the caller can do about it.
///
/// Throttling and passing failures have been waited for and tried again before an error is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The cost bucket stayed too empty for longer than the retry budget. Try again later.
    #[error("`{operation}` was throttled again and again")]
    Throttled {
        /// The operation's name.
        operation: &'static str,
        /// How long Shopify asked to wait, if it did.
        retry_after: Option<Duration>,
    },
    /// The query costs more than a single query may (1,000 points). Ask for smaller pages.
    #[error("`{operation}` costs more than Shopify allows for one query")]
    MaxCostExceeded {
        /// The operation's name.
        operation: &'static str,
        /// Its cost, if Shopify said so.
        cost: Option<f64>,
    },
    /// The token is missing, expired, revoked, or the app was uninstalled (401). The app must be opened or
    /// installed again.
    #[error("Shopify does not accept the access token")]
    Unauthorized,
    /// A permission is missing, or the kind of token is no longer accepted (403 or `ACCESS_DENIED`).
    #[error("Shopify denies access: {message}")]
    AccessDenied {
        /// Shopify's explanation.
        message: String,
    },
    /// The shop is frozen for want of payment (402) or inactive (`SHOP_INACTIVE`).
    #[error("the shop is frozen or inactive")]
    ShopFrozen,
    /// The shop is locked (423).
    #[error("the shop is locked")]
    ShopLocked,
    /// There is no such shop or path (404).
    #[error("there is no such shop")]
    NotFound,
    /// Shopify took the request for malicious (430). Stop for long, and look why.
    #[error("Shopify rejected the request as a security risk")]
    SecurityRejection,
    /// Shopify answered with errors. An answer with errors is never data, whatever else is in it.
    #[error("`{operation}` was answered with errors: {}", first_message(.errors))]
    GraphQl {
        /// The operation's name.
        operation: &'static str,
        /// What Shopify says.
        errors: Vec<GraphQlError>,
    },
    /// A mutation was refused.
    #[error("`{operation}` was refused: {}", first_user_message(.errors))]
    UserErrors {
        /// The operation's name.
        operation: &'static str,
        /// What Shopify says.
        errors: Vec<UserError>,
    },
    /// The answer does not have the shape that the schema promises.
    #[error("the answer to `{operation}` makes no sense at `{path}`")]
    Decode {
        /// The operation's name.
        operation: &'static str,
        /// Where in the answer.
        path: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// One thing of a list cannot be read; the others follow, if the stream is asked on.
    #[error("`{id}` cannot be read")]
    Unreadable {
        /// Which one.
        id: Gid,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// A chain of pages breaks: a page says that more follow but not where, or leads back to where it came from.
    #[error("the pages of `{operation}` lead nowhere")]
    BrokenPaging {
        /// The operation's name.
        operation: &'static str,
    },
    /// A long list ended before all was read: Shopify counts more than it gave, and what was made in the meantime does
    /// not explain it.
    #[error("`{operation}` gave {found} of {expected} things")]
    Incomplete {
        /// The operation's name.
        operation: &'static str,
        /// As Shopify counts.
        expected: u64,
        /// As read.
        found: u64,
    },
    /// Another status than those above.
    #[error("`{operation}` was answered with HTTP status {status}")]
    Status {
        /// The operation's name.
        operation: &'static str,
        /// The status.
        status: u16,
        /// Shopify's name for the request, for its support.
        request_id: Option<String>,
    },
    /// The request could not be sent, or the answer did not arrive whole.
    #[error("`{operation}` got no whole answer")]
    Transport {
        /// The operation's name.
        operation: &'static str,
        /// Whether it took too long.
        timed_out: bool,
        /// Why.
        #[source]
        source: Source,
    },
    /// No access token is at hand.
    #[error("there is no access token to send")]
    Token(#[source] TokenError),
    /// The refresh token is used up or revoked: the merchant must open the app again.
    #[error("Shopify does not accept the grant; the app must be opened again")]
    Reauthorize,
    /// A bulk operation or its file failed. Paging can answer all the same.
    #[error("bulk operation: {0}")]
    Bulk(#[from] BulkError),
    /// The client cannot be built with these settings.
    #[error("the client cannot be built: {reason}")]
    Configuration {
        /// Why.
        reason: String,
    },
}

impl Error {
    /// Whether the same call may work later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled { .. }
            | Self::Transport { .. }
            | Self::SecurityRejection
            | Self::Incomplete { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            Self::GraphQl { errors, .. } => {
                errors.iter().all(|error| error.is("INTERNAL_SERVER_ERROR"))
            }
            Self::Token(error) => error.retryable,
            Self::Bulk(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// Whether asking for less at a time may help.
    pub(crate) fn suggests_smaller_page(&self) -> bool {
        match self {
            Self::MaxCostExceeded { .. } => true,
            Self::Transport { source, .. } => {
                let not_sent = |error: &TransportError| {
                    !matches!(error, TransportError::ConnectionLost { .. })
                };
                !source.downcast_ref().is_some_and(not_sent)
            }
            Self::Status { .. } | Self::GraphQl { .. } => self.is_retryable(),
            _ => false,
        }
    }

    /// How long the other side asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            Self::SecurityRejection => Some(Duration::from_mins(10)),
            _ => None,
        }
    }
}

/// No access token can be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TokenError {
    /// Why; never the token itself.
    pub reason: String,
    /// Whether it may be there later.
    pub retryable: bool,
    /// Whether the merchant must open the app again. It becomes [`Error::Reauthorize`].
    pub reauthorize: bool,
}

impl TokenError {
    /// It may be there later.
    pub fn temporary(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retryable: true,
            reauthorize: false,
        }
    }

    /// Somebody has to do something first, but not the merchant.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retryable: false,
            reauthorize: false,
        }
    }

    /// The merchant must open the app again.
    pub fn reauthorize() -> Self {
        Self {
            reason: Error::Reauthorize.to_string(),
            retryable: false,
            reauthorize: true,
        }
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        if error.reauthorize {
            Self::Reauthorize
        } else {
            Self::Token(error)
        }
    }
}

/// One of the `errors` of a GraphQL answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphQlError {
    /// What Shopify says.
    pub message: String,
    /// `extensions.code`, such as `THROTTLED`.
    pub code: Option<String>,
}

impl GraphQlError {
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// One of the `userErrors` of a mutation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserError {
    /// The input field, as a path.
    #[serde(default)]
    pub field: Option<Vec<String>>,
    /// What is wrong with it.
    pub message: String,
}

fn first_message(errors: &[GraphQlError]) -> &str {
    errors.first().map_or("", |error| &error.message)
}

fn first_user_message(errors: &[UserError]) -> &str {
    errors.first().map_or("", |error| &error.message)
}
