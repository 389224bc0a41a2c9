//! Implements [`PollSchedule`]: stores the last poll slot.

use std::time::Duration;

use async_trait::async_trait;
use sync_core::ports::PollSchedule;
use sync_core::{PortError, ShopDomain, Timestamp, Trigger, WorkRequest};

use crate::database::{in_transaction, on_pool};
use crate::error::port;
use crate::inbox::request_work;
use crate::rows::{micros, optional_timestamp};
use crate::{Database, Error};

#[async_trait]
impl PollSchedule for Database {
    async fn last_slot(&self) -> Result<Option<Timestamp>, PortError> {
        port("read the poll schedule", async {
            let row: Option<(i64,)> = on_pool!(self, pool => sqlx::query_as(
                "SELECT opened FROM poll_slot WHERE id = 1",
            )
            .fetch_optional(pool)
            .await?);
            optional_timestamp(row.map(|(opened,)| opened))
        })
        .await
    }

    async fn open_slot(
        &self,
        slot: Timestamp,
        now: Timestamp,
        spread: Duration,
    ) -> Result<Option<u64>, PortError> {
        // The upsert locks the row, so that only one of several replicas opens the slot.
        port("open a poll slot", async {
            let request = WorkRequest::full(Trigger::Poll);
            in_transaction!(self, tx => {
                let opened = sqlx::query(
                    "INSERT INTO poll_slot (id, opened) VALUES (1, $1)
                     ON CONFLICT (id) DO UPDATE SET opened = excluded.opened
                      WHERE poll_slot.opened < excluded.opened",
                )
                .bind(micros(slot))
                .execute(&mut *tx)
                .await?;
                if opened.rows_affected() == 0 {
                    return Ok(None);
                }
                let shops: Vec<(String,)> = sqlx::query_as(
                    "SELECT domain FROM shop WHERE status NOT IN ('paused', 'uninstalled') ORDER BY domain",
                )
                .fetch_all(&mut *tx)
                .await?;
                let count = u32::try_from(shops.len()).unwrap_or(u32::MAX);
                for (index, (domain,)) in (0u32..).zip(&shops) {
                    let shop: ShopDomain =
                        domain.parse().map_err(|_| Error::corrupt("shop domain"))?;
                    // Multiplied by a fraction, because a long spread times the number of shops would overflow.
                    let offset = spread.mul_f64(f64::from(index) / f64::from(count));
                    request_work!(tx, shop, &request, now + offset);
                }
                Ok(Some(u64::from(count)))
            })
        })
        .await
    }
}
