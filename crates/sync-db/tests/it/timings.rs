//! Measures how long the mirror and the intake take. Not checks: run by name with `--ignored --no-capture`.
#![expect(clippy::print_stderr, reason = "a measurement prints its figures")]

use std::time::Instant;

use sync_core::ports::{Inbox, Mirror, ShopRegistry, WriteMode};
use sync_core::{
    ClaimOutcome, DeliverySubject, Item, ItemKind, Lease, RunId, Section, ShopDomain, Trigger,
    WorkRequest,
};
use sync_db::Database;
use testkit::{at, delivery, installation, key, product, shop};

use crate::{postgres, sqlite};

const ITEMS: u64 = 20_000;

async fn leased(database: &Database, shop: &ShopDomain) -> Lease {
    let now = at("2026-11-24T12:00:00Z");
    database.install(&installation(shop, now)).await.unwrap();
    let request = WorkRequest::full(Trigger::Backfill);
    database.request(shop, &request, now).await.unwrap();
    let until = now + chrono::TimeDelta::hours(1);
    match database.claim(Some(shop), now, until).await.unwrap() {
        ClaimOutcome::Claimed(claim) => claim.lease,
        idle @ ClaimOutcome::Idle { .. } => panic!("{idle:?}"),
    }
}

fn items() -> Vec<Item> {
    let item = |id| Item {
        references: (0..3)
            .map(|variant| key(ItemKind::InventoryItem, id * 3 + variant))
            .collect(),
        ..product(id, &"A product with a title of some length ".repeat(40))
    };
    (1..=ITEMS).map(item).collect()
}

async fn mirror(name: &str, database: &Database) {
    let a = shop("a");
    let lease = leased(database, &a).await;
    let items = items();
    for (round, run) in [("new", 1), ("the same", 2)] {
        let start = Instant::now();
        for batch in items.chunks(50) {
            let mode = WriteMode::Scan(RunId(run));
            database.upsert(&lease, batch, mode).await.unwrap();
        }
        eprintln!("{name}: {ITEMS} items, {round}: {:?}", start.elapsed());
    }
    let start = Instant::now();
    let unseen = database.unseen(&a, ItemKind::Product, RunId(2)).await;
    assert!(unseen.unwrap().is_empty());
    eprintln!("{name}: unseen: {:?}", start.elapsed());
    let start = Instant::now();
    let mut after = None;
    let mut read = 0;
    loop {
        let page = database.page(&a, Section::Products, after, 100).await;
        let page = page.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        read += page.len() as u64;
    }
    assert_eq!(read, ITEMS);
    eprintln!("{name}: all pages: {:?}", start.elapsed());
    let start = Instant::now();
    let stock: Vec<_> = (1..=500)
        .map(|id| key(ItemKind::InventoryItem, id * 7))
        .collect();
    assert!(!database.referrers(&a, &stock).await.unwrap().is_empty());
    eprintln!("{name}: 500 referrers: {:?}", start.elapsed());
}

/// Records deliveries over eight connections at once, while a scan is being written.
async fn intake(name: &str, database: &Database) {
    let a = shop("a");
    let lease = leased(database, &a).await;
    let scan = {
        let database = database.clone();
        tokio::spawn(async move {
            for batch in items().chunks(50).take(100) {
                let mode = WriteMode::Scan(RunId(1));
                database.upsert(&lease, batch, mode).await.unwrap();
            }
        })
    };
    let start = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let database = database.clone();
        let a = a.clone();
        senders.spawn(async move {
            let now = at("2026-11-24T12:00:00Z");
            let mut slowest = std::time::Duration::ZERO;
            for number in 0..250 {
                let product = key(ItemKind::Product, number);
                let id = format!("{sender}-{number}");
                let delivery = delivery(&a, &id, DeliverySubject::Item(product), now);
                let request = WorkRequest::items(vec![product]);
                let start = Instant::now();
                database.record(&delivery, &request, now).await.unwrap();
                slowest = slowest.max(start.elapsed());
            }
            slowest
        });
    }
    let slowest = senders.join_all().await.into_iter().max();
    eprintln!(
        "{name}: 2,000 deliveries: {:?}, the slowest {slowest:?}",
        start.elapsed()
    );
    scan.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn sqlite_timings() {
    let (database, _folder) = sqlite::temporary().await;
    mirror("SQLite", &database).await;
    let (database, _folder) = sqlite::temporary().await;
    intake("SQLite", &database).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn postgres_timings() {
    let Some(schema) = postgres::Schema::create().await else {
        return;
    };
    mirror("PostgreSQL", &postgres::connect(&schema.url()).await).await;
    let Some(schema) = postgres::Schema::create().await else {
        return;
    };
    intake("PostgreSQL", &postgres::connect(&schema.url()).await).await;
}
