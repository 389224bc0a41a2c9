//! The errors of bulk operations and their result files.

use crate::Gid;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The error of a bulk operation or its result file, classified by what the caller can do.
///
/// Paging avoids all of them. [`Strategy::Auto`](super::Strategy::Auto) falls back to it as long as no object was
/// returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BulkError {
    /// Shopify denies bulk operations to the app (`ACCESS_DENIED`). Since November 2026 they must be enabled in the
    /// Partner Dashboard (API access requests), and are disabled after 31 days without use.
    #[error("Shopify denies bulk operations to the app: {message}")]
    Unavailable {
        /// Shopify's message.
        message: String,
    },
    /// Too many operations were running (`LIMIT_REACHED`, `OPERATION_IN_PROGRESS`) during
    /// [`BulkOptions::slot_timeout`](super::BulkOptions::slot_timeout).
    #[error("too many bulk operations are running")]
    Busy,
    /// Shopify rejected the query (`INVALID` or an unknown code).
    #[error("Shopify rejected the bulk query: {message}")]
    Rejected {
        /// Shopify's message.
        message: String,
    },
    /// The operation failed. Its partial result is never used.
    #[error("the bulk operation {id} failed{}", .code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Failed {
        /// The operation.
        id: Gid,
        /// `ACCESS_DENIED`: a scope is missing; `INTERNAL_SERVER_ERROR`, `TIMEOUT`: the same query may work later.
        code: Option<String>,
    },
    /// The operation was cancelled by another caller.
    #[error("the bulk operation {id} was cancelled")]
    Canceled {
        /// The operation.
        id: Gid,
    },
    /// The result is older than seven days and was deleted.
    #[error("the result of the bulk operation {id} has expired")]
    Expired {
        /// The operation.
        id: Gid,
    },
    /// The operation ran longer than [`BulkOptions::deadline`](super::BulkOptions::deadline) and was cancelled.
    #[error("the bulk operation {id} did not end before its deadline")]
    TimedOut {
        /// The operation.
        id: Gid,
    },
    /// The operation does not exist.
    #[error("the bulk operation {id} does not exist")]
    NotFound {
        /// The operation.
        id: Gid,
    },
    /// The operation was started by another program: it was not changed.
    #[error("the bulk operation {id} belongs to another program")]
    NotOwned {
        /// The operation.
        id: Gid,
    },
    /// The signed URL of the result has expired (403, 404 or 410). It is valid for seven days. Run the query again.
    #[error("the URL of the bulk result has expired (HTTP status {status})")]
    UrlExpired {
        /// The HTTP status.
        status: u16,
    },
    /// The result file cannot be downloaded.
    #[error("the bulk result cannot be downloaded: {reason}")]
    Download {
        /// Why; never the URL, which is a secret.
        reason: String,
        /// The underlying error.
        #[source]
        source: Option<Source>,
    },
    /// The length of the file differs from the stated one: it is truncated, or another file.
    #[error("the bulk result has {found} bytes instead of {expected}")]
    LengthMismatch {
        /// In bytes, as Shopify states.
        expected: u64,
        /// In bytes.
        found: u64,
    },
    /// The file changed during the download.
    #[error("the bulk result changed during the download")]
    Changed,
    /// The number of objects in the file differs from Shopify's count.
    #[error("the bulk result has {found} {what} instead of {expected}")]
    CountMismatch {
        /// `objects` or `root objects`.
        what: &'static str,
        /// As Shopify states.
        expected: u64,
        /// As read.
        found: u64,
    },
    /// A line is longer than [`BulkOptions::max_line`](super::BulkOptions::max_line).
    #[error("line {line} of the bulk result is longer than {limit} bytes")]
    LineTooLong {
        /// From 1.
        line: u64,
        /// In bytes.
        limit: usize,
    },
    /// A line is not a JSON object with a global id.
    #[error("line {line} of the bulk result is not a JSON object with a global id")]
    InvalidLine {
        /// From 1.
        line: u64,
    },
    /// The lines are not in the requested order ([`BulkOptions::grouped`](super::BulkOptions::grouped)): objects by
    /// ascending id, each followed by its children.
    #[error("line {line} of the bulk result is out of order")]
    OutOfOrder {
        /// From 1.
        line: u64,
    },
    /// The parent of a line is not in the file.
    #[error("the bulk result has a child of {parent}, but not {parent} itself")]
    Orphan {
        /// The parent's type and number.
        parent: String,
    },
    /// A line is an object that was not requested.
    #[error("the bulk result has an unexpected {kind}")]
    UnexpectedKind {
        /// The type of the object.
        kind: &'static str,
    },
    /// The JSON of an object does not match the schema.
    #[error("the bulk result does not match the schema at `{path}` of {id}")]
    InvalidObject {
        /// The object's type and number.
        id: String,
        /// The JSON path.
        path: String,
        /// The underlying error.
        #[source]
        source: Source,
    },
    /// A temporary file cannot be written or read, because the disk is full or the folder does not exist.
    #[error("a temporary file for the bulk result cannot be written or read")]
    TempFile(#[from] std::io::Error),
}

impl BulkError {
    /// Whether the same read may succeed later without any change: the error concerns this operation or this file.
    /// `false` if Shopify denies or rejects the query, and if the file has unexpected content.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Failed { code, .. } => code.as_deref() != Some("ACCESS_DENIED"),
            Self::Busy
            | Self::Canceled { .. }
            | Self::Expired { .. }
            | Self::TimedOut { .. }
            | Self::UrlExpired { .. }
            | Self::Download { .. }
            | Self::LengthMismatch { .. }
            | Self::Changed
            | Self::CountMismatch { .. }
            | Self::InvalidLine { .. }
            | Self::OutOfOrder { .. }
            | Self::Orphan { .. }
            | Self::TempFile(_) => true,
            Self::Unavailable { .. }
            | Self::Rejected { .. }
            | Self::NotFound { .. }
            | Self::NotOwned { .. }
            | Self::LineTooLong { .. }
            | Self::UnexpectedKind { .. }
            | Self::InvalidObject { .. } => false,
        }
    }
}
