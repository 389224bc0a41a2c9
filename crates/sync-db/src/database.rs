//! Connects to SQLite or PostgreSQL, and defines the macros that run statements on either.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::{Error, TokenCipher};

/// The connection settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Seals and opens the tokens.
    pub cipher: TokenCipher,
    /// The most connections.
    pub connections: u32,
    /// How long a statement waits for a connection or, on SQLite, for the one writer.
    pub wait_timeout: Duration,
    /// SQLite only: the largest file size, in pages of 4 KiB. Beyond it, writes fail as on a full disk.
    pub page_limit: Option<u32>,
}

impl Config {
    /// Default settings: eight connections, a wait timeout of five seconds, no limit of the file size.
    pub fn new(cipher: TokenCipher) -> Self {
        Self {
            cipher,
            connections: 8,
            wait_timeout: Duration::from_secs(5),
            page_limit: None,
        }
    }
}

/// The state database; implements the state ports of [`sync_core::ports`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    pub(crate) pool: Pool,
    pub(crate) cipher: TokenCipher,
}

#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same statement on either pool. Its text must be valid on both databases.
macro_rules! on_pool {
    ($database:expr, $pool:ident => $body:expr) => {
        match &$database.pool {
            $crate::database::Pool::Sqlite($pool) => $body,
            $crate::database::Pool::Postgres($pool) => $body,
        }
    };
}

/// Commits the transaction, or rolls it back and returns the error.
///
/// A dropped transaction keeps its locks until the pool rolls it back, which may be after the caller has started to wait for
/// one of them.
macro_rules! finish_transaction {
    ($transaction:ident, $result:ident) => {
        match $result {
            Ok(value) => $transaction
                .commit()
                .await
                .map(|()| value)
                .map_err(Into::into),
            Err(error) => {
                // If this fails too, the connection is closed, which ends the transaction.
                let _ignored = $transaction.rollback().await;
                Err(error)
            }
        }
    };
}

/// Runs statements in one transaction, which is committed if the block returns `Ok`, and returns the result.
///
/// On SQLite the transaction takes the write lock at its start. One that reads first and writes later would fail at once if
/// another one wrote in between, whatever the timeout.
macro_rules! in_transaction {
    ($database:expr, $transaction:ident => $body:block) => {
        match &$database.pool {
            $crate::database::Pool::Sqlite(pool) => {
                let mut $transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
                let result: Result<_, $crate::Error> = async { $body }.await;
                $crate::database::finish_transaction!($transaction, result)
            }
            $crate::database::Pool::Postgres(pool) => {
                let mut $transaction = pool.begin().await?;
                let result: Result<_, $crate::Error> = async { $body }.await;
                $crate::database::finish_transaction!($transaction, result)
            }
        }
    };
}

/// Returns [`Error::LeaseLost`] unless the lease is current, and locks its row, so that the shop cannot be claimed until the
/// transaction ends.
macro_rules! require_lease {
    ($transaction:ident, $lease:expr) => {
        let held = sqlx::query(
            "UPDATE lease SET token = token WHERE shop = $1 AND token = $2 AND until IS NOT NULL",
        )
        .bind($lease.shop.as_str())
        .bind($lease.token)
        .execute(&mut *$transaction)
        .await?;
        if held.rows_affected() == 0 {
            return Err($crate::Error::LeaseLost);
        }
    };
}

pub(crate) use {finish_transaction, in_transaction, on_pool, require_lease};

