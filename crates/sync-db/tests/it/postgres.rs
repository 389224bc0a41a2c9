//! Tests against the PostgreSQL server in `SHOPSYNC_TEST_DATABASE_URL`, each test in its own schema.

use secrecy::SecretString;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use sync_core::ports::{Inbox, ShopRegistry};
use sync_core::{ClaimOutcome, ItemKind, Settlement, WorkKind, WorkRequest};
use sync_db::{Config, Database, TokenCipher};
use testkit::{at, installation, key, shop};

mod contract {
    use super::{Database, Schema, connect};

    async fn fresh() -> Option<(Database, Schema)> {
        let schema = Schema::create().await?;
        Some((connect(&schema.url()).await, schema))
    }

    testkit::state_contract!(super::fresh);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the address of the test database"
)]
#[expect(clippy::print_stderr, reason = "reports a skipped test")]
pub(crate) fn server() -> Option<String> {
    let url = std::env::var("SHOPSYNC_TEST_DATABASE_URL").ok();
    let required = std::env::var("SHOPSYNC_TEST_REQUIRE").is_ok_and(|value| value == "1");
    assert!(
        url.is_some() || !required,
        "SHOPSYNC_TEST_DATABASE_URL is required"
    );
    if url.is_none() {
        eprintln!(
            "skipped: SHOPSYNC_TEST_DATABASE_URL is not set (scripts/postgres.sh starts a server)"
        );
    }
    url
}

/// A test's own schema, dropped at its end.
pub(crate) struct Schema {
    server: String,
    name: String,
}

impl Schema {
    pub(crate) async fn create() -> Option<Self> {
        let server = server()?;
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let (number,): (i64,) = sqlx::query_as("SELECT (random() * 1e15)::bigint")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let name = format!("test_{number}");
        let create = format!("CREATE SCHEMA {name}");
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        connection.close().await.unwrap();
        Some(Self { server, name })
    }

    pub(crate) fn url(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        let (server, name) = (&self.server, &self.name);
        format!("{server}{separator}options=-c%20search_path%3D{name}")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let server = self.server.clone();
        let drop = format!("DROP SCHEMA {} CASCADE", self.name);
        // In a thread, because a runtime cannot start inside another. If it fails, the schema is left over.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let mut connection = PgConnection::connect(&server).await.unwrap();
                // An open transaction would block this forever.
                connection
                    .execute("SET lock_timeout = '10s'")
                    .await
                    .unwrap();
                connection.execute(AssertSqlSafe(drop)).await.unwrap();
            });
        });
        assert!(dropped.join().is_ok() || std::thread::panicking());
    }
}

pub(crate) async fn connect(url: &str) -> Database {
    let cipher = TokenCipher::derive_from(&SecretString::from("test"));
    let mut config = Config::new(cipher);
    config.connections = 4;
    Database::connect(url, config).await.unwrap()
}

/// Two replicas, 30 shops, four workers: each shop is claimed exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_work() {
    let Some(schema) = Schema::create().await else {
        return;
    };
    let first = connect(&schema.url()).await;
    let second = connect(&schema.url()).await;
    let now = at("2026-11-24T12:00:00Z");
    for number in 0..30 {
        let shop = shop(&format!("s{number}"));
        first.install(&installation(&shop, now)).await.unwrap();
        let request = WorkRequest::items(vec![key(ItemKind::Product, 1)]);
        first.request(&shop, &request, now).await.unwrap();
    }
    let until = now + chrono::TimeDelta::seconds(60);
    let mut workers = tokio::task::JoinSet::new();
    for database in [&first, &second, &first, &second] {
        let database = database.clone();
        workers.spawn(async move {
            let mut claimed = Vec::new();
            while let ClaimOutcome::Claimed(claim) = database.claim(None, now, until).await.unwrap()
            {
                claimed.push(claim.lease.shop);
            }
            claimed
        });
    }
    let mut claimed: Vec<_> = workers.join_all().await.concat();
    // A worker may have stopped while the remaining shops were being claimed by others.
    while let ClaimOutcome::Claimed(claim) = first.claim(None, now, until).await.unwrap() {
        claimed.push(claim.lease.shop);
    }
    claimed.sort();
    let count = claimed.len();
    claimed.dedup();
    assert_eq!((claimed.len(), count), (30, 30));
}

