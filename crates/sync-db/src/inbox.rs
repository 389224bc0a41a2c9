//! Implements [`Inbox`]: stores deliveries, work requests, dirty items and leases.

use async_trait::async_trait;
use sync_core::ports::Inbox;
use sync_core::{
    Claim, ClaimOutcome, Delivery, DeliverySubject, DirtyItem, FullScan, ItemFailure, Lease,
    PortError, RecordOutcome, Release, ShopDomain, Timestamp, WorkRequest,
};

use crate::database::{in_transaction, require_lease};
use crate::error::port;
use crate::rows::{key, micros, optional_timestamp};
use crate::{Database, Error};

/// Stores a work request in the current transaction.
///
/// It is merged with the work requested since the last claim: the earliest time, the first trigger and any confirmation
/// apply. While the shop is leased, it stays claimable only at the end of the lease.
macro_rules! request_work {
    ($transaction:ident, $shop:expr, $request:expr, $run_after:expr) => {
        let request: &WorkRequest = $request;
        if !request.is_empty() {
            let (seq,): (i64,) = sqlx::query_as(
                "INSERT INTO work (shop, mark, asked_after, due_at, asked_trigger, asked_accept, asked_erase)
                 VALUES ($1, 1, $2, $2, $3, $4, $5)
                 ON CONFLICT (shop) DO UPDATE SET
                     mark = work.mark + 1,
                     asked_after = CASE WHEN work.asked_after < excluded.asked_after
                         THEN work.asked_after ELSE excluded.asked_after END,
                     due_at = CASE WHEN work.lease_until IS NOT NULL OR work.due_at < excluded.due_at
                         THEN work.due_at ELSE excluded.due_at END,
                     asked_trigger = COALESCE(work.asked_trigger, excluded.asked_trigger),
                     asked_accept = work.asked_accept | excluded.asked_accept,
                     asked_erase = work.asked_erase | excluded.asked_erase
                 RETURNING mark",
            )
            .bind($shop.as_str())
            .bind(micros($run_after))
            .bind(request.full.map(|full| full.trigger.as_str()))
            .bind(i64::from(request.full.is_some_and(|full| full.accept_deletions)))
            .bind(i64::from(request.erase))
            .fetch_one(&mut *$transaction)
            .await?;
            for key in &request.dirty {
                sqlx::query(
                    "INSERT INTO dirty_item (shop, kind, id, mark) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (shop, kind, id) DO UPDATE SET mark = excluded.mark, not_before = NULL",
                )
                .bind($shop.as_str())
                .bind(key.kind.as_str())
                .bind(key.id.as_i64())
                .bind(seq)
                .execute(&mut *$transaction)
                .await?;
            }
        }
    };
}

pub(crate) use request_work;

/// Selects from the work of shops that are active, unavailable or to be erased. A macro, because statements must be
/// literals.
macro_rules! select_claimable {
    ($select:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM work JOIN shop ON shop.domain = work.shop
              WHERE (shop.status NOT IN ('paused', 'uninstalled') OR work.taken_erase | work.asked_erase = 1)
                AND ",
            $condition
        )
    };
}

