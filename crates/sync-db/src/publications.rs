//! Implements [`Publications`]: stores what was published last.

use async_trait::async_trait;
use sync_core::ports::{Publication, PublicationState, Publications};
use sync_core::{Lease, PortError, ShopDomain, Timestamp};

use crate::database::{in_transaction, on_pool, require_lease};
use crate::error::port;
use crate::rows::{micros, signed, unsigned};
use crate::{Database, Error};

type StateRow = (
    i64,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

#[async_trait]
impl Publications for Database {
    async fn publication_state(
        &self,
        shop: &ShopDomain,
        layout: &str,
    ) -> Result<PublicationState, PortError> {
        port("read what was published last", async {
            let row: Option<StateRow> = on_pool!(self, pool => sqlx::query_as(
                "SELECT shop.revision, publication.revision, generation, object_key, hash, bytes, object_version
                   FROM shop LEFT JOIN publication ON publication.shop = shop.domain AND layout = $2
                  WHERE domain = $1",
            )
            .bind(shop.as_str())
            .bind(layout)
            .fetch_optional(pool)
            .await?);
            let Some((current, revision, generation, key, hash, bytes, version)) = row else {
                return Ok(PublicationState::default());
            };
            let last = match (revision, generation, key, hash, bytes) {
                (Some(revision), Some(generation), Some(key), Some(hash), Some(bytes)) => {
                    Some(Publication {
                        layout: layout.to_owned(),
                        revision: unsigned(revision),
                        generation: unsigned(generation),
                        key,
                        hash: hash.parse().map_err(|_| Error::corrupt("hash"))?,
                        bytes: unsigned(bytes),
                        version,
                    })
                }
                _ => None,
            };
            let revision = unsigned(current);
            Ok(PublicationState { revision, last })
        })
        .await
    }

    async fn record_publication(
        &self,
        lease: &Lease,
        publication: &Publication,
        at: Timestamp,
    ) -> Result<(), PortError> {
        port("store what was published", async {
            in_transaction!(self, tx => {
                require_lease!(tx, lease);
                sqlx::query(
                    "INSERT INTO publication (shop, layout, revision, generation, object_key, hash, bytes,
                         object_version, published_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                     ON CONFLICT (shop, layout) DO UPDATE SET
                         revision = excluded.revision, generation = excluded.generation,
                         object_key = excluded.object_key, hash = excluded.hash, bytes = excluded.bytes,
                         object_version = excluded.object_version, published_at = excluded.published_at",
                )
                .bind(lease.shop.as_str())
                .bind(&publication.layout)
                .bind(signed(publication.revision))
                .bind(signed(publication.generation))
                .bind(&publication.key)
                .bind(publication.hash.to_string())
                .bind(signed(publication.bytes))
                .bind(publication.version.as_deref())
                .bind(micros(at))
                .execute(&mut *tx)
                .await?;
                Ok(())
            })
        })
        .await
    }
}
