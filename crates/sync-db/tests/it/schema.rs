//! Tests reading and migrating the schema, on SQLite and PostgreSQL.

use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use sync_core::ports::ShopRegistry;
use sync_db::{Database, Error, SchemaState};
use tempfile::TempDir;
use testkit::{at, installation, shop};

use crate::postgres::Schema;
use crate::sqlite::config;

/// A database without a schema, deleted with this value.
enum Place {
    Sqlite(TempDir),
    Postgres(Schema),
}

impl Place {
    /// One of each kind; PostgreSQL only if a server is given.
    async fn all() -> Vec<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("state.db"), "").unwrap();
        let mut all = vec![Self::Sqlite(folder)];
        all.extend(Schema::create().await.map(Self::Postgres));
        all
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("state.db").display()),
            Self::Postgres(schema) => schema.url(),
        }
    }

    async fn open(&self) -> Database {
        Database::open(&self.url(), config()).await.unwrap()
    }

    /// Opens the database, reads the state of its schema and closes it.
    async fn state(&self) -> SchemaState {
        let database = self.open().await;
        let state = database.schema().await.unwrap();
        database.close().await;
        state
    }

    async fn execute(&self, statement: &'static str) {
        match self {
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&self.url()).await.unwrap();
                connection.execute(statement).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(_) => {
                let mut connection = PgConnection::connect(&self.url()).await.unwrap();
                connection.execute(statement).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// Runs the first migration only.
    async fn migrate_to_first_version(&self) {
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        match self {
            Self::Sqlite(_) => {
                let migrator = Migrator::new(migrations.join("sqlite")).await.unwrap();
                let mut connection = SqliteConnection::connect(&self.url()).await.unwrap();
                migrator.run_to(1, &mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(_) => {
                let migrator = Migrator::new(migrations.join("postgres")).await.unwrap();
                let mut connection = PgConnection::connect(&self.url()).await.unwrap();
                migrator.run_to(1, &mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// The names and contents of all files.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let Self::Sqlite(folder) = self else {
            return Vec::new();
        };
        let paths = std::fs::read_dir(folder.path()).unwrap();
        let mut paths: Vec<_> = paths.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = |path: PathBuf| (path.clone(), std::fs::read(path).unwrap());
        paths.into_iter().map(read).collect()
    }
}

/// Records a migration that this binary does not know.
const ADD_LATER_VERSION: &str =
    "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
     SELECT 9999, description, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";

#[tokio::test]
async fn the_schema_is_compared_with_the_migrations_of_the_binary() {
    for place in Place::all().await {
        assert_eq!(place.state().await, SchemaState::Empty);
        place.migrate_to_first_version().await;
        let SchemaState::Older {
            database: 1,
            binary,
        } = place.state().await
        else {
            panic!("the schema is not older: {:?}", place.state().await);
        };
        let database = place.open().await;
        let before = database.migrate().await.unwrap();
        assert_eq!(
            before,
            SchemaState::Older {
                database: 1,
                binary
            }
        );
        database.close().await;
        assert_eq!(place.state().await, SchemaState::Current);
        place.execute(ADD_LATER_VERSION).await;
        let newer = SchemaState::Newer {
            database: 9_999,
            binary,
        };
        assert_eq!(place.state().await, newer);
    }
}

#[tokio::test]
async fn opening_and_reading_the_schema_changes_nothing() {
    for place in Place::all().await {
        let before = place.files();
        place.state().await;
        assert!(place.files() == before, "an empty database");
        place.migrate_to_first_version().await;
        let before = place.files();
        let SchemaState::Older { .. } = place.state().await else {
            panic!("the schema is not older");
        };
        assert!(place.files() == before, "an older database");
        Database::connect(&place.url(), config())
            .await
            .unwrap()
            .close()
            .await;
        let before = place.files();
        let database = place.open().await;
        database.require_current_schema().await.unwrap();
        // Nothing is left to migrate, so that nothing is written.
        assert_eq!(database.migrate().await.unwrap(), SchemaState::Current);
        database.close().await;
        assert!(place.files() == before, "a current database");
    }
}

#[tokio::test]
async fn a_newer_schema_is_neither_used_nor_migrated() {
    for place in Place::all().await {
        let database = Database::connect(&place.url(), config()).await.unwrap();
        database.close().await;
        place.execute(ADD_LATER_VERSION).await;
        let before = place.files();
        let database = place.open().await;
        for refused in [
            database.require_current_schema().await.unwrap_err(),
            database.migrate().await.unwrap_err(),
        ] {
            let newer = matches!(refused, Error::Schema(SchemaState::Newer { .. }));
            assert!(newer, "{refused:?}");
            assert!(refused.to_string().contains("is older than the schema"));
        }
        database.close().await;
        assert!(place.files() == before);
        let refused = Database::connect(&place.url(), config()).await.unwrap_err();
        assert!(matches!(refused, Error::Schema(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_missing_database_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["state.db", "made/state.db"] {
        let url = format!("sqlite:{}", folder.path().join(file).display());
        let refused = Database::open(&url, config()).await.unwrap_err();
        assert!(matches!(refused, Error::Absent { .. }), "{refused:?}");
        assert!(refused.to_string().contains(file), "{refused}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let Some(server) = crate::postgres::server() else {
        return;
    };
    let (before, after) = server.split_once('?').unwrap_or((&server, ""));
    let (host, _) = before.rsplit_once('/').unwrap();
    let url = format!("{host}/no_such_database?{after}");
    let refused = Database::open(&url, config()).await.unwrap_err();
    let text = refused.to_string();
    assert_eq!(text, "the database no_such_database does not exist");
}

/// The data of an older release stays.
#[tokio::test]
async fn processes_may_migrate_at_the_same_time() {
    for place in Place::all().await {
        place.migrate_to_first_version().await;
        place
            .execute(
                "INSERT INTO shop (domain, status, installed_at, scopes, access_token, token_version)
                 VALUES ('a.myshopify.com', 'active', 0, '', 'sealed', 1)",
            )
            .await;
        let url = place.url();
        let starts = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Database::connect(&url, config()).await })
        });
        for started in futures::future::join_all(starts).await {
            let database = started.unwrap().unwrap();
            let shops = database.list(None, 10).await.unwrap();
            assert_eq!(shops.len(), 1);
            database.close().await;
        }
        assert_eq!(place.state().await, SchemaState::Current);
    }
}

/// As `serve` and a command that are started together on a new machine.
#[tokio::test(flavor = "multi_thread")]
async fn processes_may_create_the_database_at_the_same_time() {
    for place in Place::all().await {
        if let Place::Sqlite(folder) = &place {
            std::fs::remove_file(folder.path().join("state.db")).unwrap();
        }
        let url = place.url();
        let starts = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Database::connect(&url, config()).await })
        });
        let started = futures::future::join_all(starts).await;
        let now = at("2026-11-24T12:00:00Z");
        for (number, database) in started.into_iter().enumerate() {
            let shop = shop(&format!("s{number}"));
            let database = database.unwrap().unwrap();
            database.install(&installation(&shop, now)).await.unwrap();
        }
        assert_eq!(place.state().await, SchemaState::Current);
    }
}
