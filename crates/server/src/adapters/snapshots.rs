//! Implements the `Publisher` port in the layout `single`: writes, inspects and erases the shops' documents in a Space.

use async_trait::async_trait;
use futures::StreamExt;
use spaces_store::{
    Error, ObjectKey, ObjectMeta, PutOutcome, Section as LayoutSection, ShopPrefix, SingleLayout,
    SnapshotKey, SnapshotWriter, Spool, SpoolConfig, Store,
};
use sync_core::ports::{
    ItemStream, MirrorReader, Publication, PublishResult, Publisher, StoredSnapshot,
};
use sync_core::{ContentHash, Disposition, Lease, PortError, Section, ShopDomain};

/// The version of the document's schema, stored in the object's metadata. Increased when consumers have to adapt.
const SCHEMA_VERSION: u32 = 1;

/// Stores the shops' documents in a Space, or in any other [`Store`].
#[derive(Debug, Clone)]
pub struct SpacesSnapshots {
    store: Store,
    layout: SingleLayout,
    spool: SpoolConfig,
}

impl SpacesSnapshots {
    /// Documents in `store`, buffered through `spool` while they are written.
    ///
    /// # Panics
    /// Never: the domain's sections have different names.
    pub fn new(store: Store, spool: SpoolConfig) -> Self {
        let sections = Section::ALL.map(|section| match section {
            Section::Shop => LayoutSection::object(section.name()),
            _ => LayoutSection::connection(section.name()),
        });
        Self {
            store,
            layout: SingleLayout::new(sections).expect("sections have different names"),
            spool,
        }
    }

    /// The store, with its request counters.
    pub fn store(&self) -> &Store {
        &self.store
    }

    async fn write_document(&self, mut items: ItemStream<'_>) -> Result<Spool, PortError> {
        let failed = |error| store_error("write the snapshot", error);
        let mut writer =
            SnapshotWriter::new(self.layout.clone(), self.spool.clone()).map_err(failed)?;
        while let Some(item) = items.next().await {
            let (section, body) = item?;
            writer
                .write(section.name(), body.as_bytes())
                .map_err(failed)?;
        }
        writer.finish().map_err(failed)
    }
}

fn prefix(shop: &ShopDomain) -> Result<ShopPrefix, PortError> {
    ShopPrefix::new(shop.as_str())
        .map_err(|error| PortError::fail("build the snapshot's key", error))
}

/// The key of the shop's document.
///
/// # Errors
/// Never for a valid domain.
pub fn snapshot_key(shop: &ShopDomain) -> Result<ObjectKey, PortError> {
    Ok(SnapshotKey::single(&prefix(shop)?))
}

/// Converts an error of the store into a port error, and chooses its disposition.
pub fn store_error(operation: &'static str, error: Error) -> PortError {
    let disposition = match &error {
        // An operator can correct a wrong key, bucket or clock, or a full disk, while the service runs.
        Error::WrongCredentials { .. }
        | Error::AccessDenied { .. }
        | Error::NoSuchBucket { .. }
        | Error::WrongEndpoint { .. }
        | Error::ClockSkewed { .. }
        | Error::Spool(_) => Disposition::Retry { after: None },
        _ if error.is_retryable() => Disposition::Retry {
            after: error.retry_after(),
        },
        // Another writer changed the document meanwhile: the next run writes it again.
        Error::Integrity { .. } | Error::PreconditionFailed { .. } => {
            Disposition::Retry { after: None }
        }
        _ => Disposition::Fail,
    };
    PortError::new(operation, disposition, error)
}

