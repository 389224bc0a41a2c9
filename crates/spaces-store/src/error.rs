//! Defines the crate's errors, one variant for each way in which the caller can react.

use std::time::Duration;

use chrono::TimeDelta;

use crate::canonical::CanonicalError;
use crate::config::ConfigError;
use crate::key::KeyError;

/// A boxed source error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an object could not be written, read or checked.
///
/// A variant's text describes its own layer only; [`source`](std::error::Error::source) returns the cause. No error
/// contains an access key, a secret, a signature or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The object does not exist.
    #[error("there is no object `{key}`")]
    NotFound {
        /// The object's key.
        key: String,
    },
    /// The object already exists, or is not the expected version.
    #[error("the precondition on `{key}` failed")]
    PreconditionFailed {
        /// The object's key.
        key: String,
    },
    /// The object is still the version that the caller knows.
    #[error("`{key}` was not modified")]
    NotModified {
        /// The object's key.
        key: String,
    },
    /// The credentials are valid, but the request is not allowed, the user is suspended or the quota is exceeded.
    #[error("access was denied ({code})")]
    AccessDenied {
        /// S3's error code, such as `AccessDenied` or `QuotaExceeded`.
        code: String,
    },
    /// The access key is unknown or its secret is wrong. Retrying cannot help.
    #[error("the access key or its secret is wrong ({code})")]
    WrongCredentials {
        /// `InvalidAccessKeyId` or `SignatureDoesNotMatch`.
        code: String,
    },
    /// This machine's clock and the store's differ by more than the store allows (S3: 15 minutes). Set this machine's
    /// clock.
    #[error("this machine's clock and the store's differ by too much")]
    ClockSkewed {
        /// How far the store's clock is ahead of this machine's; `None` if the response has no `Date`.
        store_ahead: Option<TimeDelta>,
    },
    /// The bucket does not exist at this endpoint. The region or the endpoint may be wrong.
    #[error("there is no bucket `{bucket}`")]
    NoSuchBucket {
        /// The requested bucket.
        bucket: String,
    },
    /// Another endpoint serves the bucket: the region or the endpoint is wrong.
    #[error("another endpoint serves the bucket ({code}): the region or the endpoint is wrong")]
    WrongEndpoint {
        /// S3's error code, such as `PermanentRedirect`.
        code: String,
    },
    /// Too many requests, after all configured retries.
    #[error("the store throttled the request")]
    Throttled {
        /// The last response's `Retry-After`, if it had one.
        retry_after: Option<Duration>,
    },
    /// The store is temporarily unavailable (5xx), after all configured retries.
    #[error("the store is unavailable (HTTP {status})")]
    Unavailable {
        /// The last HTTP status.
        status: u16,
    },
    /// No response or only a part of one arrived, after all configured retries.
    #[error("no complete response from the store: {kind}")]
    Transport {
        /// How the request failed.
        kind: TransportKind,
        /// The cause.
        source: BoxError,
    },
    /// The bytes failed an integrity check and were not accepted.
    #[error("the integrity check of `{key}` failed: {what}")]
    Integrity {
        /// The object's key.
        key: String,
        /// Which check failed.
        what: &'static str,
    },
    /// The store rejected the request for another reason. Retrying cannot help.
    #[error("the store rejected the request (HTTP {status}, {code})")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// S3's error code; empty if the response has none.
        code: String,
    },
    /// The response is not what S3 specifies.
    #[error("the store's response to {operation} is invalid")]
    UnexpectedResponse {
        /// The S3 operation.
        operation: &'static str,
        /// The cause.
        source: BoxError,
    },
    /// The backend does not support the operation.
    #[error("the store does not support this operation")]
    Unsupported(#[source] BoxError),
    /// Any other failure of the backend.
    #[error("the store failed")]
    Backend(#[source] BoxError),
    /// The spool, which holds a document until its upload, could not be written or read.
    #[error("the spool could not be written or read")]
    Spool(#[source] std::io::Error),
    /// The settings are invalid.
    #[error("the storage settings are invalid")]
    Config(#[from] ConfigError),
    /// A text cannot be used in an object key.
    #[error("the object key is invalid")]
    Key(#[from] KeyError),
    /// The items written do not match the document's layout.
    #[error("the document does not match its layout")]
    Snapshot(#[from] SnapshotError),
    /// A value has no canonical JSON form.
    #[error("the value has no canonical form")]
    Canonical(#[from] CanonicalError),
}

/// How the items written do not match the document's layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Two sections of a layout have the same name.
    #[error("the layout names the section `{0}` twice")]
    DuplicateSection(String),
    /// The layout has no such section.
    #[error("the layout has no section `{0}`")]
    UnknownSection(String),
    /// Sections must be written in the order of [`SingleLayout::sections`](crate::SingleLayout::sections).
    #[error("section `{section}` comes before `{current}`, which is already being written")]
    OutOfOrder {
        /// The section to write.
        section: String,
        /// The section that is being written.
        current: String,
    },
    /// A section that is a single object was written twice.
    #[error("section `{0}` is a single object and was already written")]
    DuplicateObject(String),
    /// A section that is a single object was not written.
    #[error("section `{0}` is missing")]
    MissingObject(String),
    /// An item is not the JSON text of an object.
    #[error("an item of section `{0}` is not a JSON object")]
    NotAnObject(String),
}

/// How a request failed below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportKind {
    /// The connection failed: nothing listens, or the host does not exist.
    Connect,
    /// The TLS handshake failed, most often because the certificate is not trusted. Not retried.
    Tls,
    /// A time limit passed.
    Timeout,
    /// The connection was lost during the request or the response.
    Broken,
}

impl std::fmt::Display for TransportKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Tls => "the TLS handshake failed",
            Self::Timeout => "timed out",
            Self::Broken => "the connection was lost",
        })
    }
}

