//! Implements [`Mirror`]: stores items, their references and the revisions that changed them.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use sqlx::QueryBuilder;
use sync_core::ports::{Change, ItemChange, Mirror, StoredItem, UpsertResult, WriteMode};
use sync_core::{
    Item, ItemId, ItemKey, ItemKind, Lease, PortError, RunId, Section, ShopDomain, Timestamp,
};

use crate::database::{in_transaction, on_pool, require_lease};
use crate::error::port;
use crate::rows::{id, key, micros, signed, unsigned};
use crate::{Database, Error};

/// The most rows that one statement writes or names. SQLite binds at most 32,766 values, PostgreSQL 65,535.
const ROWS: usize = 500;

/// The stored hash and denormalised fields of items, before they are written.
type StoredHashes = HashMap<ItemKey, (String, String)>;

type ChangeRow = (String, i64, String, i64, Option<String>);

/// Reads the hash and the denormalised fields of the live items among `$keys`.
macro_rules! stored_hashes {
    ($executor:expr, $shop:expr, $keys:expr) => {{
        let mut known = StoredHashes::new();
        for keys in $keys.chunks(ROWS) {
            let mut query = QueryBuilder::new(
                "SELECT kind, id, hash, label FROM item WHERE deleted_at IS NULL AND shop = ",
            );
            query.push_bind($shop.as_str());
            push_keys!(query, keys);
            let rows: Vec<(String, i64, String, String)> =
                query.build_query_as().fetch_all($executor).await?;
            for (kind, id, hash, denorm_fields) in rows {
                known.insert(key(&kind, id)?, (hash, denorm_fields));
            }
        }
        known
    }};
}

/// `AND (kind, id) IN ((…), …)`
macro_rules! push_keys {
    ($query:ident, $keys:expr) => {
        $query.push(" AND (kind, id) IN (VALUES ");
        for (index, key) in $keys.iter().enumerate() {
            $query.push(if index == 0 { "(" } else { ", (" });
            $query.push_bind(key.kind.as_str());
            $query.push(", ");
            $query.push_bind(key.id.as_i64());
            $query.push(")");
        }
        $query.push(")");
    };
}

/// Increments the shop's revision and returns it.
macro_rules! increment_revision {
    ($transaction:ident, $shop:expr) => {{
        let (revision,): (i64,) = sqlx::query_as(
            "UPDATE shop SET revision = revision + 1 WHERE domain = $1 RETURNING revision",
        )
        .bind($shop.as_str())
        .fetch_one(&mut *$transaction)
        .await?;
        revision
    }};
}

fn diff(item: &Item, known: &StoredHashes) -> UpsertResult {
    let (change, denorm_changed) = match known.get(&item.key) {
        None => (Change::Added, true),
        Some((hash, denorm_fields)) if *hash == item.hash.to_string() => {
            (Change::None, *denorm_fields != item.denorm_fields)
        }
        Some((_, denorm_fields)) => (Change::Updated, *denorm_fields != item.denorm_fields),
    };
    UpsertResult {
        key: item.key,
        change,
        denorm_changed,
    }
}

/// A new release may compute the denormalised fields differently, while the body stays the same.
fn needs_writing(upserted: &UpsertResult) -> bool {
    upserted.change != Change::None || upserted.denorm_changed
}

