//! Defines the errors of the client and of token sources.

use std::time::Duration;

use serde::Deserialize;

use crate::Gid;
use crate::bulk::BulkError;
use crate::transport::TransportError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of a call, classified by what the caller can do about it.
///
/// Throttled requests and transient failures have already been retried when an error is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request was throttled until the retry budget was used up. Try again later.
    #[error("`{operation}` was throttled until the retry budget was used up")]
    Throttled {
        /// The operation's name.
        operation: &'static str,
        /// Shopify's `Retry-After`, if it sent one.
        retry_after: Option<Duration>,
    },
    /// The query costs more than a single query may cost (1,000 points). Request smaller pages.
    #[error("`{operation}` costs more than Shopify allows for a single query")]
    MaxCostExceeded {
        /// The operation's name.
        operation: &'static str,
        /// Its cost, if Shopify stated it.
        cost: Option<f64>,
    },
    /// The token is missing, expired or revoked, or the app was uninstalled (401). The merchant must open or install
    /// the app again.
    #[error("Shopify rejected the access token")]
    Unauthorized,
    /// A permission is missing, or this kind of token is no longer accepted (403 or `ACCESS_DENIED`).
    #[error("Shopify denied access: {message}")]
    AccessDenied {
        /// Shopify's explanation.
        message: String,
    },
    /// The shop is frozen because of unpaid fees (402), or inactive (`SHOP_INACTIVE`).
    #[error("the shop is frozen or inactive")]
    ShopFrozen,
    /// The shop is locked (423).
    #[error("the shop is locked")]
    ShopLocked,
    /// The shop or the path does not exist (404).
    #[error("the shop does not exist")]
    NotFound,
    /// Shopify rejected the request as malicious (430). Stop sending requests and find the cause.
    #[error("Shopify rejected the request as a security risk")]
    SecurityRejection,
    /// The response has GraphQL errors. Its data, if any, is discarded.
    #[error("`{operation}` failed with GraphQL errors: {}", first_message(.errors))]
    GraphQl {
        /// The operation's name.
        operation: &'static str,
        /// Shopify's errors.
        errors: Vec<GraphQlError>,
    },
    /// A mutation was rejected (`userErrors`).
    #[error("`{operation}` was rejected: {}", first_user_message(.errors))]
    UserErrors {
        /// The operation's name.
        operation: &'static str,
        /// Shopify's errors.
        errors: Vec<UserError>,
    },
    /// The response does not match the schema.
    #[error("the response to `{operation}` is invalid at `{path}`")]
    Decode {
        /// The operation's name.
        operation: &'static str,
        /// Path in the response.
        path: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// One object of a list cannot be decoded. The stream continues with the next object when it is polled again.
    #[error("`{id}` cannot be decoded")]
    Unreadable {
        /// The id of the object.
        id: Gid,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// Paging failed: a page has a next page but no cursor, or its cursor points back.
    #[error("paging of `{operation}` is broken: a cursor is missing or repeated")]
    BrokenPaging {
        /// The operation's name.
        operation: &'static str,
    },
    /// A long list ended early: Shopify counts more objects than it returned, and objects created in the meantime do
    /// not explain the difference.
    #[error("`{operation}` returned {found} of {expected} objects")]
    Incomplete {
        /// The operation's name.
        operation: &'static str,
        /// Shopify's count.
        expected: u64,
        /// Objects read.
        found: u64,
    },
    /// The response has an unexpected HTTP status.
    #[error("`{operation}` failed with HTTP status {status}")]
    Status {
        /// The operation's name.
        operation: &'static str,
        /// The status.
        status: u16,
        /// Shopify's request id (`x-request-id`), for its support.
        request_id: Option<String>,
    },
    /// The request could not be sent, or the response did not arrive completely.
    #[error("`{operation}` got no complete response")]
    Transport {
        /// The operation's name.
        operation: &'static str,
        /// Whether a timeout was the cause.
        timed_out: bool,
        /// Why.
        #[source]
        source: Source,
    },
    /// The token source returned no access token.
    #[error("no access token is available")]
    Token(#[source] TokenError),
    /// The grant is no longer valid, for example because the refresh token was revoked. The merchant must open the app
    /// again.
    #[error("Shopify rejected the grant; the merchant must open the app again")]
    Reauthorize,
    /// A bulk operation or its file failed. Paging may still work.
    #[error("bulk operation: {0}")]
    Bulk(#[from] BulkError),
    /// The settings of the client are invalid.
    #[error("the client cannot be built: {reason}")]
    Configuration {
        /// Why.
        reason: String,
    },
}

impl Error {
    /// Whether the same call may succeed later without any change.
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

    /// Whether a smaller page may succeed.
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

    /// How long to wait before the next attempt, if Shopify stated it.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            Self::SecurityRejection => Some(Duration::from_mins(10)),
            _ => None,
        }
    }
}

/// A token source has no access token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TokenError {
    /// The reason. It never contains the token.
    pub reason: String,
    /// Whether a later attempt may succeed.
    pub retryable: bool,
    /// Whether the merchant must open the app again. It becomes [`Error::Reauthorize`].
    pub reauthorize: bool,
}

impl TokenError {
    /// An error that may pass: the caller can retry later.
    pub fn temporary(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retryable: true,
            reauthorize: false,
        }
    }

    /// An error that stays until an operator acts; asking the merchant does not help.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retryable: false,
            reauthorize: false,
        }
    }

    /// The grant is no longer valid: the merchant must open the app again.
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

/// One entry of the `errors` of a GraphQL response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphQlError {
    /// Shopify's message.
    pub message: String,
    /// `extensions.code`, such as `THROTTLED`.
    pub code: Option<String>,
}

impl GraphQlError {
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// One entry of the `userErrors` of a mutation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserError {
    /// The input field, as a path.
    #[serde(default)]
    pub field: Option<Vec<String>>,
    /// What is wrong with the field.
    pub message: String,
}

fn first_message(errors: &[GraphQlError]) -> &str {
    errors.first().map_or("", |error| &error.message)
}

fn first_user_message(errors: &[UserError]) -> &str {
    errors.first().map_or("", |error| &error.message)
}
