//! Implements [`Inbox`]: stores deliveries, work, dirty items and leases.
//!
//! Two rows serialise what concerns a shop. The row in `work_seq` is locked while work is requested, settled or released, so that
//! no request is overlooked. The row in `lease` is locked by claims and by everything that the holder does. A request does
//! not lock the latter, so that no claim passes over a shop because of a delivery.

mod statements;

use async_trait::async_trait;
use sync_core::ports::Inbox;
use sync_core::{
    Claim, ClaimOutcome, ClaimedWork, Delivery, DeliverySubject, DirtyItem, Lease, PortError,
    RecordOutcome, Settlement, ShopDomain, Timestamp, WorkKind, WorkOutcome, WorkRequest,
};

use crate::database::{in_transaction, on_pool, require_lease};
use crate::error::port;
use crate::rows::{key, micros, optional_timestamp};
use crate::{Database, Error};

pub(crate) use statements::request_work;
use statements::{CLAIM, CLAIM_ONLY, CLAIM_POSTGRES, NEXT};
use statements::{finish_work, lock_requests, put_back_claimed, trim_refresh};

type WorkRow = (String, String, Option<String>, i64);

#[async_trait]
impl Inbox for Database {
    async fn record(
        &self,
        delivery: &Delivery,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<RecordOutcome, PortError> {
        port("store the delivery", async {
            in_transaction!(self, tx => {
                let inserted = sqlx::query(
                    "INSERT INTO delivery (shop, id, topic, event_id, triggered_at, received_at, subject)
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (shop, id) DO NOTHING",
                )
                .bind(delivery.shop.as_str())
                .bind(&delivery.id.0)
                .bind(&delivery.topic)
                .bind(delivery.event_id.as_deref())
                .bind(delivery.triggered_at.map(micros))
                .bind(micros(delivery.received_at))
                .bind(subject_text(delivery.subject))
                .execute(&mut *tx)
                .await?;
                if inserted.rows_affected() == 0 {
                    return Ok(RecordOutcome::Duplicate);
                }
                request_work!(tx, delivery.shop, request, run_after);
                Ok(RecordOutcome::New)
            })
        })
        .await
    }

    async fn request(
        &self,
        shop: &ShopDomain,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<(), PortError> {
        port("store the work request", async {
            in_transaction!(self, tx => {
                request_work!(tx, shop, request, run_after);
                Ok(())
            })
        })
        .await
    }

    async fn claim(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<ClaimOutcome, PortError> {
        port("claim a shop", async {
            let statement = match (only, self.is_shared()) {
                (Some(_), _) => CLAIM_ONLY,
                (None, true) => CLAIM_POSTGRES,
                (None, false) => CLAIM,
            };
            let only_shop = only.map(ShopDomain::as_str);
            let claimed = in_transaction!(self, tx => {
                let leasing = sqlx::query_as(statement)
                    .bind(micros(now))
                    .bind(micros(until))
                    .bind(only_shop);
                let leased: Option<(String, i64)> = leasing.fetch_optional(&mut *tx).await?;
                let Some((shop, token)) = leased else { return Ok(None) };
                // The work of a holder whose lease has expired.
                put_back_claimed!(tx, shop);
                let rows: Vec<WorkRow> = sqlx::query_as(
                    "UPDATE work SET claimed = 1, due_at = $2
                      WHERE shop = $1 AND claimed = 0 AND dead = 0 AND (due_at <= $2 OR $3 = 1)
                     RETURNING kind, cause, arguments, attempts",
                )
                .bind(&shop)
                .bind(micros(now))
                .bind(i64::from(only.is_some()))
                .fetch_all(&mut *tx)
                .await?;
                if rows.is_empty() {
                    // Another replica has claimed the shop, worked and released it since the statement began.
                    sqlx::query("UPDATE lease SET until = NULL WHERE shop = $1")
                        .bind(&shop)
                        .execute(&mut *tx)
                        .await?;
                    return Ok(None);
                }
                Ok(Some((shop, token, rows)))
            })?;
            if let Some((shop, token, rows)) = claimed {
                return Ok(ClaimOutcome::Claimed(claim_of(&shop, token, rows)?));
            }
            let next: (Option<i64>,) = on_pool!(self, pool => sqlx::query_as(NEXT)
                .bind(only_shop)
                .bind(micros(now))
                .fetch_one(pool)
                .await?);
            let next = optional_timestamp(next.0)?;
            Ok(ClaimOutcome::Idle { next })
        })
        .await
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError> {
        port("renew the lease", async {
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                sqlx::query("UPDATE lease SET until = $2 WHERE shop = $1")
                    .bind(lease.shop.as_str())
                    .bind(micros(until))
                    .execute(&mut *tx)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    async fn dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, PortError> {
        port("read the dirty items", async {
            let rows: Vec<(String, i64, i64, i64)> = in_transaction!(self, tx => {
                require_lease!(tx, lease);
                let rows = sqlx::query_as(
                    "SELECT kind, id, seq, attempts FROM dirty_item
                      WHERE shop = $1 AND (not_before IS NULL OR not_before <= $2)
                      ORDER BY seq, kind, id LIMIT $3",
                )
                .bind(lease.shop.as_str())
                .bind(micros(now))
                .bind(i64::from(limit))
                .fetch_all(&mut *tx)
                .await?;
                Ok(rows)
            })?;
            rows.into_iter()
                .map(|(kind, id, seq, attempts)| {
                    Ok(DirtyItem {
                        key: key(&kind, id)?,
                        seq,
                        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                    })
                })
                .collect()
        })
        .await
    }

    async fn settle(&self, lease: &Lease, settlement: &Settlement) -> Result<bool, PortError> {
        port("store what the run has read", async {
            let shop = lease.shop.as_str();
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                let seq = lock_requests!(tx, shop);
                for item in &settlement.done {
                    sqlx::query(
                        "DELETE FROM dirty_item WHERE shop = $1 AND kind = $2 AND id = $3 AND seq = $4",
                    )
                    .bind(shop)
                    .bind(item.key.kind.as_str())
                    .bind(item.key.id.as_i64())
                    .bind(item.seq)
                    .execute(&mut *tx)
                    .await?;
                }
                for failure in &settlement.failed {
                    sqlx::query(
                        "UPDATE dirty_item SET attempts = attempts + 1, error = $5, not_before = $6
                          WHERE shop = $1 AND kind = $2 AND id = $3 AND seq = $4",
                    )
                    .bind(shop)
                    .bind(failure.item.key.kind.as_str())
                    .bind(failure.item.key.id.as_i64())
                    .bind(failure.item.seq)
                    .bind(&failure.error)
                    .bind(micros(failure.retry_at))
                    .execute(&mut *tx)
                    .await?;
                }
                if settlement.scanned {
                    sqlx::query("UPDATE shop SET reconciled_at = $2 WHERE domain = $1")
                        .bind(shop)
                        .bind(micros(settlement.at))
                        .execute(&mut *tx)
                        .await?;
                }
                if let Some(kind) = settlement.finished {
                    finish_work!(tx, shop, kind, &WorkOutcome::Done);
                }
                trim_refresh!(tx, shop);
                let Some(trigger) = settlement.publish else { return Ok(false) };
                sqlx::query("DELETE FROM work WHERE shop = $1 AND kind = 'publish' AND dead = 1")
                    .bind(shop)
                    .execute(&mut *tx)
                    .await?;
                let claimed = sqlx::query(
                    "INSERT INTO work (shop, kind, claimed, seq, due_at, cause)
                     SELECT $1, 'publish', 1, $2, $3, $4
                      WHERE NOT EXISTS (SELECT 1 FROM work WHERE shop = $1 AND kind = 'publish')",
                )
                .bind(shop)
                .bind(seq)
                .bind(micros(settlement.at))
                .bind(trigger.as_str())
                .execute(&mut *tx)
                .await?;
                Ok(claimed.rows_affected() == 1)
            })
        })
        .await
    }

    async fn release(
        &self,
        lease: &Lease,
        outcomes: &[(WorkKind, WorkOutcome)],
    ) -> Result<(), PortError> {
        port("release the shop", async {
            let shop = lease.shop.as_str();
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                let _latest = lock_requests!(tx, shop);
                for (kind, outcome) in outcomes {
                    finish_work!(tx, shop, *kind, outcome);
                }
                put_back_claimed!(tx, shop);
                trim_refresh!(tx, shop);
                sqlx::query("UPDATE lease SET until = NULL WHERE shop = $1")
                    .bind(shop)
                    .execute(&mut *tx)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

fn claim_of(shop: &str, token: i64, rows: Vec<WorkRow>) -> Result<Claim, Error> {
    let shop = shop.parse().map_err(|_| Error::corrupt("shop domain"))?;
    let work = rows.into_iter().map(|(kind, cause, arguments, attempts)| {
        let arguments = arguments.map(|json| serde_json::from_str(&json));
        let arguments = arguments.transpose();
        Ok(ClaimedWork {
            kind: kind.parse().map_err(|_| Error::corrupt("kind of work"))?,
            trigger: cause.parse().map_err(|_| Error::corrupt("trigger"))?,
            arguments: arguments
                .map_err(|_| Error::corrupt("argument of work"))?
                .unwrap_or_default(),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        })
    });
    let mut work = work.collect::<Result<Vec<_>, Error>>()?;
    work.sort_by_key(|work| work.kind);
    let lease = Lease { shop, token };
    Ok(Claim { lease, work })
}

/// The subject as text, for people who read the table.
fn subject_text(subject: DeliverySubject) -> String {
    match subject {
        DeliverySubject::Item(key) => key.to_string(),
        DeliverySubject::Uninstalled => "uninstalled".to_owned(),
        DeliverySubject::Redact => "redact".to_owned(),
        DeliverySubject::Scopes => "scopes".to_owned(),
        DeliverySubject::Nothing => "nothing".to_owned(),
    }
}
