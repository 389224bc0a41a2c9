use crate::Gid;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong with a bulk operation or its file, by what the caller can do about it.
///
/// Paging can answer all of them; [`Strategy::Auto`](super::Strategy::Auto) does so as long as nothing was given out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BulkError {
    /// Shopify denies the app bulk operations (`ACCESS_DENIED`). Since November 2026 they have to be switched on in the
    /// Partner Dashboard (API access requests), and are switched off after 31 days without use.
    #[error("Shopify denies bulk operations to the app: {message}")]
    Unavailable {
        /// Shopify's explanation.
        message: String,
    },
    /// Too many operations run already (`LIMIT_REACHED`, `OPERATION_IN_PROGRESS`), for as long as was waited.
    #[error("too many bulk operations are running")]
    Busy,
    /// Shopify does not take the query (`INVALID` or an unknown code).
    #[error("Shopify does not run the bulk query: {message}")]
    Rejected {
        /// Shopify's explanation.
        message: String,
    },
    /// The operation failed. What it has written until then is never used.
    #[error("the bulk operation {id} failed{}", .code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Failed {
        /// The operation.
        id: Gid,
        /// `ACCESS_DENIED`: a scope is missing; `INTERNAL_SERVER_ERROR`, `TIMEOUT`: the same may work later.
        code: Option<String>,
    },
    /// Somebody cancelled the operation.
    #[error("the bulk operation {id} was cancelled")]
    Canceled {
        /// The operation.
        id: Gid,
    },
    /// The result is older than seven days and gone.
    #[error("the result of the bulk operation {id} has expired")]
    Expired {
        /// The operation.
        id: Gid,
    },
    /// The operation ran longer than [`BulkOptions::deadline`](super::BulkOptions::deadline), and was cancelled.
    #[error("the bulk operation {id} did not end in time")]
    TimedOut {
        /// The operation.
        id: Gid,
    },
    /// Shopify knows no such operation.
    #[error("there is no bulk operation {id}")]
    NotFound {
        /// The operation.
        id: Gid,
    },
    /// The operation is not one of ours: it was not touched.
    #[error("the bulk operation {id} belongs to another program")]
    NotOwned {
        /// The operation.
        id: Gid,
    },
    /// The signed address is no longer good (403, 404 or 410): it expires after seven days. Run the query again.
    #[error("the address of the result has expired (HTTP status {status})")]
    UrlExpired {
        /// The status.
        status: u16,
    },
    /// The file cannot be fetched.
    #[error("the result cannot be fetched: {reason}")]
    Download {
        /// Why; never the address, which is a secret.
        reason: String,
        /// What failed beneath.
        #[source]
        source: Option<Source>,
    },
    /// The file is not as long as was said: cut off, or another one.
    #[error("the result has {found} bytes instead of {expected}")]
    LengthMismatch {
        /// In bytes, as Shopify says.
        expected: u64,
        /// In bytes.
        found: u64,
    },
    /// The file became another one while it was read.
    #[error("the result changed while it was read")]
    Changed,
    /// There are not as many objects in the file as Shopify counted.
    #[error("the result holds {found} {what} instead of {expected}")]
    CountMismatch {
        /// `objects` or `root objects`.
        what: &'static str,
        /// As Shopify says.
        expected: u64,
        /// As read.
        found: u64,
    },
    /// A line is longer than [`BulkOptions::max_line`](super::BulkOptions::max_line).
    #[error("line {line} of the result is longer than {limit} bytes")]
    LineTooLong {
        /// From 1.
        line: u64,
        /// In bytes.
        limit: usize,
    },
    /// A line is no JSON object with an id.
    #[error("line {line} of the result is no object with an id")]
    InvalidLine {
        /// From 1.
        line: u64,
    },
    /// The lines are not in the order that was asked for ([`BulkOptions::grouped`](super::BulkOptions::grouped)): things
    /// by ascending id, each with its parts right after it.
    #[error("line {line} of the result is out of order")]
    OutOfOrder {
        /// From 1.
        line: u64,
    },
    /// A line belongs to something that is not in the file.
    #[error("the result holds a part of {parent}, but not that itself")]
    Orphan {
        /// The parent's kind and number.
        parent: String,
    },
    /// A line is about something that was not asked for.
    #[error("the result holds an unexpected {kind}")]
    UnexpectedKind {
        /// The kind of object.
        kind: &'static str,
    },
    /// An object does not have the shape that the schema promises.
    #[error("the result makes no sense at `{path}` of {id}")]
    InvalidObject {
        /// The object's kind and number.
        id: String,
        /// Where in it.
        path: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// A temporary file cannot be written or read: the disk is full, or the folder is not there.
    #[error("a temporary file for the result cannot be used")]
    TempFile(#[from] std::io::Error),
}

impl BulkError {
    /// Whether the same reading may work later without anybody doing anything: what failed was this run of it or this
    /// file. `false` for what Shopify denies or does not take, and for a file that says what it should not.
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