impl Error {
    /// Whether the same call may succeed later without any change.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable { .. } => true,
            Self::Transport { kind, .. } => *kind != TransportKind::Tls,
            _ => false,
        }
    }

    /// The `Retry-After` of a throttled request.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } => *retry_after,
            _ => None,
        }
    }
}

impl From<object_store::Error> for Error {
    /// Recovers this crate's error from an `object_store` error; converts other ones by their variant.
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as Outer;
        match error {
            Outer::NotFound { path, source } => {
                downcast_own(source).unwrap_or(Self::NotFound { key: path })
            }
            Outer::AlreadyExists { path, source } | Outer::Precondition { path, source } => {
                downcast_own(source).unwrap_or(Self::PreconditionFailed { key: path })
            }
            Outer::NotModified { path, source } => {
                downcast_own(source).unwrap_or(Self::NotModified { key: path })
            }
            Outer::PermissionDenied { source, .. } | Outer::Unauthenticated { source, .. } => {
                downcast_own(source).unwrap_or_else(|_| Self::AccessDenied {
                    code: "AccessDenied".to_owned(),
                })
            }
            Outer::NotSupported { source } => {
                downcast_own(source).unwrap_or_else(Self::Unsupported)
            }
            Outer::Generic { source, .. } => downcast_own(source).unwrap_or_else(Self::Backend),
            not_implemented @ Outer::NotImplemented { .. } => {
                Self::Unsupported(Box::new(not_implemented))
            }
            other => Self::Backend(Box::new(other)),
        }
    }
}

/// The boxed error as this crate's own, if it is one.
fn downcast_own(source: BoxError) -> Result<Error, BoxError> {
    source.downcast::<Error>().map(|error| *error)
}

impl Error {
    /// Converts to the closest `object_store` error, with this one as its source.
    #[cfg(feature = "_s3")]
    pub(crate) fn into_object_store(self) -> object_store::Error {
        use object_store::Error as Outer;
        match &self {
            Self::NotFound { key } => Outer::NotFound {
                path: key.clone(),
                source: Box::new(self),
            },
            Self::PreconditionFailed { key } => Outer::Precondition {
                path: key.clone(),
                source: Box::new(self),
            },
            Self::NotModified { key } => Outer::NotModified {
                path: key.clone(),
                source: Box::new(self),
            },
            Self::AccessDenied { .. } => Outer::PermissionDenied {
                path: String::new(),
                source: Box::new(self),
            },
            Self::WrongCredentials { .. } | Self::ClockSkewed { .. } => Outer::Unauthenticated {
                path: String::new(),
                source: Box::new(self),
            },
            Self::Unsupported(_) => Outer::NotSupported {
                source: Box::new(self),
            },
            _ => Outer::Generic {
                store: "Spaces",
                source: Box::new(self),
            },
        }
    }
}
