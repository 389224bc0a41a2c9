//! Implements [`ShopRegistry`]: stores shops, their status, and the attempts to renew their tokens.

use async_trait::async_trait;
use sync_core::ports::ShopRegistry;
use sync_core::{
    ContentHash, Installation, PortError, Shop, ShopDomain, ShopEvent, ShopStatus, Token,
    TokenAttempt, VersionedToken,
};

use crate::database::{in_transaction, on_pool};
use crate::error::port;
use crate::rows::{micros, optional_timestamp, signed, timestamp, unsigned};
use crate::{Database, Error};

type ShopRow = (
    String,
    String,
    i64,
    String,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

/// Selects shops with their latest publication, in whichever layout.
macro_rules! shop_rows {
    ($condition:literal) => {
        concat!(
            "SELECT domain, status, installed_at, scopes, reconciled_at, published_at, generation, hash
               FROM shop LEFT JOIN publication ON publication.shop = shop.domain
                AND layout = (SELECT latest.layout FROM publication AS latest WHERE latest.shop = shop.domain
                               ORDER BY latest.published_at DESC, latest.layout LIMIT 1) ",
            $condition
        )
    };
}

/// Deletes a shop's rows from every table.
///
/// First the row that requests lock first, so that the two wait for each other in one order only.
const ERASE: [&str; 10] = [
    "DELETE FROM work_seq WHERE shop = $1",
    "DELETE FROM delivery WHERE shop = $1",
    "DELETE FROM work WHERE shop = $1",
    "DELETE FROM lease WHERE shop = $1",
    "DELETE FROM publication WHERE shop = $1",
    "DELETE FROM dirty_item WHERE shop = $1",
    "DELETE FROM item_reference WHERE shop = $1",
    "DELETE FROM item WHERE shop = $1",
    "DELETE FROM run WHERE shop = $1",
    "DELETE FROM shop WHERE domain = $1",
];

fn shop_of(row: ShopRow) -> Result<Shop, Error> {
    let (domain, status, installed_at, scopes, reconciled_at, at, generation, hash) = row;
    let published = match (at, generation, hash) {
        (Some(at), Some(generation), Some(hash)) => {
            let hash: ContentHash = hash.parse().map_err(|_| Error::corrupt("hash"))?;
            Some((timestamp(at)?, unsigned(generation), hash))
        }
        _ => None,
    };
    Ok(Shop {
        domain: domain.parse().map_err(|_| Error::corrupt("shop domain"))?,
        status: status.parse().map_err(|_| Error::corrupt("shop status"))?,
        installed_at: timestamp(installed_at)?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        reconciled_at: optional_timestamp(reconciled_at)?,
        published,
    })
}

#[async_trait]
impl ShopRegistry for Database {
    async fn install(&self, installation: &Installation) -> Result<(), PortError> {
        port("store the installation", async {
            let sealed = self.seal(&installation.domain, &installation.token)?;
            on_pool!(self, pool => sqlx::query(
                "INSERT INTO shop (domain, status, installed_at, scopes, token_version,
                     access_token, access_expires_at, refresh_token, refresh_expires_at)
                 VALUES ($1, 'active', $2, $3, 1, $4, $5, $6, $7)
                 ON CONFLICT (domain) DO UPDATE SET
                     status = excluded.status, installed_at = excluded.installed_at, scopes = excluded.scopes,
                     token_version = shop.token_version + 1,
                     access_token = excluded.access_token, access_expires_at = excluded.access_expires_at,
                     refresh_token = excluded.refresh_token, refresh_expires_at = excluded.refresh_expires_at",
            )
            .bind(installation.domain.as_str())
            .bind(micros(installation.at))
            .bind(installation.scopes.join(" "))
            .bind(sealed.access)
            .bind(sealed.access_expires_at)
            .bind(sealed.refresh)
            .bind(sealed.refresh_expires_at)
            .execute(pool)
            .await
            .map(drop)?);
            Ok(())
        })
        .await
    }

    async fn find(&self, shop: &ShopDomain) -> Result<Option<Shop>, PortError> {
        port("look up the shop", async {
            let row: Option<ShopRow> = on_pool!(self, pool => sqlx::query_as(
                shop_rows!("WHERE domain = $1"),
            )
            .bind(shop.as_str())
            .fetch_optional(pool)
            .await?);
            row.map(shop_of).transpose()
        })
        .await
    }

    async fn list(&self, after: Option<&ShopDomain>, limit: u32) -> Result<Vec<Shop>, PortError> {
        port("list the shops", async {
            let rows: Vec<ShopRow> = on_pool!(self, pool => sqlx::query_as(
                shop_rows!("WHERE domain > $1 ORDER BY domain LIMIT $2"),
            )
            .bind(after.map_or("", ShopDomain::as_str))
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await?);
            rows.into_iter().map(shop_of).collect()
        })
        .await
    }

    async fn token(&self, shop: &ShopDomain) -> Result<Option<VersionedToken>, PortError> {
        port("read the shop's token", self.open_token(shop)).await
    }

    async fn begin_token_attempt(
        &self,
        shop: &ShopDomain,
        expected: u64,
        replaces: Option<TokenAttempt>,
        attempt: TokenAttempt,
    ) -> Result<bool, PortError> {
        port("store the attempt to renew the shop's token", async {
            let begun = on_pool!(self, pool => sqlx::query(
                "UPDATE shop SET attempt_version = token_version,
                     attempt_by = $3, attempt_begun_at = $4, attempt_purpose = $5
                  WHERE domain = $1 AND token_version = $2 AND access_token IS NOT NULL
                    AND CASE WHEN attempt_version = token_version
                        THEN attempt_by = $6 AND attempt_begun_at = $7 AND attempt_purpose = $8
                        ELSE $6 IS NULL END",
            )
            .bind(shop.as_str())
            .bind(signed(expected))
            .bind(attempt.by.cast_signed())
            .bind(micros(attempt.begun_at))
            .bind(attempt.purpose.as_str())
            .bind(replaces.map(|replaced| replaced.by.cast_signed()))
            .bind(replaces.map(|replaced| micros(replaced.begun_at)))
            .bind(replaces.map(|replaced| replaced.purpose.as_str()))
            .execute(pool)
            .await?
            .rows_affected());
            Ok(begun == 1)
        })
        .await
    }

    async fn replace_token(
        &self,
        shop: &ShopDomain,
        expected: u64,
        attempt: TokenAttempt,
        token: &Token,
    ) -> Result<bool, PortError> {
        port("store the shop's token", async {
            let sealed = self.seal(shop, token)?;
            let replaced = on_pool!(self, pool => sqlx::query(
                "UPDATE shop SET token_version = token_version + 1,
                     access_token = $3, access_expires_at = $4, refresh_token = $5, refresh_expires_at = $6
                  WHERE domain = $1 AND token_version = $2 AND access_token IS NOT NULL
                    AND attempt_version = $2
                    AND attempt_by = $7 AND attempt_begun_at = $8 AND attempt_purpose = $9",
            )
            .bind(shop.as_str())
            .bind(signed(expected))
            .bind(sealed.access)
            .bind(sealed.access_expires_at)
            .bind(sealed.refresh)
            .bind(sealed.refresh_expires_at)
            .bind(attempt.by.cast_signed())
            .bind(micros(attempt.begun_at))
            .bind(attempt.purpose.as_str())
            .execute(pool)
            .await?
            .rows_affected());
            Ok(replaced == 1)
        })
        .await
    }

    async fn change_status(
        &self,
        shop: &ShopDomain,
        event: ShopEvent,
    ) -> Result<Option<ShopStatus>, PortError> {
        port("store the shop's status", async {
            loop {
                let row: Option<(String,)> = on_pool!(self, pool => sqlx::query_as(
                    "SELECT status FROM shop WHERE domain = $1",
                )
                .bind(shop.as_str())
                .fetch_optional(pool)
                .await?);
                let Some((stored,)) = row else { return Ok(None) };
                let from: ShopStatus =
                    stored.parse().map_err(|_| Error::corrupt("shop status"))?;
                let Some(to) = from.after(event) else { return Ok(None) };
                let statement = if to == ShopStatus::Uninstalled {
                    "UPDATE shop SET status = $3, access_token = NULL, access_expires_at = NULL,
                         refresh_token = NULL, refresh_expires_at = NULL WHERE domain = $1 AND status = $2"
                } else {
                    "UPDATE shop SET status = $3 WHERE domain = $1 AND status = $2"
                };
                let changed = on_pool!(self, pool => sqlx::query(statement)
                    .bind(shop.as_str())
                    .bind(stored)
                    .bind(to.as_str())
                    .execute(pool)
                    .await?
                    .rows_affected());
                if changed == 1 {
                    return Ok(Some(to));
                }
                // Somebody else changed it in between.
            }
        })
        .await
    }

    async fn erase(&self, shop: &ShopDomain) -> Result<(), PortError> {
        port("erase the shop", async {
            in_transaction!(self, tx => {
                for statement in ERASE {
                    sqlx::query(statement).bind(shop.as_str()).execute(&mut *tx).await?;
                }
                Ok(())
            })
        })
        .await
    }
}