/// Another replica is claiming the shop, and locks its lease. The claim does not wait for it, and does not treat it as idle.
#[tokio::test]
async fn a_claim_that_skips_a_locked_row_returns_a_past_time() {
    let Some(schema) = Schema::create().await else {
        return;
    };
    let database = connect(&schema.url()).await;
    let now = at("2026-11-24T12:00:00Z");
    let until = now + chrono::TimeDelta::seconds(60);
    let shop = shop("a");
    database.install(&installation(&shop, now)).await.unwrap();
    let request = WorkRequest::items(vec![key(ItemKind::Product, 1)]);
    database.request(&shop, &request, now).await.unwrap();

    let mut intake = PgConnection::connect(&schema.url()).await.unwrap();
    let mut transaction = intake.begin().await.unwrap();
    let lock = "SELECT shop FROM lease FOR UPDATE";
    transaction.execute(lock).await.unwrap();
    let passed_over = database.claim(None, now, until).await.unwrap();
    assert_eq!(passed_over, ClaimOutcome::Idle { next: Some(now) });
    transaction.rollback().await.unwrap();
    let claimed = database.claim(None, now, until).await.unwrap();
    assert!(matches!(claimed, ClaimOutcome::Claimed(_)), "{claimed:?}");
}

/// A delivery that is being recorded locks the requests of its shop. The shop can be claimed meanwhile for the work that is
/// stored already.
#[tokio::test]
async fn a_claim_does_not_skip_a_shop_whose_delivery_is_being_recorded() {
    let Some(schema) = Schema::create().await else {
        return;
    };
    let database = connect(&schema.url()).await;
    let now = at("2026-11-24T12:00:00Z");
    let until = now + chrono::TimeDelta::seconds(60);
    let shop = shop("a");
    database.install(&installation(&shop, now)).await.unwrap();
    let request = WorkRequest::items(vec![key(ItemKind::Product, 1)]);
    database.request(&shop, &request, now).await.unwrap();

    let mut intake = PgConnection::connect(&schema.url()).await.unwrap();
    let mut transaction = intake.begin().await.unwrap();
    let lock = "UPDATE work_seq SET seq = seq + 1";
    transaction.execute(lock).await.unwrap();
    let claimed = database.claim(None, now, until).await.unwrap();
    assert!(matches!(claimed, ClaimOutcome::Claimed(_)), "{claimed:?}");
    transaction.rollback().await.unwrap();
}

/// Deliveries of a shop arrive while its dirty items are read and settled: none is lost, and none waits in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn requests_during_runs_are_all_carried_out() {
    const REQUESTS: u64 = 300;
    let Some(schema) = Schema::create().await else {
        return;
    };
    let database = connect(&schema.url()).await;
    let now = at("2026-11-24T12:00:00Z");
    let until = now + chrono::TimeDelta::seconds(60);
    let shop = shop("a");
    database.install(&installation(&shop, now)).await.unwrap();
    let mut requests = tokio::task::JoinSet::new();
    for part in 0..3 {
        let (database, shop) = (database.clone(), shop.clone());
        requests.spawn(async move {
            for id in (part..REQUESTS).step_by(3) {
                let request = WorkRequest::items(vec![key(ItemKind::Product, id)]);
                database.request(&shop, &request, now).await.unwrap();
            }
        });
    }
    let mut read = std::collections::BTreeSet::new();
    loop {
        let done = requests.is_empty();
        match database.claim(None, now, until).await.unwrap() {
            ClaimOutcome::Idle { next: None } if done => break,
            ClaimOutcome::Idle { .. } => tokio::task::yield_now().await,
            ClaimOutcome::Claimed(claim) => {
                let settlement = Settlement {
                    done: database.dirty(&claim.lease, now, 1_000).await.unwrap(),
                    finished: Some(WorkKind::Refresh),
                    ..Settlement::default()
                };
                database.settle(&claim.lease, &settlement).await.unwrap();
                database.release(&claim.lease, &[]).await.unwrap();
                read.extend(settlement.done.iter().map(|item| item.key.id.as_u64()));
            }
        }
        while let Some(ended) = requests.try_join_next() {
            ended.unwrap();
        }
    }
    assert_eq!(read.len() as u64, REQUESTS);
}

/// Of two replicas, one begins to renew a shop's token, and the other sees the attempt.
#[tokio::test(flavor = "multi_thread")]
async fn one_replica_renews_a_token() {
    let Some(schema) = Schema::create().await else {
        return;
    };
    let replicas = [connect(&schema.url()).await, connect(&schema.url()).await];
    crate::renewals::race(&replicas).await;
}

#[tokio::test]
async fn replicas_may_start_together() {
    let Some(schema) = Schema::create().await else {
        return;
    };
    let url = schema.url();
    let starts = (0..4).map(|_| connect(&url));
    for database in futures::future::join_all(starts).await {
        database.ping().await.unwrap();
        assert!(database.is_shared());
    }
}