/// Claims the shop that the inner statement selects, with all work requested from it. `$1` is now, `$2` the end of the lease.
///
/// The lease token is at least the time in microseconds, so that it also grows after an erasure, which deletes the row.
macro_rules! claim_statement {
    ($condition:literal) => {
        concat!(
            "UPDATE work SET
                 lease_token = CASE WHEN lease_token < $1 THEN $1 ELSE lease_token + 1 END,
                 lease_until = $2, due_at = $2, claimed_mark = mark, claimed_at = $1,
                 taken_trigger = COALESCE(taken_trigger, asked_trigger), asked_trigger = NULL,
                 taken_accept = taken_accept | asked_accept, asked_accept = 0,
                 taken_erase = taken_erase | asked_erase, asked_erase = 0,
                 asked_after = NULL
              WHERE shop = (",
            select_claimable!("work.shop", $condition),
            ") RETURNING shop, lease_token, taken_trigger, taken_accept, taken_erase, attempts"
        )
    };
}

const CLAIM: &str = claim_statement!("work.due_at <= $1 ORDER BY work.due_at, work.shop LIMIT 1");

/// Skips rows that another replica is claiming.
const CLAIM_POSTGRES: &str = claim_statement!(
    "work.due_at <= $1 ORDER BY work.due_at, work.shop LIMIT 1 FOR UPDATE OF work SKIP LOCKED"
);

/// Claims the shop `$3`, due or not, if it has pending work and no lease.
const CLAIM_ONLY: &str = claim_statement!(
    "work.shop = $3 AND (work.lease_until IS NULL OR work.lease_until <= $1)
     AND (work.taken_trigger IS NOT NULL OR work.asked_trigger IS NOT NULL
          OR work.taken_erase | work.asked_erase = 1
          OR EXISTS (SELECT 1 FROM dirty_item WHERE dirty_item.shop = work.shop))"
);

/// The earliest time at which a shop is due. It has passed if another transaction holds the row at this moment: a
/// delivery is being recorded, or another replica is claiming the shop.
const NEXT: &str = select_claimable!(
    "work.due_at",
    "work.due_at IS NOT NULL AND (CAST($1 AS TEXT) IS NULL OR work.shop = $1)
     ORDER BY work.due_at LIMIT 1"
);

type ClaimRow = (String, i64, Option<String>, i64, i64, i64);

impl Database {
    async fn next_due(&self, only: Option<&str>) -> Result<ClaimOutcome, Error> {
        let next: Option<(i64,)> = crate::database::on_pool!(self, pool => sqlx::query_as(NEXT)
            .bind(only)
            .fetch_optional(pool)
            .await?);
        let next = optional_timestamp(next.map(|(at,)| at))?;
        Ok(ClaimOutcome::Idle { next })
    }
}

fn claim_of(row: ClaimRow) -> Result<Claim, Error> {
    let (shop, token, trigger, accept_deletions, erase, attempts) = row;
    let trigger = trigger.map(|name| name.parse()).transpose();
    let trigger = trigger.map_err(|_| Error::corrupt("trigger"))?;
    Ok(Claim {
        lease: Lease {
            shop: shop.parse().map_err(|_| Error::corrupt("shop domain"))?,
            token,
        },
        full: trigger.map(|trigger| FullScan {
            trigger,
            accept_deletions: accept_deletions == 1,
        }),
        erase: erase == 1,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}

/// The text stored in `delivery.subject`, for people who read the table.
fn subject_text(subject: DeliverySubject) -> String {
    match subject {
        DeliverySubject::Item(key) => key.to_string(),
        DeliverySubject::Uninstalled => "uninstalled".to_owned(),
        DeliverySubject::Redact => "redact".to_owned(),
        DeliverySubject::Scopes => "scopes".to_owned(),
        DeliverySubject::Nothing => "nothing".to_owned(),
    }
}

#[async_trait]
impl Inbox for Database {
    async fn record(
        &self,
        delivery: &Delivery,
        request: &WorkRequest,
        run_after: Timestamp,
    ) -> Result<RecordOutcome, PortError> {
        port("store the delivery", async {
            let recorded = in_transaction!(self, tx => {
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
            });
            Ok(recorded)
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
            });
            Ok(())
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
            let only = only.map(ShopDomain::as_str);
            let statement = match (only, self.is_shared()) {
                (Some(_), _) => CLAIM_ONLY,
                (None, true) => CLAIM_POSTGRES,
                (None, false) => CLAIM,
            };
            let claimed: Option<ClaimRow> = in_transaction!(self, tx => {
                let mut query = sqlx::query_as(statement).bind(micros(now)).bind(micros(until));
                if let Some(only) = only {
                    query = query.bind(only);
                }
                Ok(query.fetch_optional(&mut *tx).await?)
            });
            match claimed {
                Some(row) => Ok(ClaimOutcome::Claimed(claim_of(row)?)),
                None => self.next_due(only).await,
            }
        })
        .await
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError> {
        port("renew the lease", async {
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                sqlx::query("UPDATE work SET lease_until = $2, due_at = $2 WHERE shop = $1")
                    .bind(lease.shop.as_str())
                    .bind(micros(until))
                    .execute(&mut *tx)
                    .await?;
                Ok(())
            });
            Ok(())
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
                    "SELECT kind, id, mark, attempts FROM dirty_item
                      WHERE shop = $1 AND (not_before IS NULL OR not_before <= $2)
                      ORDER BY mark, kind, id LIMIT $3",
                )
                .bind(lease.shop.as_str())
                .bind(micros(now))
                .bind(i64::from(limit))
                .fetch_all(&mut *tx)
                .await?;
                Ok(rows)
            });
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

    async fn settle(
        &self,
        lease: &Lease,
        done: &[DirtyItem],
        failed: &[ItemFailure],
    ) -> Result<(), PortError> {
        port("settle the dirty items", async {
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                for item in done {
                    sqlx::query("DELETE FROM dirty_item WHERE shop = $1 AND kind = $2 AND id = $3 AND mark = $4")
                        .bind(lease.shop.as_str())
                        .bind(item.key.kind.as_str())
                        .bind(item.key.id.as_i64())
                        .bind(item.seq)
                        .execute(&mut *tx)
                        .await?;
                }
                for failure in failed {
                    sqlx::query(
                        "UPDATE dirty_item SET attempts = attempts + 1, error = $5, not_before = $6
                          WHERE shop = $1 AND kind = $2 AND id = $3 AND mark = $4",
                    )
                    .bind(lease.shop.as_str())
                    .bind(failure.item.key.kind.as_str())
                    .bind(failure.item.key.id.as_i64())
                    .bind(failure.item.seq)
                    .bind(&failure.error)
                    .bind(micros(failure.retry_at))
                    .execute(&mut *tx)
                    .await?;
                }
                Ok(())
            });
            Ok(())
        })
        .await
    }

    async fn release(&self, lease: &Lease, release: &Release) -> Result<(), PortError> {
        // Work requested since the claim keeps its own time. After a success, items that the run did not settle are due at the
        // time of the claim, so that shops that have waited longer come first.
        port("end the lease", async {
            let failed = matches!(release, Release::Retry { .. });
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                let (unsettled_due, new_due): (Option<i64>, Option<i64>) = sqlx::query_as(
                    "SELECT MIN(CASE WHEN dirty_item.mark <= work.claimed_mark
                                THEN COALESCE(dirty_item.not_before, work.claimed_at) END),
                            MIN(CASE WHEN work.asked_trigger IS NOT NULL OR work.asked_erase = 1
                                  OR dirty_item.mark > work.claimed_mark
                                THEN work.asked_after END)
                       FROM work LEFT JOIN dirty_item ON dirty_item.shop = work.shop
                      WHERE work.shop = $1",
                )
                .bind(lease.shop.as_str())
                .fetch_one(&mut *tx)
                .await?;
                let release_due = match release {
                    Release::Done => unsettled_due,
                    Release::Retry { at } => Some(micros(*at)),
                    Release::GiveUp => None,
                };
                sqlx::query(
                    "UPDATE work SET
                         lease_until = NULL, due_at = $2,
                         taken_trigger = CASE WHEN $3 = 1 THEN taken_trigger END,
                         taken_accept = taken_accept * $3, taken_erase = taken_erase * $3,
                         attempts = (attempts + 1) * $3
                      WHERE shop = $1",
                )
                .bind(lease.shop.as_str())
                .bind([new_due, release_due].into_iter().flatten().min())
                .bind(i64::from(failed))
                .execute(&mut *tx)
                .await?;
                Ok(())
            });
            Ok(())
        })
        .await
    }
}
