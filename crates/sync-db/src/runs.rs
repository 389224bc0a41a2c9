//! Implements [`RunLog`]: stores runs and deletes old ones.

use async_trait::async_trait;
use sync_core::ports::RunLog;
use sync_core::{PortError, Run, RunId, RunReport, ShopDomain, Timestamp, Trigger};

use crate::database::{in_transaction, on_pool};
use crate::error::port;
use crate::rows::{micros, timestamp};
use crate::{Database, Error};

type RunRow = (
    i64,
    String,
    String,
    i64,
    i64,
    Option<i64>,
    Option<String>,
    Option<String>,
);

fn run_of(row: RunRow) -> Result<Run, Error> {
    let (id, shop, cause, full, started_at, finished_at, outcome, counts) = row;
    let finished = match (finished_at, outcome, counts) {
        (Some(at), Some(outcome), Some(counts)) => {
            let report = RunReport {
                outcome: serde_json::from_str(&outcome).map_err(|_| Error::corrupt("outcome"))?,
                counts: serde_json::from_str(&counts).map_err(|_| Error::corrupt("counts"))?,
            };
            Some((timestamp(at)?, report))
        }
        _ => None,
    };
    Ok(Run {
        id: RunId(id),
        shop: shop.parse().map_err(|_| Error::corrupt("shop domain"))?,
        trigger: cause.parse().map_err(|_| Error::corrupt("trigger"))?,
        full: full == 1,
        started_at: timestamp(started_at)?,
        finished,
    })
}

#[async_trait]
impl RunLog for Database {
    async fn start(
        &self,
        shop: &ShopDomain,
        trigger: Trigger,
        full: bool,
        at: Timestamp,
    ) -> Result<RunId, PortError> {
        port("record the run", async {
            let (id,): (i64,) = on_pool!(self, pool => sqlx::query_as(
                "INSERT INTO run (shop, cause, full_scan, started_at) VALUES ($1, $2, $3, $4) RETURNING id",
            )
            .bind(shop.as_str())
            .bind(trigger.as_str())
            .bind(i64::from(full))
            .bind(micros(at))
            .fetch_one(pool)
            .await?);
            Ok(RunId(id))
        })
        .await
    }

    async fn finish(&self, run: RunId, report: &RunReport, at: Timestamp) -> Result<(), PortError> {
        port("record the end of the run", async {
            let outcome = serde_json::to_string(&report.outcome);
            let counts = serde_json::to_string(&report.counts);
            on_pool!(self, pool => sqlx::query(
                "UPDATE run SET finished_at = $2, outcome = $3, counts = $4 WHERE id = $1",
            )
            .bind(run.0)
            .bind(micros(at))
            .bind(outcome.map_err(|_| Error::corrupt("outcome"))?)
            .bind(counts.map_err(|_| Error::corrupt("counts"))?)
            .execute(pool)
            .await
            .map(drop)?);
            Ok(())
        })
        .await
    }

    async fn recent(&self, shop: Option<&ShopDomain>, limit: u32) -> Result<Vec<Run>, PortError> {
        port("list the runs", async {
            let rows: Vec<RunRow> = on_pool!(self, pool => sqlx::query_as(
                "SELECT id, shop, cause, full_scan, started_at, finished_at, outcome, counts FROM run
                  WHERE CAST($1 AS TEXT) IS NULL OR shop = $1 ORDER BY id DESC LIMIT $2",
            )
            .bind(shop.map(ShopDomain::as_str))
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await?);
            rows.into_iter().map(run_of).collect()
        })
        .await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, PortError> {
        port("delete old runs and deliveries", async {
            in_transaction!(self, tx => {
                let mut rows = 0;
                for statement in [
                    "DELETE FROM run WHERE started_at < $1",
                    "DELETE FROM delivery WHERE received_at < $1",
                ] {
                    let deleted = sqlx::query(statement).bind(micros(before)).execute(&mut *tx);
                    rows += deleted.await?.rows_affected();
                }
                Ok(rows)
            })
        })
        .await
    }
}
