//! Tests that a database of the schema before work by kind (0002) is migrated with its work and its publications.

use sqlx::migrate::{Migrate, Migrator};
use sync_core::ports::{Inbox, Mirror, Publications, ShopRegistry};
use sync_core::{
    Claim, ClaimOutcome, ContentHash, ItemKind, ShopDomain, Timestamp, Trigger, WorkKind,
    WorkOutcome, WorkRequest,
};
use sync_db::Database;
use testkit::{at, key, shop};

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Noon of the day on which everything is due, in microseconds.
const NOON: i64 = 1_795_521_600_000_000;

/// `a` is up to date. `b` died between writing the mirror and publishing it. The scan of `c` has failed twice, and a person has
/// confirmed its deletions since. `d` is held by a worker, whose lease ends ten seconds after noon. The work of `e` was given up.
/// `f` must be erased.
const ROWS: [&str; 7] = [
    "INSERT INTO shop (domain, status, installed_at, scopes, reconciled_at, revision,
         published_at, published_revision, published_hash) VALUES
     ('a.myshopify.com', 'active', 1, 'read_products', 2, 5, 3, 5, '0505050505050505050505050505050505050505050505050505050505050505'),
     ('b.myshopify.com', 'active', 1, 'read_products', 2, 4, 3, 3, '0303030303030303030303030303030303030303030303030303030303030303'),
     ('c.myshopify.com', 'active', 1, 'read_products', NULL, 0, NULL, NULL, NULL),
     ('d.myshopify.com', 'frozen', 1, 'read_products', NULL, 0, NULL, NULL, NULL),
     ('e.myshopify.com', 'active', 1, 'read_products', NULL, 0, NULL, NULL, NULL),
     ('f.myshopify.com', 'uninstalled', 1, 'read_products', NULL, 0, NULL, NULL, NULL)",
    "INSERT INTO item (shop, kind, id, section, hash, label, deleted_at, body) VALUES
     ('a.myshopify.com', 'product', 1, 'products', 'h', '', NULL, '{}'),
     ('a.myshopify.com', 'product', 2, 'products', 'h', '', 4, '')",
    "INSERT INTO work (shop, mark, lease_token) VALUES ('a.myshopify.com', 9, 70)",
    "INSERT INTO work (shop, mark, due_at, asked_after, taken_trigger, asked_trigger, asked_accept, attempts, lease_token)
     VALUES ('c.myshopify.com', 4, 1795521600000000, 1, 'poll', 'manual', 1, 2, 71)",
    "INSERT INTO work (shop, mark, claimed_mark, due_at, taken_trigger, lease_token, lease_until)
     VALUES ('d.myshopify.com', 3, 2, 1795521610000000, 'backfill', 72, 1795521610000000)",
    "INSERT INTO work (shop, mark, due_at, asked_after, asked_erase) VALUES
     ('e.myshopify.com', 2, NULL, NULL, 0), ('f.myshopify.com', 1, 1795521600000000, 1795521600000000, 1)",
    "INSERT INTO dirty_item (shop, kind, id, mark, attempts) VALUES
     ('d.myshopify.com', 'product', 1, 3, 0), ('e.myshopify.com', 'product', 1, 2, 4)",
];

/// The migrations of the release before.
fn before(all: &Migrator) -> Migrator {
    let migrations = all.iter().filter(|migration| migration.version <= 2);
    Migrator::with_migrations(migrations.cloned().collect())
}

/// Creates and fills a database of schema 0002.
macro_rules! fill {
    ($connection:expr, $migrator:expr) => {
        let mut connection = $connection;
        connection
            .ensure_migrations_table("_sqlx_migrations")
            .await
            .unwrap();
        before($migrator).run(&mut connection).await.unwrap();
        for rows in ROWS {
            sqlx::query(rows).execute(&mut connection).await.unwrap();
        }
        sqlx::Connection::close(connection).await.unwrap();
    };
}

#[tokio::test]
async fn a_sqlite_database_is_migrated_with_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::sqlite::url(&folder);
    std::fs::create_dir_all(folder.path().join("made")).unwrap();
    let connecting =
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("{url}?mode=rwc"));
    fill!(connecting.await.unwrap(), &SQLITE);
    check(&crate::sqlite::open(&url).await).await;
}

#[tokio::test]
async fn a_postgresql_database_is_migrated_with_its_work() {
    let Some(schema) = crate::postgres::Schema::create().await else {
        return;
    };
    let url = schema.url();
    let connecting = <sqlx::PgConnection as sqlx::Connection>::connect(&url);
    fill!(connecting.await.unwrap(), &POSTGRES);
    check(&crate::postgres::connect(&url).await).await;
}

