use async_trait::async_trait;
use sync_core::ports::Inbox;
use sync_core::{
    Claim, Claiming, Delivery, Demand, DirtyItem, Failure, FullScan, Lease, PortError, Recorded,
    Release, ShopDomain, Subject, Timestamp,
};

use crate::database::{hold, in_transaction};
use crate::rows::{key, micros, optional_timestamp};
use crate::{Database, Error};

/// Raises a demand in the transaction at hand.
///
/// The first demand of an idle shop, or the first since the shop was claimed, sets the time; later ones only
/// bring it forward. A full scan keeps the trigger of whoever asked first, and any confirmation.
macro_rules! raise {
    ($transaction:ident, $shop:expr, $demand:expr, $run_after:expr) => {
        let demand: &Demand = $demand;
        if !demand.is_empty() {
            let (mark,): (i64,) = sqlx::query_as(
                "INSERT INTO work (shop, run_after, full_trigger, accept_deletions, erase, mark, full_mark)
                 VALUES ($1, $2, $3, $4, $5, 1, CASE WHEN $6 = 1 THEN 1 ELSE 0 END)
                 ON CONFLICT (shop) DO UPDATE SET
                     run_after = CASE
                         WHEN work.run_after IS NULL OR work.run_after > excluded.run_after
                           OR (work.lease_until IS NOT NULL AND work.mark = work.claimed_mark)
                           OR (work.full_trigger IS NULL AND work.erase = 0 AND NOT EXISTS
                               (SELECT 1 FROM dirty_item WHERE dirty_item.shop = work.shop))
                         THEN excluded.run_after ELSE work.run_after END,
                     full_trigger = COALESCE(work.full_trigger, excluded.full_trigger),
                     accept_deletions = CASE WHEN work.accept_deletions = 1 OR excluded.accept_deletions = 1
                         THEN 1 ELSE 0 END,
                     erase = CASE WHEN work.erase = 1 OR excluded.erase = 1 THEN 1 ELSE 0 END,
                     mark = work.mark + 1,
                     full_mark = CASE WHEN $6 = 1 THEN work.mark + 1 ELSE work.full_mark END
                 RETURNING mark",
            )
            .bind($shop.as_str())
            .bind(micros($run_after))
            .bind(demand.full.map(|full| full.trigger.as_str()))
            .bind(i64::from(demand.full.is_some_and(|full| full.accept_deletions)))
            .bind(i64::from(demand.erase))
            .bind(i64::from(demand.full.is_some() || demand.erase))
            .fetch_one(&mut *$transaction)
            .await?;
            for key in &demand.dirty {
                sqlx::query(
                    "INSERT INTO dirty_item (shop, kind, id, mark) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (shop, kind, id) DO UPDATE SET mark = excluded.mark, not_before = NULL",
                )
                .bind($shop.as_str())
                .bind(key.kind.as_str())
                .bind(key.id.as_i64())
                .bind(mark)
                .execute(&mut *$transaction)
                .await?;
            }
        }
    };
}

pub(crate) use raise;

/// Which shops want work: something is asked of them and they are served. `$2` is NULL or the only shop wanted.
/// A macro, since statements must be literals.
macro_rules! wanting {
    ($select:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM work JOIN shop ON shop.domain = work.shop
              WHERE (CAST($2 AS TEXT) IS NULL OR work.shop = $2)
                AND (work.erase = 1 OR shop.status NOT IN ('paused', 'uninstalled'))
                AND (work.erase = 1 OR work.full_trigger IS NOT NULL
                     OR EXISTS (SELECT 1 FROM dirty_item WHERE dirty_item.shop = work.shop))
                AND ",
            $condition
        )
    };
}

const CANDIDATE: &str = wanting!(
    "work.shop",
    "(work.lease_until IS NULL OR work.lease_until <= $1)
     AND (CAST($2 AS TEXT) IS NOT NULL OR work.run_after <= $1)
     ORDER BY work.run_after, work.shop LIMIT 1"
);

/// As [`CANDIDATE`]; rows that another replica is claiming at this moment are passed over.
const CANDIDATE_POSTGRES: &str = wanting!(
    "work.shop",
    "(work.lease_until IS NULL OR work.lease_until <= $1)
     AND (CAST($2 AS TEXT) IS NOT NULL OR work.run_after <= $1)
     ORDER BY work.run_after, work.shop LIMIT 1 FOR UPDATE OF work SKIP LOCKED"
);