impl Database {
    /// Connects, creates the SQLite file if it is missing, and migrates the schema: [`Database::open_or_create`] and
    /// [`Database::migrate`].
    ///
    /// # Errors
    /// See both.
    pub async fn connect(url: &str, config: Config) -> Result<Self, Error> {
        let database = Self::open_or_create(url, config).await?;
        match database.migrate().await {
            Ok(_) => Ok(database),
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    /// Connects to an existing database, and changes neither its file nor its schema, which may be of any version.
    ///
    /// `url` is `sqlite:FILE`, `sqlite::memory:` (a new database), or `postgres://…`.
    ///
    /// # Errors
    /// If the URL is invalid, or the database does not exist ([`Error::Absent`]) or cannot be reached.
    pub async fn open(url: &str, config: Config) -> Result<Self, Error> {
        Self::with_file(url, config, MissingFile::Fail).await
    }

    /// Connects, and creates the SQLite file and its folder if they are missing. Does not create the schema.
    ///
    /// `url` is `sqlite:FILE`, `sqlite::memory:`, or `postgres://…`.
    ///
    /// # Errors
    /// If the URL is invalid, the database cannot be reached, or the file cannot be created. A PostgreSQL database must exist.
    pub async fn open_or_create(url: &str, config: Config) -> Result<Self, Error> {
        Self::with_file(url, config, MissingFile::Create).await
    }

    async fn with_file(url: &str, config: Config, missing: MissingFile) -> Result<Self, Error> {
        let pool = match url.split_once(':') {
            Some(("sqlite", _)) => Pool::Sqlite(connect_sqlite(url, &config, missing).await?),
            Some(("postgres" | "postgresql", _)) => {
                Pool::Postgres(connect_postgres(url, &config).await?)
            }
            _ => return Err(Error::UnknownScheme),
        };
        Ok(Self {
            pool,
            cipher: config.cipher,
        })
    }

    /// Checks that the database responds.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let (one,): (i32,) =
            on_pool!(self, pool => sqlx::query_as("SELECT 1").fetch_one(pool).await?);
        if one == 1 {
            Ok(())
        } else {
            Err(Error::corrupt("response to a ping"))
        }
    }

    /// Whether several processes can share the database.
    pub fn is_shared(&self) -> bool {
        matches!(self.pool, Pool::Postgres(_))
    }

    /// Closes all connections, after waiting for those in use.
    pub async fn close(&self) {
        on_pool!(self, pool => pool.close().await);
    }
}

/// What to do if the SQLite file does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MissingFile {
    Create,
    Fail,
}

async fn connect_sqlite(
    url: &str,
    config: &Config,
    missing: MissingFile,
) -> Result<SqlitePool, Error> {
    let malformed = |error| Error::MalformedUrl(Box::new(error));
    let options = SqliteConnectOptions::from_str(url).map_err(malformed)?;
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let options = match missing {
        _ if in_memory => options,
        MissingFile::Create => {
            create_folder(options.get_filename())?;
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
        }
        // The file keeps its journal mode, because changing it writes to the file.
        MissingFile::Fail => {
            require_file(options.get_filename())?;
            options.create_if_missing(false)
        }
    };
    let options = options
        // A delivery acknowledged with 200 must survive a power failure.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(config.wait_timeout);
    let options = match config.page_limit {
        Some(pages) => options.pragma("max_page_count", pages.to_string()),
        None => options,
    };
    let connections = if in_memory { 1 } else { config.connections };
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        // An in-memory database exists only as long as its connection.
        .min_connections(u32::from(in_memory))
        .idle_timeout(if in_memory {
            None
        } else {
            Some(Duration::from_mins(10))
        })
        .max_lifetime(None)
        .acquire_timeout(config.wait_timeout.max(Duration::from_secs(1)))
        .connect_with(options)
        .await?;
    Ok(pool)
}

fn create_folder(file: &Path) -> Result<(), Error> {
    let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|source| Error::Folder {
        path: file.display().to_string(),
        source,
    })
}

fn require_file(file: &Path) -> Result<(), Error> {
    // If it cannot be determined, SQLite reports why.
    if file.try_exists().unwrap_or(true) {
        return Ok(());
    }
    let database = format!("the database file {}", file.display());
    Err(Error::Absent { database })
}

async fn connect_postgres(url: &str, config: &Config) -> Result<PgPool, Error> {
    let malformed = |error| Error::MalformedUrl(Box::new(error));
    let options = PgConnectOptions::from_str(url)
        .map_err(malformed)?
        .application_name("shopsync");
    let name = options.get_database().map(str::to_owned);
    let pool = PgPoolOptions::new()
        .max_connections(config.connections)
        .acquire_timeout(config.wait_timeout.max(Duration::from_secs(1)))
        .connect_with(options)
        .await;
    pool.map_err(|error| match name {
        Some(name) if is_unknown_database(&error) => Error::Absent {
            database: format!("the database {name}"),
        },
        _ => error.into(),
    })
}

/// Whether the PostgreSQL server has no database of this name (`invalid_catalog_name`).
fn is_unknown_database(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some("3D000")
}