#[async_trait]
impl Publisher for SpacesSnapshots {
    fn layout(&self) -> &'static str {
        "single"
    }

    async fn publish(
        &self,
        lease: &Lease,
        mirror: MirrorReader<'_>,
        last: Option<&Publication>,
    ) -> Result<PublishResult, PortError> {
        let key = snapshot_key(&lease.shop)?;
        let spool = self.write_document(mirror.items()).await?;
        let generation = mirror.revision();
        let meta = ObjectMeta::json(generation, SCHEMA_VERSION);
        let put = self.store.put_if_changed(&key, &spool, &meta).await;
        let put = put.map_err(|error| store_error("upload the snapshot", error))?;
        let hash = ContentHash(*spool.sha256().as_bytes());
        let changed = put.is_uploaded();
        let version = match put {
            PutOutcome::Uploaded { e_tag, .. } => e_tag,
            PutOutcome::Unchanged { .. } => last
                .filter(|last| last.hash == hash)
                .and_then(|last| last.version.clone()),
        };
        let publication = Publication {
            layout: self.layout().to_owned(),
            revision: mirror.revision(),
            generation,
            key: key.to_string(),
            hash,
            bytes: spool.len(),
            version,
        };
        Ok(PublishResult {
            publication,
            changed,
        })
    }

    async fn inspect(&self, shop: &ShopDomain) -> Result<Option<StoredSnapshot>, PortError> {
        let key = snapshot_key(shop)?;
        let found = self.store.verify(&key).await;
        let found = found.map_err(|error| store_error("read the snapshot", error))?;
        Ok(found.map(|found| StoredSnapshot {
            key: key.to_string(),
            hash: ContentHash(*found.hash.as_bytes()),
            bytes: found.bytes,
        }))
    }

    async fn erase(&self, shop: &ShopDomain) -> Result<u64, PortError> {
        let deleted = self.store.delete_prefix(&prefix(shop)?).await;
        deleted.map_err(|error| store_error("erase the shop's objects", error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spaces_store::StoreUrl;
    use sync_core::ports::{Inbox, Mirror, Publications, ShopRegistry, WriteMode};
    use sync_core::{ClaimOutcome, ItemKey, ItemKind, Trigger, WorkRequest};
    use sync_db::Database;

    use super::*;
    use crate::service::tests::database_in_memory;

    struct Setup {
        snapshots: SpacesSnapshots,
        database: Database,
    }

    impl Setup {
        async fn new() -> Self {
            let backend = spaces_store::open(&StoreUrl::Memory).unwrap();
            let store = Store::new(Arc::clone(&backend));
            Self {
                snapshots: SpacesSnapshots::new(store, SpoolConfig::default()),
                database: database_in_memory().await,
            }
        }

        /// Installs a shop and leases it.
        async fn lease(&self, name: &str) -> Lease {
            let (shop, now) = (testkit::shop(name), testkit::at("2026-11-24T12:00:00Z"));
            let installation = testkit::installation(&shop, now);
            self.database.install(&installation).await.unwrap();
            let request = WorkRequest::full(Trigger::Manual);
            self.database.request(&shop, &request, now).await.unwrap();
            let until = now + chrono::TimeDelta::hours(1);
            let claiming = self.database.claim(Some(&shop), now, until).await;
            let ClaimOutcome::Claimed(claim) = claiming.unwrap() else {
                panic!("work was requested");
            };
            claim.lease
        }

        /// Sets the price of the shop's product.
        async fn put(&self, lease: &Lease, price: &str) {
            let product = format!(r#"{{"id":"gid://shopify/Product/1","price":"{price}"}}"#);
            let items = [
                testkit::item(testkit::key(ItemKind::Product, 1), &product),
                testkit::item(ItemKey::SHOP, r#"{"name":"Example"}"#),
            ];
            let written = self
                .database
                .upsert(lease, &items, WriteMode::Refresh)
                .await;
            written.unwrap();
        }

        /// Publishes after the publication that is recorded, and records the new one.
        async fn publish(&self, lease: &Lease) -> Result<PublishResult, PortError> {
            let (shop, layout) = (&lease.shop, self.snapshots.layout());
            let state = self.database.publication_state(shop, layout).await?;
            let mirror = MirrorReader::new(&self.database, shop, state.revision, 1);
            let last = state.last.as_ref();
            let published = self.snapshots.publish(lease, mirror, last).await?;
            let now = testkit::at("2026-11-24T12:00:00Z");
            self.database
                .record_publication(lease, &published.publication, now)
                .await?;
            Ok(published)
        }
    }

    #[tokio::test]
    async fn an_unchanged_document_is_not_uploaded() {
        let setup = Setup::new().await;
        let lease = setup.lease("example").await;
        let mut seen = Vec::new();
        for price in ["1.00", "1.00", "2.00"] {
            setup.put(&lease, price).await;
            seen.push(setup.publish(&lease).await.unwrap());
        }
        let changed: Vec<_> = seen.iter().map(|published| published.changed).collect();
        assert_eq!(changed, [true, false, true]);
        assert_eq!(setup.snapshots.store().requests().uploads(), 2);
        let versions = seen.iter().map(|published| &published.publication.version);
        let versions: Vec<_> = versions.collect();
        assert!(versions[0].is_some() && versions[0] == versions[1]);
        assert_ne!(versions[0], versions[2]);
    }

    #[tokio::test]
    async fn the_document_has_the_expected_paths_and_key() {
        let setup = Setup::new().await;
        let lease = setup.lease("example").await;
        setup.put(&lease, "1.00").await;
        let publication = setup.publish(&lease).await.unwrap().publication;
        assert_eq!(publication.key, "example.myshopify.com/shopify_data.json");
        assert_eq!((publication.revision, publication.generation), (1, 1));
        let key = snapshot_key(&lease.shop).unwrap();
        let store = setup.snapshots.store();
        let stored = store.read(&key).await.unwrap().unwrap();
        assert_eq!(
            (stored.generation, stored.schema_version),
            (Some(1), Some(1))
        );
        let document: serde_json::Value =
            serde_json::from_slice(&stored.into_vec().await.unwrap()).unwrap();
        let data = &document["data"];
        assert_eq!(data["products"]["edges"][0]["node"]["price"], "1.00");
        assert_eq!(data["shop"]["name"], "Example");
        for empty in [
            "codeDiscountNodes",
            "automaticDiscountNodes",
            "collections",
            "locations",
        ] {
            assert_eq!(data[empty]["edges"], serde_json::json!([]), "{empty}");
            assert_eq!(data[empty]["pageInfo"]["hasNextPage"], false);
        }
        let inspected = setup.snapshots.inspect(&lease.shop).await.unwrap().unwrap();
        assert_eq!(inspected.hash, publication.hash);
    }

    #[tokio::test]
    async fn nothing_is_uploaded_if_the_mirror_cannot_be_read() {
        let setup = Setup::new().await;
        let lease = setup.lease("example").await;
        setup.put(&lease, "1.00").await;
        setup.database.close().await;
        let mirror = MirrorReader::new(&setup.database, &lease.shop, 1, 100);
        let error = setup.snapshots.publish(&lease, mirror, None).await;
        assert_eq!(error.unwrap_err().operation, "read the mirror");
        assert_eq!(setup.snapshots.store().requests().uploads(), 0);
    }

    #[tokio::test]
    async fn erasing_removes_one_shop_only() {
        let setup = Setup::new().await;
        let leases = [setup.lease("example").await, setup.lease("other").await];
        for lease in &leases {
            setup.put(lease, "1.00").await;
            setup.publish(lease).await.unwrap();
        }
        let [erased, other] = leases.map(|lease| lease.shop);
        assert_eq!(setup.snapshots.erase(&erased).await.unwrap(), 1);
        assert_eq!(setup.snapshots.inspect(&erased).await.unwrap(), None);
        assert!(setup.snapshots.inspect(&other).await.unwrap().is_some());
    }

    #[test]
    fn errors_map_to_their_dispositions() {
        let after = Some(std::time::Duration::from_secs(7));
        let retry = |after| Disposition::Retry { after };
        for (error, disposition) in [
            (Error::Throttled { retry_after: after }, retry(after)),
            (Error::Unavailable { status: 503 }, retry(None)),
            (Error::ClockSkewed { store_ahead: None }, retry(None)),
            (Error::WrongCredentials { code: "x".into() }, retry(None)),
            (Error::NoSuchBucket { bucket: "b".into() }, retry(None)),
            (
                Error::Rejected {
                    status: 400,
                    code: "x".into(),
                },
                Disposition::Fail,
            ),
        ] {
            let text = error.to_string();
            assert_eq!(
                store_error("test", error).disposition,
                disposition,
                "{text}"
            );
        }
    }
}