fn second(after_noon: i64) -> Timestamp {
    Timestamp::from_timestamp_micros(NOON + after_noon * 1_000_000).unwrap()
}

async fn claim(database: &Database, now: Timestamp) -> Option<Claim> {
    let until = now + chrono::TimeDelta::hours(1);
    match database.claim(None, now, until).await.unwrap() {
        ClaimOutcome::Claimed(claim) => Some(claim),
        ClaimOutcome::Idle { .. } => None,
    }
}

/// The kinds of the claimed work, which is released as done.
async fn kinds(database: &Database, claim: &Claim) -> (ShopDomain, Vec<WorkKind>) {
    let done = WorkKind::ALL.map(|kind| (kind, WorkOutcome::Done));
    database.release(&claim.lease, &done).await.unwrap();
    let kinds = claim.work.iter().map(|work| work.kind).collect();
    (claim.lease.shop.clone(), kinds)
}

async fn check(database: &Database) {
    use WorkKind::{Erase, Publish, Refresh, Scan, Subscribe};
    assert_eq!(second(0), at("2026-11-24T12:00:00Z"));

    let current = database.find(&shop("a")).await.unwrap().unwrap();
    let hash = ContentHash([5; 32]);
    let published_at = Timestamp::from_timestamp_micros(3).unwrap();
    assert_eq!(current.published, Some((published_at, 5, hash)));
    assert!(current.reconciled_at.is_some(), "it needs no new full scan");
    let state = database.publication_state(&shop("a"), "single").await;
    let state = state.unwrap();
    assert!(!state.is_behind());
    let last = state.last.unwrap();
    assert_eq!((last.revision, last.hash), (5, hash));
    assert_eq!(last.key, "a.myshopify.com/shopify_data.json");
    let changes = database
        .changed_since(&shop("a"), 4, None, 9)
        .await
        .unwrap();
    let bodies: Vec<_> = changes.into_iter().map(|change| change.body).collect();
    assert_eq!(bodies, [Some("{}".to_owned()), None]);
    let later = database.changed_since(&shop("a"), 5, None, 9).await;
    assert_eq!(later.unwrap(), []);

    let behind = claim(database, second(-60)).await.unwrap();
    assert_eq!(kinds(database, &behind).await, (shop("b"), vec![Publish]));
    assert!(claim(database, second(-1)).await.is_none());

    let failed = claim(database, second(0)).await.unwrap();
    let scan = failed.get(Scan).unwrap();
    assert_eq!((scan.trigger, scan.attempts), (Trigger::Poll, 2));
    assert!(scan.arguments.accept_deletions);
    assert_eq!(
        kinds(database, &failed).await,
        (shop("c"), vec![Subscribe, Scan])
    );

    let redacted = claim(database, second(0)).await.unwrap();
    assert_eq!(kinds(database, &redacted).await, (shop("f"), vec![Erase]));

    assert!(claim(database, second(9)).await.is_none());
    let held = claim(database, second(10)).await.unwrap();
    assert!(held.lease.token > 72);
    assert_eq!(held.get(Scan).unwrap().trigger, Trigger::Backfill);
    let dirty = database.dirty(&held.lease, second(10), 9).await.unwrap();
    let keys: Vec<_> = dirty.iter().map(|item| (item.key, item.seq)).collect();
    assert_eq!(keys, [(key(ItemKind::Product, 1), 3)]);
    let expected = (shop("d"), vec![Subscribe, Scan, Refresh]);
    assert_eq!(kinds(database, &held).await, expected);
    // Released without being settled.
    let held = claim(database, second(10)).await.unwrap();
    assert_eq!(held.work[0].kind, Refresh);

    assert!(claim(database, second(3600)).await.is_none());
    let request = WorkRequest::items(vec![key(ItemKind::Product, 2)]);
    database
        .request(&shop("e"), &request, second(3600))
        .await
        .unwrap();
    let given_up = claim(database, second(3600)).await.unwrap();
    let dirty = database
        .dirty(&given_up.lease, second(3600), 9)
        .await
        .unwrap();
    let found: Vec<_> = dirty.iter().map(|item| (item.seq, item.attempts)).collect();
    assert_eq!(found, [(2, 4), (3, 0)], "the numbers go on");
    assert_eq!(kinds(database, &given_up).await, (shop("e"), vec![Refresh]));
}
