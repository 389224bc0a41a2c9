use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::{Error, TokenCipher};

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How to connect.
#[derive(Debug, Clone)]
pub struct Config {
    /// Seals and opens the tokens.
    pub cipher: TokenCipher,
    /// How many connections at most.
    pub connections: u32,
    /// How long a statement waits for a connection or, on SQLite, for the one writer.
    pub wait_timeout: Duration,
    /// SQLite only: how many pages (of 4 KiB) the file may grow to. Beyond that, writes fail as on a full disk.
    pub page_limit: Option<u32>,
}

impl Config {
    /// Eight connections, five seconds of patience, no limit of the file.
    pub fn new(cipher: TokenCipher) -> Self {
        Self {
            cipher,
            connections: 8,
            wait_timeout: Duration::from_secs(5),
            page_limit: None,
        }
    }
}

/// The state of the service. Cheap to clone.
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

/// Runs the same statements on whichever pool there is. The text of a statement is valid on both.
macro_rules! on_pool {
    ($database:expr, $pool:ident => $body:expr) => {
        match &$database.pool {
            $crate::database::Pool::Sqlite($pool) => $body,
            $crate::database::Pool::Postgres($pool) => $body,
        }
    };
}

/// Commits, or rolls back and returns the error.
///
/// A transaction that is merely dropped keeps its locks until the pool gets to it, which may be after the caller has
/// gone on to wait for one of them.
macro_rules! end {
    ($transaction:ident, $result:ident) => {
        match $result {
            Ok(value) => {
                $transaction.commit().await?;
                value
            }
            Err(error) => {
                // If this fails as well, the connection is gone, and the transaction with it.
                let _gone = $transaction.rollback().await;
                return Err(error);
            }
        }
    };
}

/// Runs statements in one transaction, which is committed if the block ends with `Ok`.
///
/// SQLite takes its write lock at the beginning: a transaction that first reads and then writes would otherwise
/// fail at once when another one wrote in between, whatever the patience.
macro_rules! in_transaction {
    ($database:expr, $transaction:ident => $body:block) => {
        match &$database.pool {
            $crate::database::Pool::Sqlite(pool) => {
                let mut $transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
                let result: Result<_, $crate::Error> = async { $body }.await;
                $crate::database::end!($transaction, result)
            }
            $crate::database::Pool::Postgres(pool) => {
                let mut $transaction = pool.begin().await?;
                let result: Result<_, $crate::Error> = async { $body }.await;
                $crate::database::end!($transaction, result)
            }
        }
    };
}

/// Refuses to go on unless the lease is held, and keeps it so until the transaction ends: the row is locked.
macro_rules! hold {
    ($transaction:ident, $lease:expr) => {
        let held = sqlx::query(
            "UPDATE work SET lease_token = lease_token
              WHERE shop = $1 AND lease_token = $2 AND lease_until IS NOT NULL",
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

pub(crate) use {end, hold, in_transaction, on_pool};

impl Database {
    /// Connects, and brings the schema up to date.
    ///
    /// `sqlite:FILE` (made if it is not there, with its folder), `sqlite::memory:`, or `postgres://…`.
    ///
    /// # Errors
    /// A URL that names no database, a database that cannot be reached, a migration that fails.
    pub async fn connect(url: &str, config: Config) -> Result<Self, Error> {
        let pool = match url.split_once(':') {
            Some(("sqlite", _)) => Pool::Sqlite(connect_sqlite(url, &config).await?),
            Some(("postgres" | "postgresql", _)) => {
                Pool::Postgres(connect_postgres(url, &config).await?)
            }
            _ => return Err(Error::UnknownScheme),
        };
        let migrated = match &pool {
            Pool::Sqlite(pool) => SQLITE.run(pool).await,
            Pool::Postgres(pool) => POSTGRES.run(pool).await,
        };
        migrated.map_err(|error| Error::Migration(Box::new(error)))?;
        Ok(Self {
            pool,
            cipher: config.cipher,
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let (one,): (i32,) =
            on_pool!(self, pool => sqlx::query_as("SELECT 1").fetch_one(pool).await?);
        if one == 1 {
            Ok(())
        } else {
            Err(Error::corrupt("answer"))
        }
    }

    /// Whether several processes may share it.
    pub fn is_shared(&self) -> bool {
        matches!(self.pool, Pool::Postgres(_))
    }

    /// Ends all connections; waits for those in use.
    pub async fn close(&self) {
        on_pool!(self, pool => pool.close().await);
    }
}

async fn connect_sqlite(url: &str, config: &Config) -> Result<SqlitePool, Error> {
    let malformed = |error| Error::MalformedUrl(Box::new(error));
    let options = SqliteConnectOptions::from_str(url).map_err(malformed)?;
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    if !in_memory {
        make_folder(options.get_filename())?;
    }
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A delivery that was answered 200 must outlive a power cut.
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
        // A database in memory lives as long as its connection.
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

fn make_folder(file: &Path) -> Result<(), Error> {
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

async fn connect_postgres(url: &str, config: &Config) -> Result<PgPool, Error> {
    let malformed = |error| Error::MalformedUrl(Box::new(error));
    let options = PgConnectOptions::from_str(url)
        .map_err(malformed)?
        .application_name("shopsync");
    let pool = PgPoolOptions::new()
        .max_connections(config.connections)
        .acquire_timeout(config.wait_timeout.max(Duration::from_secs(1)))
        .connect_with(options)
        .await?;
    Ok(pool)
}
