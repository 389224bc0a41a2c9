//! What can go wrong, named by what the caller can do about it.

use std::time::Duration;

use chrono::TimeDelta;

use crate::canonical::CanonicalError;
use crate::config::ConfigError;
use crate::key::KeyError;

/// A boxed cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be stored, read or checked.
///
/// The text of a variant says only its own layer; [`source`](std::error::Error::source) has the rest. None of them
/// carries an access key, a secret, a signature or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such object.
    #[error("there is no object `{key}`")]
    NotFound {
        /// The object's key.
        key: String,
    },
    /// A condition on the object did not hold: it exists already, or it is not the version that was expected.
    #[error("the condition on `{key}` does not hold")]
    PreconditionFailed {
        /// The object's key.
        key: String,
    },
    /// The object is still the one that the caller knows.
    #[error("`{key}` was not modified")]
    NotModified {
        /// The object's key.
        key: String,
    },
    /// The key is known and the signature right, but this is not allowed (or the user is suspended, or over quota).
    #[error("access was denied ({code})")]
    AccessDenied {
        /// The store's own word, such as `AccessDenied` or `QuotaExceeded`.
        code: String,
    },
    /// The access key is unknown or the secret does not belong to it. Asking again cannot help.
    #[error("the access key or its secret is wrong ({code})")]
    WrongCredentials {
        /// `InvalidAccessKeyId` or `SignatureDoesNotMatch`.
        code: String,
    },
    /// The clocks of this machine and the store differ too much (S3 allows 15 minutes). Set this machine's clock.
    #[error("this machine's clock and the store's differ too much")]
    ClockSkewed {
        /// How far the store's clock is ahead of ours; `None` if it did not say.
        store_ahead: Option<TimeDelta>,
    },
    /// There is no such bucket here; perhaps the region or the endpoint is another one's.
    #[error("there is no bucket `{bucket}`")]
    NoSuchBucket {
        /// The bucket that was asked for.
        bucket: String,
    },
    /// The bucket lives elsewhere: the region or the endpoint is wrong.
    #[error("the bucket is served elsewhere ({code}): the region or the endpoint is wrong")]
    WrongEndpoint {
        /// The store's own word, such as `PermanentRedirect`.
        code: String,
    },
    /// Too many requests, also after the configured retries.
    #[error("the store asks to slow down")]
    Throttled {
        /// How long the store wants to be left alone, if it said.
        retry_after: Option<Duration>,
    },
    /// The store cannot serve at the moment (5xx), also after the configured retries.
    #[error("the store is unavailable (HTTP {status})")]
    Unavailable {
        /// The last HTTP status.
        status: u16,
    },
    /// Nothing, or only a part of an answer, came back, also after the configured retries.
    #[error("the store did not answer: {kind}")]
    Transport {
        /// What happened.
        kind: TransportKind,
        /// The cause.
        source: BoxError,
    },
    /// Bytes are not what they should be. Nothing was accepted as good.
    #[error("the bytes of `{key}` are not what they should be: {what}")]
    Integrity {
        /// The object's key.
        key: String,
        /// Which check failed.
        what: &'static str,
    },
    /// The store understood and refused. Asking again cannot help.
    #[error("the store refused the request (HTTP {status}, {code})")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The store's own word; empty if it said none.
        code: String,
    },
    /// The answer makes no sense.
    #[error("the store's answer to {operation} makes no sense")]
    UnexpectedResponse {
        /// What was asked.
        operation: &'static str,
        /// The cause.
        source: BoxError,
    },
    /// The backend cannot do this at all.
    #[error("the store cannot do this")]
    Unsupported(#[source] BoxError),
    /// Another failure of the backend.
    #[error("the store failed")]
    Backend(#[source] BoxError),
    /// A document that waits for its upload could not be written or read.
    #[error("the spool could not be used")]
    Spool(#[source] std::io::Error),
    /// The settings cannot work.
    #[error("the storage settings are not usable")]
    Config(#[from] ConfigError),
    /// A name cannot be used.
    #[error("the name is not usable")]
    Key(#[from] KeyError),
    /// A document was not written as its layout says.
    #[error("the document could not be written")]
    Snapshot(#[from] SnapshotError),
    /// A value has no canonical form.
    #[error("the value has no canonical form")]
    Canonical(#[from] CanonicalError),
}

/// A document was not written as its layout says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Two sections of a layout have the same name.
    #[error("the layout names the section `{0}` twice")]
    DuplicateSection(String),
    /// The layout has no such section.
    #[error("the layout has no section `{0}`")]
    UnknownSection(String),
    /// Sections have to be written in canonical order, which is that of [`SingleLayout::sections`](crate::SingleLayout::sections).
    #[error("section `{section}` comes before `{current}`, which is already being written")]
    OutOfOrder {
        /// What was to be written.
        section: String,
        /// Where the writer already is.
        current: String,
    },
    /// A section that is one object was written twice.
    #[error("section `{0}` is one object and was already written")]
    DuplicateObject(String),
    /// A section that is one object was never written.
    #[error("section `{0}` is missing")]
    MissingObject(String),
    /// An item is not the text of a JSON object.
    #[error("an item of section `{0}` is not a JSON object")]
    NotAnObject(String),
}

/// How a request failed below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportKind {
    /// No connection: nothing listens, or there is no such host.
    Connect,
    /// The TLS handshake failed, most often because the certificate is not trusted. Not retried.
    Tls,
    /// A time limit passed.
    Timeout,
    /// The connection broke while the request or the answer was under way.
    Broken,
}

impl std::fmt::Display for TransportKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Tls => "the TLS handshake failed",
            Self::Timeout => "timed out",
            Self::Broken => "the connection broke",
        })
    }
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable { .. } => true,
            Self::Transport { kind, .. } => *kind != TransportKind::Tls,
            _ => false,
        }
    }

    /// How long the store asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } => *retry_after,
            _ => None,
        }
    }
}

impl From<object_store::Error> for Error {
    /// Finds our own error again below the one of the trait; what came from elsewhere is sorted by its variant.
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

/// Our error, if that is what is in the box.
fn downcast_own(source: BoxError) -> Result<Error, BoxError> {
    source.downcast::<Error>().map(|error| *error)
}

impl Error {
    /// Puts this error where users of the `object_store` trait look for it.
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