const NEXT: &str = wanting!(
    "MIN(CASE WHEN work.lease_until > $1 THEN work.lease_until
              WHEN CAST($2 AS TEXT) IS NOT NULL THEN $1
              ELSE work.run_after END)",
    "1 = 1"
);

const CLAIM: &str =
    "UPDATE work SET lease_token = lease_token + 1, lease_until = $2, claimed_mark = mark
    WHERE shop = $1
    RETURNING lease_token, full_trigger, accept_deletions, erase, attempts";

type ClaimRow = (i64, Option<String>, i64, i64, i64);

impl Database {
    async fn record_delivery(
        &self,
        delivery: &Delivery,
        demand: &Demand,
        run_after: Timestamp,
    ) -> Result<Recorded, Error> {
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
            .bind(subject_word(delivery.subject))
            .execute(&mut *tx)
            .await?;
            if inserted.rows_affected() == 0 {
                return Ok(Recorded::Duplicate);
            }
            raise!(tx, delivery.shop, demand, run_after);
            Ok(Recorded::New)
        });
        Ok(recorded)
    }

    async fn raise_demand(
        &self,
        shop: &ShopDomain,
        demand: &Demand,
        run_after: Timestamp,
    ) -> Result<(), Error> {
        in_transaction!(self, tx => {
            raise!(tx, shop, demand, run_after);
            Ok(())
        });
        Ok(())
    }

    async fn claim_shop(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claiming, Error> {
        let only = only.map(ShopDomain::as_str);
        let candidate = if self.is_shared() {
            CANDIDATE_POSTGRES
        } else {
            CANDIDATE
        };
        let claimed: Option<(String, ClaimRow)> = in_transaction!(self, tx => {
            let shop: Option<(String,)> = sqlx::query_as(candidate)
                .bind(micros(now))
                .bind(only)
                .fetch_optional(&mut *tx)
                .await?;
            let Some((shop,)) = shop else { return Ok(None) };
            let row: ClaimRow = sqlx::query_as(CLAIM)
                .bind(&shop)
                .bind(micros(until))
                .fetch_one(&mut *tx)
                .await?;
            Ok(Some((shop, row)))
        });
        match claimed {
            Some((shop, row)) => Ok(Claiming::Claimed(claim_of(&shop, row)?)),
            None => self.idle(only, now).await,
        }
    }

    async fn idle(&self, only: Option<&str>, now: Timestamp) -> Result<Claiming, Error> {
        let (next,): (Option<i64>,) = crate::database::on_pool!(self, pool => sqlx::query_as(NEXT)
            .bind(micros(now))
            .bind(only)
            .fetch_one(pool)
            .await?);
        let next = optional_timestamp(next)?;
        Ok(Claiming::Idle { next })
    }

    async fn prolong(&self, lease: &Lease, until: Timestamp) -> Result<(), Error> {
        in_transaction!(self, tx => {
            hold!(tx, lease);
            sqlx::query("UPDATE work SET lease_until = $2 WHERE shop = $1")
                .bind(lease.shop.as_str())
                .bind(micros(until))
                .execute(&mut *tx)
                .await?;
            Ok(())
        });
        Ok(())
    }

    async fn list_dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, Error> {
        let rows: Vec<(String, i64, i64, i64)> = in_transaction!(self, tx => {
            hold!(tx, lease);
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
            .map(|(kind, id, mark, attempts)| {
                Ok(DirtyItem {
                    key: key(&kind, id)?,
                    mark,
                    attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                })
            })
            .collect()
    }

    async fn settle_dirty(
        &self,
        lease: &Lease,
        done: &[DirtyItem],
        failed: &[Failure],
    ) -> Result<(), Error> {
        in_transaction!(self, tx => {
            hold!(tx, lease);
            for item in done {
                sqlx::query("DELETE FROM dirty_item WHERE shop = $1 AND kind = $2 AND id = $3 AND mark = $4")
                    .bind(lease.shop.as_str())
                    .bind(item.key.kind.as_str())
                    .bind(item.key.id.as_i64())
                    .bind(item.mark)
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
                .bind(failure.item.mark)
                .bind(&failure.error)
                .bind(micros(failure.retry_at))
                .execute(&mut *tx)
                .await?;
            }
            Ok(())
        });
        Ok(())
    }

    /// Items marked since the claim have the time of their own demand, which is `run_after` as it stands. Others
    /// without a time may be read at once: 0, the beginning of time.
    async fn end_lease(&self, lease: &Lease, release: &Release) -> Result<(), Error> {
        let (ends, retry_at, failed) = match release {
            Release::Done | Release::GiveUp => (1, None, 0),
            Release::Retry { at } => (0, Some(micros(*at)), 1),
        };
        in_transaction!(self, tx => {
            hold!(tx, lease);
            let (put_off,): (Option<i64>,) = sqlx::query_as(
                "SELECT MIN(COALESCE(dirty_item.not_before, 0))
                   FROM dirty_item JOIN work ON work.shop = dirty_item.shop
                  WHERE dirty_item.shop = $1 AND dirty_item.mark <= work.claimed_mark",
            )
            .bind(lease.shop.as_str())
            .fetch_one(&mut *tx)
            .await?;
            let other = if *release == Release::Done { put_off } else { retry_at };
            sqlx::query(
                "UPDATE work SET
                     lease_until = NULL,
                     run_after = CASE
                         WHEN mark > claimed_mark AND (CAST($2 AS BIGINT) IS NULL OR run_after < $2) THEN run_after
                         ELSE $2 END,
                     full_trigger = CASE WHEN $3 = 1 AND full_mark <= claimed_mark THEN NULL ELSE full_trigger END,
                     accept_deletions = CASE WHEN $3 = 1 AND full_mark <= claimed_mark THEN 0 ELSE accept_deletions END,
                     erase = CASE WHEN $3 = 1 AND full_mark <= claimed_mark THEN 0 ELSE erase END,
                     attempts = CASE WHEN $4 = 1 THEN attempts + 1 ELSE 0 END
                  WHERE shop = $1",
            )
            .bind(lease.shop.as_str())
            .bind(other)
            .bind(i64::from(ends))
            .bind(i64::from(failed))
            .execute(&mut *tx)
            .await?;
            Ok(())
        });
        Ok(())
    }
}

fn claim_of(shop: &str, row: ClaimRow) -> Result<Claim, Error> {
    let (token, trigger, accept_deletions, erase, attempts) = row;
    let trigger = trigger.map(|word| word.parse()).transpose();
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

/// For people who read the table.
fn subject_word(subject: Subject) -> String {
    match subject {
        Subject::Item(key) => key.to_string(),
        Subject::Uninstalled => "uninstalled".to_owned(),
        Subject::Redact => "redact".to_owned(),
        Subject::Scopes => "scopes".to_owned(),
        Subject::Nothing => "nothing".to_owned(),
    }
}

#[async_trait]
impl Inbox for Database {
    async fn record(
        &self,
        delivery: &Delivery,
        demand: &Demand,
        run_after: Timestamp,
    ) -> Result<Recorded, PortError> {
        let recorded = self.record_delivery(delivery, demand, run_after).await;
        recorded.map_err(|error| error.into_port("store the delivery"))
    }

    async fn demand(
        &self,
        shop: &ShopDomain,
        demand: &Demand,
        run_after: Timestamp,
    ) -> Result<(), PortError> {
        let done = self.raise_demand(shop, demand, run_after).await;
        done.map_err(|error| error.into_port("store the demand"))
    }

    async fn claim(
        &self,
        only: Option<&ShopDomain>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claiming, PortError> {
        let claiming = self.claim_shop(only, now, until).await;
        claiming.map_err(|error| error.into_port("claim a shop"))
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<(), PortError> {
        let done = self.prolong(lease, until).await;
        done.map_err(|error| error.into_port("prolong the lease"))
    }

    async fn dirty(
        &self,
        lease: &Lease,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DirtyItem>, PortError> {
        let dirty = self.list_dirty(lease, now, limit).await;
        dirty.map_err(|error| error.into_port("read the dirty items"))
    }

    async fn settle(
        &self,
        lease: &Lease,
        done: &[DirtyItem],
        failed: &[Failure],
    ) -> Result<(), PortError> {
        let settled = self.settle_dirty(lease, done, failed).await;
        settled.map_err(|error| error.into_port("settle the dirty items"))
    }

    async fn release(&self, lease: &Lease, release: &Release) -> Result<(), PortError> {
        let done = self.end_lease(lease, release).await;
        done.map_err(|error| error.into_port("end the lease"))
    }
}
