//! Implements the `SnapshotStore` port: writes, inspects and erases the shops' documents in a Space.

use async_trait::async_trait;
use futures::StreamExt;
use spaces_store::{
    Comparison, Error, ObjectKey, ObjectMeta, PutOutcome, Section as LayoutSection, ShopPrefix,
    SingleLayout, SnapshotKey, SnapshotWriter, Spool, SpoolConfig, Store,
};
use sync_core::ports::{ItemStream, PublishMode, PublishResult, SnapshotStore, StoredSnapshot};
use sync_core::{ContentHash, Disposition, PortError, Section, ShopDomain};

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
impl SnapshotStore for SpacesSnapshots {
    async fn publish(
        &self,
        shop: &ShopDomain,
        generation: u64,
        items: ItemStream<'_>,
        mode: PublishMode,
    ) -> Result<PublishResult, PortError> {
        let key = snapshot_key(shop)?;
        let spool = self.write_document(items).await?;
        let changed = match mode {
            PublishMode::Upload => {
                let meta = ObjectMeta::json(generation, SCHEMA_VERSION);
                let put = self.store.put_if_changed(&key, &spool, &meta).await;
                let outcome: PutOutcome =
                    put.map_err(|error| store_error("upload the snapshot", error))?;
                outcome.is_uploaded()
            }
            PublishMode::DryRun => {
                let compared = self.store.compare(&key, &spool).await;
                compared.map_err(|error| store_error("compare the snapshot", error))?
                    != Comparison::Same
            }
        };
        Ok(PublishResult {
            key: key.to_string(),
            hash: ContentHash(*spool.sha256().as_bytes()),
            bytes: spool.len(),
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

    use futures::stream;
    use spaces_store::StoreUrl;

    use super::*;

    fn snapshots() -> SpacesSnapshots {
        let backend = spaces_store::open(&StoreUrl::Memory).unwrap();
        SpacesSnapshots::new(Store::new(Arc::clone(&backend)), SpoolConfig::default())
    }

    fn shop() -> ShopDomain {
        "example.myshopify.com".parse().unwrap()
    }

    fn items(price: &str) -> ItemStream<'static> {
        let product = format!(r#"{{"id":"gid://shopify/Product/1","price":"{price}"}}"#);
        let shop = r#"{"name":"Example"}"#.to_owned();
        stream::iter([Ok((Section::Products, product)), Ok((Section::Shop, shop))]).boxed()
    }

    #[tokio::test]
    async fn an_unchanged_document_is_not_uploaded() {
        let snapshots = snapshots();
        let mut seen = Vec::new();
        for price in ["1.00", "1.00", "2.00"] {
            let mode = PublishMode::Upload;
            let published = snapshots.publish(&shop(), 1, items(price), mode).await;
            seen.push(published.unwrap().changed);
        }
        assert_eq!(seen, [true, false, true]);
        assert_eq!(snapshots.store().requests().uploads(), 2);
    }

    #[tokio::test]
    async fn a_dry_run_compares_and_writes_nothing() {
        let snapshots = snapshots();
        let dry = PublishMode::DryRun;
        let would = snapshots
            .publish(&shop(), 1, items("1.00"), dry)
            .await
            .unwrap();
        assert!(would.changed);
        assert_eq!(snapshots.inspect(&shop()).await.unwrap(), None);
        assert_eq!(snapshots.store().requests().uploads(), 0);
    }

    #[tokio::test]
    async fn the_document_has_the_expected_paths_and_key() {
        let snapshots = snapshots();
        let mode = PublishMode::Upload;
        let published = snapshots
            .publish(&shop(), 7, items("1.00"), mode)
            .await
            .unwrap();
        assert_eq!(published.key, "example.myshopify.com/shopify_data.json");
        let key = snapshot_key(&shop()).unwrap();
        let stored = snapshots.store().read(&key).await.unwrap().unwrap();
        assert_eq!(
            (stored.generation, stored.schema_version),
            (Some(7), Some(1))
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
        let inspected = snapshots.inspect(&shop()).await.unwrap().unwrap();
        assert_eq!(inspected.hash, published.hash);
    }

    #[tokio::test]
    async fn an_error_among_the_items_uploads_nothing() {
        let snapshots = snapshots();
        let broken = stream::iter([Err(PortError::retry("read the mirror", "gone"))]).boxed();
        let mode = PublishMode::Upload;
        let error = snapshots
            .publish(&shop(), 1, broken, mode)
            .await
            .unwrap_err();
        assert_eq!(error.operation, "read the mirror");
        assert_eq!(snapshots.store().requests().uploads(), 0);
    }

    #[tokio::test]
    async fn erasing_removes_one_shop_only() {
        let snapshots = snapshots();
        let other: ShopDomain = "other.myshopify.com".parse().unwrap();
        for shop in [&shop(), &other] {
            let mode = PublishMode::Upload;
            snapshots
                .publish(shop, 1, items("1.00"), mode)
                .await
                .unwrap();
        }
        assert_eq!(snapshots.erase(&shop()).await.unwrap(), 1);
        assert_eq!(snapshots.inspect(&shop()).await.unwrap(), None);
        assert!(snapshots.inspect(&other).await.unwrap().is_some());
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