#[async_trait]
impl Mirror for Database {
    async fn upsert(
        &self,
        lease: &Lease,
        items: &[Item],
        mode: WriteMode,
    ) -> Result<Vec<UpsertResult>, PortError> {
        let seen = match mode {
            WriteMode::Refresh => None,
            WriteMode::Scan(run) => Some(run),
        };
        port("write items to the mirror", async {
            let shop = &lease.shop;
            let keys: Vec<ItemKey> = items.iter().map(|item| item.key).collect();
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                let known = stored_hashes!(&mut *tx, shop, keys);
                let upserted: Vec<UpsertResult> =
                    items.iter().map(|item| diff(item, &known)).collect();
                if let Some(run) = seen {
                    for keys in keys.chunks(ROWS) {
                        let mut query = QueryBuilder::new("UPDATE item SET seen_run = ");
                        query.push_bind(run.0);
                        query.push(" WHERE shop = ");
                        query.push_bind(shop.as_str());
                        push_keys!(query, keys);
                        query.build().execute(&mut *tx).await?;
                    }
                }
                let revision = if upserted.iter().any(|item| item.change != Change::None) {
                    increment_revision!(tx, shop)
                } else {
                    0
                };
                let changed = items.iter().zip(&upserted);
                for (item, _) in changed.filter(|(_, upserted)| needs_writing(upserted)) {
                    sqlx::query(
                        "INSERT INTO item (shop, kind, id, section, hash, label, updated_at, seen_run, body, revision)
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                         ON CONFLICT (shop, kind, id) DO UPDATE SET
                             revision = CASE WHEN item.hash = excluded.hash AND item.deleted_at IS NULL
                                 THEN item.revision ELSE excluded.revision END,
                             section = excluded.section, hash = excluded.hash, label = excluded.label,
                             updated_at = excluded.updated_at, body = excluded.body, deleted_at = NULL,
                             seen_run = COALESCE(excluded.seen_run, item.seen_run)",
                    )
                    .bind(shop.as_str())
                    .bind(item.key.kind.as_str())
                    .bind(item.key.id.as_i64())
                    .bind(item.section.name())
                    .bind(item.hash.to_string())
                    .bind(&item.denorm_fields)
                    .bind(item.updated_at.map(micros))
                    .bind(seen.map(|run| run.0))
                    .bind(&item.body)
                    .bind(revision)
                    .execute(&mut *tx)
                    .await?;
                    sqlx::query("DELETE FROM item_reference WHERE shop = $1 AND kind = $2 AND id = $3")
                        .bind(shop.as_str())
                        .bind(item.key.kind.as_str())
                        .bind(item.key.id.as_i64())
                        .execute(&mut *tx)
                        .await?;
                    for references in item.references.chunks(ROWS) {
                        let mut query =
                            QueryBuilder::new("INSERT INTO item_reference (shop, to_kind, to_id, kind, id) ");
                        query.push_values(references, |mut row, to| {
                            row.push_bind(shop.as_str())
                                .push_bind(to.kind.as_str())
                                .push_bind(to.id.as_i64())
                                .push_bind(item.key.kind.as_str())
                                .push_bind(item.key.id.as_i64());
                        });
                        query.push(" ON CONFLICT DO NOTHING");
                        query.build().execute(&mut *tx).await?;
                    }
                }
                Ok(upserted)
            })
        })
        .await
    }

    async fn compare(
        &self,
        shop: &ShopDomain,
        items: &[Item],
    ) -> Result<Vec<UpsertResult>, PortError> {
        port("compare items with the mirror", async {
            let keys: Vec<ItemKey> = items.iter().map(|item| item.key).collect();
            let known = on_pool!(self, pool => stored_hashes!(pool, shop, keys));
            Ok(items.iter().map(|item| diff(item, &known)).collect())
        })
        .await
    }

    async fn tombstone(
        &self,
        lease: &Lease,
        keys: &[ItemKey],
        at: Timestamp,
    ) -> Result<Vec<ItemKey>, PortError> {
        port("tombstone items in the mirror", async {
            let shop = &lease.shop;
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                let mut tombstoned = Vec::new();
                for key in keys {
                    let done = sqlx::query(
                        "UPDATE item SET deleted_at = $4, body = '',
                             revision = (SELECT shop.revision + 1 FROM shop WHERE shop.domain = item.shop)
                          WHERE shop = $1 AND kind = $2 AND id = $3 AND deleted_at IS NULL",
                    )
                    .bind(shop.as_str())
                    .bind(key.kind.as_str())
                    .bind(key.id.as_i64())
                    .bind(micros(at))
                    .execute(&mut *tx)
                    .await?;
                    if done.rows_affected() == 1 {
                        sqlx::query("DELETE FROM item_reference WHERE shop = $1 AND kind = $2 AND id = $3")
                            .bind(shop.as_str())
                            .bind(key.kind.as_str())
                            .bind(key.id.as_i64())
                            .execute(&mut *tx)
                            .await?;
                        tombstoned.push(*key);
                    }
                }
                if !tombstoned.is_empty() {
                    increment_revision!(tx, shop);
                }
                Ok(tombstoned)
            })
        })
        .await
    }

    async fn unseen(
        &self,
        shop: &ShopDomain,
        kind: ItemKind,
        run: RunId,
    ) -> Result<Vec<ItemKey>, PortError> {
        port("list the unseen items", async {
            let rows: Vec<(i64,)> = on_pool!(self, pool => sqlx::query_as(
                "SELECT id FROM item
                  WHERE shop = $1 AND kind = $2 AND deleted_at IS NULL AND (seen_run IS NULL OR seen_run <> $3)
                  ORDER BY id",
            )
            .bind(shop.as_str())
            .bind(kind.as_str())
            .bind(run.0)
            .fetch_all(pool)
            .await?);
            rows.into_iter()
                .map(|(number,)| Ok(ItemKey::new(kind, id(number)?)))
                .collect()
        })
        .await
    }

    async fn referrers(
        &self,
        shop: &ShopDomain,
        keys: &[ItemKey],
    ) -> Result<Vec<ItemKey>, PortError> {
        port("look up the referring items", async {
            let mut found = Vec::new();
            for keys in keys.chunks(ROWS) {
                let rows: Vec<(String, i64)> = on_pool!(self, pool => {
                    let mut query =
                        QueryBuilder::new("SELECT DISTINCT kind, id FROM item_reference WHERE shop = ");
                    query.push_bind(shop.as_str());
                    query.push(" AND (to_kind, to_id) IN (VALUES ");
                    for (index, key) in keys.iter().enumerate() {
                        query.push(if index == 0 { "(" } else { ", (" });
                        query.push_bind(key.kind.as_str());
                        query.push(", ");
                        query.push_bind(key.id.as_i64());
                        query.push(")");
                    }
                    query.push(")");
                    query.build_query_as().fetch_all(pool).await?
                });
                for (kind, id) in rows {
                    found.push(key(&kind, id)?);
                }
            }
            found.sort();
            found.dedup();
            Ok(found)
        })
        .await
    }

    async fn page(
        &self,
        shop: &ShopDomain,
        section: Section,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<StoredItem>, PortError> {
        port("read the mirror", async {
            let rows: Vec<(i64, String)> = on_pool!(self, pool => sqlx::query_as(
                "SELECT id, body FROM item
                  WHERE shop = $1 AND section = $2 AND deleted_at IS NULL AND id > $3
                  ORDER BY id LIMIT $4",
            )
            .bind(shop.as_str())
            .bind(section.name())
            .bind(after.map_or(-1, ItemId::as_i64))
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await?);
            rows.into_iter()
                .map(|(number, body)| {
                    let id = id(number)?;
                    Ok(StoredItem { id, body })
                })
                .collect()
        })
        .await
    }

    async fn counts(&self, shop: &ShopDomain) -> Result<BTreeMap<ItemKind, u64>, PortError> {
        port("count the mirror's items", async {
            let rows: Vec<(String, i64)> = on_pool!(self, pool => sqlx::query_as(
                "SELECT kind, COUNT(*) FROM item WHERE shop = $1 AND deleted_at IS NULL GROUP BY kind",
            )
            .bind(shop.as_str())
            .fetch_all(pool)
            .await?);
            rows.into_iter()
                .map(|(kind, count)| {
                    let kind = kind.parse().map_err(|_| Error::corrupt("item kind"))?;
                    Ok((kind, unsigned(count)))
                })
                .collect()
        })
        .await
    }

    async fn changed_since(
        &self,
        shop: &ShopDomain,
        revision: u64,
        after: Option<(u64, ItemKey)>,
        limit: u32,
    ) -> Result<Vec<ItemChange>, PortError> {
        let (after, kind, id) = match after {
            Some((revision, key)) => (revision, key.kind.as_str(), key.id.as_i64()),
            // Before the first item of the next revision.
            None => (revision.saturating_add(1), "", 0),
        };
        port("read the mirror's changes", async {
            let rows: Vec<ChangeRow> = on_pool!(self, pool => sqlx::query_as(
                "SELECT kind, id, section, revision, CASE WHEN deleted_at IS NULL THEN body END FROM item
                  WHERE shop = $1 AND (revision, kind, id) > ($2, $3, $4)
                  ORDER BY revision, kind, id LIMIT $5",
            )
            .bind(shop.as_str())
            .bind(signed(after))
            .bind(kind)
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await?);
            let changes = rows.into_iter().map(|(kind, id, section, revision, body)| {
                Ok(ItemChange {
                    key: key(&kind, id)?,
                    section: section.parse().map_err(|_| Error::corrupt("section"))?,
                    revision: unsigned(revision),
                    body,
                })
            });
            changes.collect()
        })
        .await
    }
}
