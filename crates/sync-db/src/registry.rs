//! Implements [`ShopRegistry`]: stores shops and their status.

use async_trait::async_trait;
use sync_core::ports::ShopRegistry;
use sync_core::{
    ContentHash, Installation, PortError, Shop, ShopDomain, ShopStatus, Timestamp, Token,
    TokenAttempt, VersionedToken,
};

use crate::database::{in_transaction, on_pool};
use crate::rows::{micros, optional_timestamp, timestamp, unsigned};
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

/// Deletes a shop's rows from every table.
const ERASE: [&str; 7] = [
    "DELETE FROM delivery WHERE shop = $1",
    "DELETE FROM work WHERE shop = $1",
    "DELETE FROM dirty_item WHERE shop = $1",
    "DELETE FROM item_reference WHERE shop = $1",
    "DELETE FROM item WHERE shop = $1",
    "DELETE FROM run WHERE shop = $1",
    "DELETE FROM shop WHERE domain = $1",
];

impl Database {
    async fn upsert_shop(&self, installation: &Installation) -> Result<(), Error> {
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
    }

    async fn find_shop(&self, shop: &ShopDomain) -> Result<Option<Shop>, Error> {
        let row: Option<ShopRow> = on_pool!(self, pool => sqlx::query_as(
            "SELECT domain, status, installed_at, scopes, reconciled_at,
                    published_at, published_revision, published_hash
               FROM shop WHERE domain = $1",
        )
        .bind(shop.as_str())
        .fetch_optional(pool)
        .await?);
        row.map(shop_of).transpose()
    }

    async fn list_shops(&self, after: &str, limit: u32) -> Result<Vec<Shop>, Error> {
        let rows: Vec<ShopRow> = on_pool!(self, pool => sqlx::query_as(
            "SELECT domain, status, installed_at, scopes, reconciled_at,
                    published_at, published_revision, published_hash
               FROM shop WHERE domain > $1 ORDER BY domain LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?);
        rows.into_iter().map(shop_of).collect()
    }

    async fn change_status(&self, shop: &ShopDomain, status: ShopStatus) -> Result<(), Error> {
        let statement = if status == ShopStatus::Uninstalled {
            "UPDATE shop SET status = $2, access_token = NULL, access_expires_at = NULL,
                 refresh_token = NULL, refresh_expires_at = NULL WHERE domain = $1"
        } else {
            "UPDATE shop SET status = $2 WHERE domain = $1"
        };
        on_pool!(self, pool => sqlx::query(statement)
            .bind(shop.as_str())
            .bind(status.as_str())
            .execute(pool)
            .await
            .map(drop)?);
        Ok(())
    }

    async fn store_scan_time(&self, shop: &ShopDomain, at: Timestamp) -> Result<(), Error> {
        on_pool!(self, pool => sqlx::query("UPDATE shop SET reconciled_at = $2 WHERE domain = $1")
            .bind(shop.as_str())
            .bind(micros(at))
            .execute(pool)
            .await
            .map(drop)?);
        Ok(())
    }

    async fn erase_shop(&self, shop: &ShopDomain) -> Result<(), Error> {
        in_transaction!(self, tx => {
            for statement in ERASE {
                sqlx::query(statement).bind(shop.as_str()).execute(&mut *tx).await?;
            }
            Ok(())
        });
        Ok(())
    }
}

fn shop_of(row: ShopRow) -> Result<Shop, Error> {
    let (domain, status, installed_at, scopes, reconciled_at, at, revision, hash) = row;
    let published = match (at, revision, hash) {
        (Some(at), Some(revision), Some(hash)) => {
            let hash: ContentHash = hash.parse().map_err(|_| Error::corrupt("hash"))?;
            Some((timestamp(at)?, unsigned(revision), hash))
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
        let done = self.upsert_shop(installation).await;
        done.map_err(|error| error.into_port("store the installation"))
    }

    async fn find(&self, shop: &ShopDomain) -> Result<Option<Shop>, PortError> {
        let found = self.find_shop(shop).await;
        found.map_err(|error| error.into_port("look up the shop"))
    }

    async fn list(&self, after: Option<&ShopDomain>, limit: u32) -> Result<Vec<Shop>, PortError> {
        let shops = self
            .list_shops(after.map_or("", ShopDomain::as_str), limit)
            .await;
        shops.map_err(|error| error.into_port("list the shops"))
    }

    async fn token(&self, shop: &ShopDomain) -> Result<Option<VersionedToken>, PortError> {
        let token = self.open_token(shop).await;
        token.map_err(|error| error.into_port("read the shop's token"))
    }

    async fn begin_token_attempt(
        &self,
        shop: &ShopDomain,
        expected: u64,
        replaces: Option<TokenAttempt>,
        attempt: TokenAttempt,
    ) -> Result<bool, PortError> {
        let begun = self.begin_attempt(shop, expected, replaces, attempt).await;
        begun.map_err(|error| error.into_port("store the attempt to renew the shop's token"))
    }

    async fn replace_token(
        &self,
        shop: &ShopDomain,
        expected: u64,
        attempt: TokenAttempt,
        token: &Token,
    ) -> Result<bool, PortError> {
        let replaced = self.swap_token(shop, expected, attempt, token).await;
        replaced.map_err(|error| error.into_port("store the shop's token"))
    }

    async fn set_status(&self, shop: &ShopDomain, status: ShopStatus) -> Result<(), PortError> {
        let done = self.change_status(shop, status).await;
        done.map_err(|error| error.into_port("store the shop's status"))
    }

    async fn record_scan(
        &self,
        shop: &ShopDomain,
        reconciled_at: Timestamp,
    ) -> Result<(), PortError> {
        let done = self.store_scan_time(shop, reconciled_at).await;
        done.map_err(|error| error.into_port("store the time of the full scan"))
    }

    async fn erase(&self, shop: &ShopDomain) -> Result<(), PortError> {
        let done = self.erase_shop(shop).await;
        done.map_err(|error| error.into_port("erase the shop"))
    }
}
