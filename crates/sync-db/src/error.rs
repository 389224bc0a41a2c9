//! Defines this crate's error and maps it to port errors.

use sync_core::{Disposition, PortError};

use crate::SchemaState;
use crate::cipher::CipherError;

/// An error of the state database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL's scheme is not supported.
    #[error("the database URL must begin with `sqlite:` or `postgres:`")]
    UnknownScheme,
    /// The URL cannot be parsed.
    #[error("the database URL is malformed")]
    MalformedUrl(#[source] Box<sqlx::Error>),
    /// The folder of the SQLite file cannot be created.
    #[error("cannot create the folder of the database file {path}")]
    Folder {
        /// The path of the file.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The SQLite file, or the database of the PostgreSQL server, does not exist.
    #[error("{database} does not exist")]
    Absent {
        /// The kind and the name of the database.
        database: String,
    },
    /// The schema is not the one that this binary works with.
    #[error("{0}")]
    Schema(SchemaState),
    /// A migration failed.
    #[error("the database schema could not be brought up to date")]
    Migration(#[source] Box<sqlx::migrate::MigrateError>),
    /// The database is unreachable, overloaded or full. A later call may succeed.
    #[error("the database is not available")]
    Unavailable(#[source] Box<sqlx::Error>),
    /// The database rejects a statement, or a row cannot be decoded.
    #[error("the database rejects the statement")]
    Refused(#[source] Box<sqlx::Error>),
    /// A stored value is not one that this version writes.
    #[error("the database holds an unknown {what}")]
    Corrupt {
        /// The kind of value.
        what: &'static str,
    },
    /// A token cannot be sealed or opened.
    #[error("a stored token cannot be opened")]
    Cipher(#[from] CipherError),
    /// The lease was lost: another worker has claimed the shop since.
    #[error("the lease is held by another worker")]
    LeaseLost,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let transient = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => true,
            sqlx::Error::Database(refusal) => {
                refusal.code().is_some_and(|code| is_transient(&code))
            }
            _ => false,
        };
        if transient {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Refused(Box::new(error))
        }
    }
}

/// Whether a database's error code is transient. SQLite: busy, locked, I/O error, full, cannot open; extended codes use the
/// higher bytes (sqlite.org/rescode.html). PostgreSQL: connection, rollback, resources, operator intervention, system error
/// (Appendix A of its manual).
fn is_transient(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "40", "53", "55", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13 | 14))
}

impl Error {
    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what }
    }

    fn into_port(self, operation: &'static str) -> PortError {
        let disposition = match &self {
            Self::Unavailable(_) => Disposition::Retry { after: None },
            Self::LeaseLost => Disposition::LeaseLost,
            _ => Disposition::Fail,
        };
        PortError::new(operation, disposition, self)
    }
}

/// Runs the body of a port method. `operation` names the method in its error, as a verb phrase.
pub(crate) async fn port<T>(
    operation: &'static str,
    body: impl Future<Output = Result<T, Error>> + Send,
) -> Result<T, PortError> {
    body.await.map_err(|error| error.into_port(operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_full_and_connection_errors_are_transient() {
        for code in [
            "5", "6", "13", "517", "778", "40001", "08006", "53300", "57P01",
        ] {
            assert!(is_transient(code), "{code}");
        }
    }

    #[test]
    fn constraint_and_syntax_errors_are_permanent() {
        for code in ["1", "19", "1555", "2067", "23505", "42601", ""] {
            assert!(!is_transient(code), "{code}");
        }
    }
}
