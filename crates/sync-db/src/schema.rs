//! Compares the database's schema with the migrations of this binary, and runs the missing ones.

use std::fmt;

use sqlx::migrate::{AppliedMigration, Migrate, Migrator};

use crate::database::{Pool, finish_transaction};
use crate::{Database, Error};

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// The table in which `sqlx` records the migrations that have run.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

/// A database's schema, compared with the migrations of this binary. A version is the number of the last migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// Every migration of this binary has run, and no other.
    Current,
    /// At least one migration of this binary has not run.
    Older {
        /// The version of the database.
        database: i64,
        /// The version of this binary.
        binary: i64,
    },
    /// A migration has run that this binary does not know.
    Newer {
        /// The version of the database.
        database: i64,
        /// The version of this binary.
        binary: i64,
    },
    /// No migration has run.
    Empty,
}

impl fmt::Display for SchemaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("the schema of the database is up to date"),
            Self::Older { database, binary } => write!(
                f,
                "the schema of the database is older (version {database}) than this binary (version {binary})"
            ),
            Self::Newer { database, binary } => write!(
                f,
                "this binary (version {binary}) is older than the schema of the database (version {database})"
            ),
            Self::Empty => f.write_str("the database has no schema yet"),
        }
    }
}

impl SchemaState {
    fn compare(applied: &[AppliedMigration], known: &Migrator) -> Self {
        let binary = known.iter().map(|migration| migration.version).max();
        let binary = binary.unwrap_or_default();
        let Some(database) = applied.iter().map(|migration| migration.version).max() else {
            return Self::Empty;
        };
        let is_known = |migration: &AppliedMigration| known.version_exists(migration.version);
        if !applied.iter().all(is_known) {
            Self::Newer { database, binary }
        } else if applied.len() < known.iter().count() {
            Self::Older { database, binary }
        } else {
            Self::Current
        }
    }
}

impl Database {
    /// Compares the schema with the migrations of this binary. Changes nothing.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn schema(&self) -> Result<SchemaState, Error> {
        match &self.pool {
            Pool::Sqlite(pool) => {
                let mut connection = pool.acquire().await?;
                let (exists,): (bool,) = sqlx::query_as(
                    "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1",
                )
                .bind(MIGRATIONS_TABLE)
                .fetch_one(&mut *connection)
                .await?;
                let applied = applied_migrations(&mut *connection, exists).await?;
                Ok(SchemaState::compare(&applied, &SQLITE))
            }
            Pool::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let (exists,): (bool,) = sqlx::query_as("SELECT to_regclass($1) IS NOT NULL")
                    .bind(MIGRATIONS_TABLE)
                    .fetch_one(&mut *connection)
                    .await?;
                let applied = applied_migrations(&mut *connection, exists).await?;
                Ok(SchemaState::compare(&applied, &POSTGRES))
            }
        }
    }

    /// Checks that the schema is the one that this binary works with. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Schema`] if it is another one; otherwise if the database cannot be read.
    pub async fn require_current_schema(&self) -> Result<(), Error> {
        match self.schema().await? {
            SchemaState::Current => Ok(()),
            other => Err(Error::Schema(other)),
        }
    }

    /// Runs the missing migrations, and returns the state before. Writes nothing if the schema is current. If several processes
    /// migrate at the same time, one does the work and the others wait for it (on SQLite for at most
    /// [`Config::wait_timeout`](crate::Config)).
    ///
    /// # Errors
    /// [`Error::Schema`] if the schema is newer than this binary; otherwise if the database cannot be written or a migration
    /// fails.
    pub async fn migrate(&self) -> Result<SchemaState, Error> {
        let before = self.schema().await?;
        match before {
            SchemaState::Current => return Ok(before),
            SchemaState::Newer { .. } => return Err(Error::Schema(before)),
            SchemaState::Older { .. } | SchemaState::Empty => {}
        }
        match &self.pool {
            Pool::Sqlite(pool) => {
                // On SQLite `sqlx` takes no lock of its own.
                let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
                // Not `run`: a future that borrows a transaction through `Acquire` is not `Send`.
                let migrated = SQLITE.run_direct(None, &mut *transaction, false).await;
                let migrated = migrated.map_err(|error| Error::Migration(Box::new(error)));
                finish_transaction!(transaction, migrated)?;
            }
            Pool::Postgres(pool) => {
                let migrated = POSTGRES.run(pool).await;
                migrated.map_err(|error| Error::Migration(Box::new(error)))?;
            }
        }
        Ok(before)
    }
}

async fn applied_migrations(
    connection: &mut impl Migrate,
    table_exists: bool,
) -> Result<Vec<AppliedMigration>, Error> {
    if !table_exists {
        return Ok(Vec::new());
    }
    let applied = connection.list_applied_migrations(MIGRATIONS_TABLE).await;
    applied.map_err(|error| Error::Migration(Box::new(error)))
}
