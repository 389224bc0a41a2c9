//! Defines the statements on work and leases. Macros, because statements must be literals and run on either database.

/// Stores a work request in the current transaction.
///
/// It is merged with the waiting work of its kinds: the earlier time, the first trigger and the last arguments apply. Dead
/// work begins anew.
macro_rules! request_work {
    ($transaction:ident, $shop:expr, $request:expr, $run_after:expr) => {
        let request: &WorkRequest = $request;
        if !request.is_empty() {
            let (seq,): (i64,) = sqlx::query_as(
                "INSERT INTO work_seq (shop, seq) VALUES ($1, 1)
                 ON CONFLICT (shop) DO UPDATE SET seq = work_seq.seq + 1 RETURNING seq",
            )
            .bind($shop.as_str())
            .fetch_one(&mut *$transaction)
            .await?;
            // Only if it is missing: on PostgreSQL also an insertion that does nothing waits for a transaction that updates
            // the row, and the holder of the lease locks these two rows in the opposite order.
            sqlx::query(
                "INSERT INTO lease (shop) SELECT $1
                  WHERE NOT EXISTS (SELECT 1 FROM lease WHERE shop = $1) ON CONFLICT (shop) DO NOTHING",
            )
            .bind($shop.as_str())
            .execute(&mut *$transaction)
            .await?;
            for (kind, arguments) in &request.work {
                let arguments = (*arguments != sync_core::WorkArguments::default())
                    .then(|| serde_json::to_string(arguments))
                    .transpose();
                sqlx::query(
                    "INSERT INTO work (shop, kind, claimed, seq, due_at, cause, arguments)
                     VALUES ($1, $2, 0, $3, $4, $5, $6)
                     ON CONFLICT (shop, kind, claimed) DO UPDATE SET
                         seq = excluded.seq,
                         due_at = CASE WHEN work.dead = 0 AND work.due_at < excluded.due_at
                             THEN work.due_at ELSE excluded.due_at END,
                         cause = CASE WHEN work.dead = 0 THEN work.cause ELSE excluded.cause END,
                         arguments = COALESCE(excluded.arguments, CASE WHEN work.dead = 0 THEN work.arguments END),
                         attempts = CASE WHEN work.dead = 0 THEN work.attempts ELSE 0 END,
                         error = CASE WHEN work.dead = 0 THEN work.error END,
                         dead = 0",
                )
                .bind($shop.as_str())
                .bind(kind.as_str())
                .bind(seq)
                .bind(micros($run_after))
                .bind(request.trigger.as_str())
                .bind(arguments.map_err(|_| $crate::Error::corrupt("argument of work"))?)
                .execute(&mut *$transaction)
                .await?;
            }
            for key in &request.dirty {
                sqlx::query(
                    "INSERT INTO dirty_item (shop, kind, id, seq) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (shop, kind, id) DO UPDATE SET seq = excluded.seq, not_before = NULL",
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

/// Locks the shop's requests until the transaction ends: later statements see all requests of the shop, and no new one comes
/// in between. Returns the number of the latest.
macro_rules! lock_requests {
    ($transaction:ident, $shop:expr) => {{
        let seq: Option<(i64,)> =
            sqlx::query_as("UPDATE work_seq SET seq = seq WHERE shop = $1 RETURNING seq")
                .bind($shop)
                .fetch_optional(&mut *$transaction)
                .await?;
        seq.map_or(0, |(seq,)| seq)
    }};
}

/// Stores how claimed work of one kind ended.
///
/// Dirty items that a refresh has left keep one waiting. Those that were requested before the claim are due at the time of
/// the claim, so that they queue behind shops that have waited longer, or when they are no longer postponed.
macro_rules! finish_work {
    ($transaction:ident, $shop:expr, $kind:expr, $outcome:expr) => {
        let kind: WorkKind = $kind;
        match $outcome {
            WorkOutcome::Done => {
                if kind == WorkKind::Refresh {
                    sqlx::query(
                        "INSERT INTO work (shop, kind, claimed, seq, due_at, cause)
                         SELECT claim.shop, claim.kind, 0, claim.seq,
                                MIN(COALESCE(dirty_item.not_before, claim.due_at)), claim.cause
                           FROM work AS claim
                           JOIN dirty_item ON dirty_item.shop = claim.shop AND dirty_item.seq <= claim.seq
                          WHERE claim.shop = $1 AND claim.kind = 'refresh' AND claim.claimed = 1
                          GROUP BY claim.shop, claim.kind, claim.seq, claim.due_at, claim.cause
                         ON CONFLICT (shop, kind, claimed) DO UPDATE SET
                             due_at = CASE WHEN work.due_at < excluded.due_at
                                 THEN work.due_at ELSE excluded.due_at END",
                    )
                    .bind($shop)
                    .execute(&mut *$transaction)
                    .await?;
                }
                sqlx::query("DELETE FROM work WHERE shop = $1 AND kind = $2 AND claimed = 1")
                    .bind($shop)
                    .bind(kind.as_str())
                    .execute(&mut *$transaction)
                    .await?;
            }
            WorkOutcome::Retry { at, error } => {
                sqlx::query(
                    "UPDATE work SET due_at = $3, attempts = attempts + 1, error = $4
                      WHERE shop = $1 AND kind = $2 AND claimed = 1",
                )
                .bind($shop)
                .bind(kind.as_str())
                .bind(micros(*at))
                .bind(error)
                .execute(&mut *$transaction)
                .await?;
            }
            WorkOutcome::Dead { error } => {
                sqlx::query(
                    "UPDATE work SET dead = 1, attempts = attempts + 1, error = $3
                      WHERE shop = $1 AND kind = $2 AND claimed = 1",
                )
                .bind($shop)
                .bind(kind.as_str())
                .bind(error)
                .execute(&mut *$transaction)
                .await?;
            }
        }
    };
}

/// Makes all claimed work of a shop waiting work, merged with what was requested since the claim: the earlier time, the first
/// trigger and the last arguments apply. A request since the claim also revives work that is dead.
macro_rules! put_back_claimed {
    ($transaction:ident, $shop:expr) => {
        sqlx::query(
            "INSERT INTO work (shop, kind, claimed, seq, due_at, cause, arguments, attempts, error, dead)
             SELECT shop, kind, 0, seq, due_at, cause, arguments, attempts, error, dead
               FROM work WHERE shop = $1 AND claimed = 1
             ON CONFLICT (shop, kind, claimed) DO UPDATE SET
                 due_at = CASE WHEN excluded.dead = 0 AND excluded.due_at < work.due_at
                     THEN excluded.due_at ELSE work.due_at END,
                 cause = CASE WHEN excluded.dead = 0 THEN excluded.cause ELSE work.cause END,
                 arguments = COALESCE(work.arguments, CASE WHEN excluded.dead = 0 THEN excluded.arguments END),
                 attempts = CASE WHEN excluded.dead = 0 THEN excluded.attempts ELSE 0 END,
                 error = CASE WHEN excluded.dead = 0 THEN excluded.error END",
        )
        .bind(&$shop)
        .execute(&mut *$transaction)
        .await?;
        sqlx::query("DELETE FROM work WHERE shop = $1 AND claimed = 1")
            .bind(&$shop)
            .execute(&mut *$transaction)
            .await?;
    };
}

/// Removes a waiting refresh of a shop without dirty items: a run has read them on its way. Puts one off whose items are all
/// postponed.
macro_rules! trim_refresh {
    ($transaction:ident, $shop:expr) => {
        sqlx::query(
            "DELETE FROM work WHERE shop = $1 AND kind = 'refresh' AND claimed = 0
                AND NOT EXISTS (SELECT 1 FROM dirty_item WHERE dirty_item.shop = work.shop)",
        )
        .bind($shop)
        .execute(&mut *$transaction)
        .await?;
        sqlx::query(
            "UPDATE work SET due_at = (
                 SELECT MIN(CASE WHEN dirty_item.not_before > work.due_at
                            THEN dirty_item.not_before ELSE work.due_at END)
                   FROM dirty_item WHERE dirty_item.shop = work.shop)
              WHERE shop = $1 AND kind = 'refresh' AND claimed = 0",
        )
        .bind($shop)
        .execute(&mut *$transaction)
        .await?;
    };
}

/// The time from which a row of work can be claimed: when it is due and the shop's lease has ended.
macro_rules! claimable_at {
    () => {
        "CASE WHEN lease.until > work.due_at THEN lease.until ELSE work.due_at END"
    };
}

/// The work of shops that are active, unavailable or to be erased.
macro_rules! claimable {
    () => {
        " FROM work JOIN lease ON lease.shop = work.shop JOIN shop ON shop.domain = work.shop
          WHERE work.dead = 0 AND (shop.status NOT IN ('paused', 'uninstalled') OR work.kind = 'erase')"
    };
}

/// Leases the shop that the inner statement selects. `$1` is now, `$2` the end of the lease, `$3` the shop to claim, if only
/// one.
///
/// The token is at least the time in microseconds, so that it also grows after an erasure, which deletes the row.
macro_rules! claim_statement {
    ($condition:expr) => {
        concat!(
            "UPDATE lease SET token = CASE WHEN token < $1 THEN $1 ELSE token + 1 END, until = $2
              WHERE (until IS NULL OR until <= $1) AND shop = (SELECT lease.shop",
            claimable!(),
            " AND (lease.until IS NULL OR lease.until <= $1)",
            $condition,
            ") RETURNING shop, token"
        )
    };
}

macro_rules! longest_due {
    ($lock:literal) => {
        claim_statement!(concat!(
            " AND work.due_at <= $1 AND CAST($3 AS TEXT) IS NULL ORDER BY ",
            claimable_at!(),
            ", lease.shop LIMIT 1",
            $lock
        ))
    };
}

pub(super) const CLAIM: &str = longest_due!("");

/// Skips shops that another replica is claiming.
pub(super) const CLAIM_POSTGRES: &str = longest_due!(" FOR UPDATE OF lease SKIP LOCKED");

/// Claims the shop, whether its work is due or not.
pub(super) const CLAIM_ONLY: &str = claim_statement!(" AND lease.shop = $3 LIMIT 1");

/// The earliest time at which a shop is claimable, or a run that goes on loses its lease. It has passed if another replica
/// holds the row of the lease at this moment. `$1` is the shop, if only one, `$2` now.
pub(super) const NEXT: &str = concat!(
    "SELECT MIN(due) FROM (SELECT ",
    claimable_at!(),
    " AS due",
    claimable!(),
    " AND (CAST($1 AS TEXT) IS NULL OR work.shop = $1)
      UNION ALL SELECT until FROM lease WHERE until > $2 AND (CAST($1 AS TEXT) IS NULL OR shop = $1)) AS times"
);

pub(crate) use request_work;
pub(super) use {finish_work, lock_requests, put_back_claimed, trim_refresh};
