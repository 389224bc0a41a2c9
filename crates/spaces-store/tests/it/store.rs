//! Tests comparing and uploading on the memory and folder stores.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use spaces_store::{
    Comparison, ContentHash, ObjectKey, ObjectMeta, PutOutcome, ShopPrefix, SnapshotKey, Spool,
    Store, StoreUrl, UploadConfig, probe,
};

/// A store of each kind, and whether it keeps metadata.
fn stores(dir: &tempfile::TempDir) -> Vec<(Store, bool)> {
    let folder = StoreUrl::Folder(dir.path().join("shops"));
    vec![
        (
            Store::new(spaces_store::open(&StoreUrl::Memory).unwrap()),
            true,
        ),
        (Store::new(spaces_store::open(&folder).unwrap()), false),
    ]
}

fn key() -> ObjectKey {
    SnapshotKey::single(&ShopPrefix::new("example.myshopify.com").unwrap())
}

fn body(text: &str) -> Spool {
    Spool::from(Bytes::from(text.to_owned()))
}

#[tokio::test]
async fn unchanged_bytes_are_not_uploaded() {
    let dir = tempfile::tempdir().unwrap();
    for (store, keeps_metadata) in stores(&dir) {
        let one = body("{\"price\":1}");
        let first = store
            .put_if_changed(&key(), &one, &ObjectMeta::json(1, 1))
            .await
            .unwrap();
        let PutOutcome::Uploaded {
            hash,
            bytes,
            replaced,
            ..
        } = first
        else {
            panic!("{first:?}");
        };
        assert_eq!((hash, bytes, replaced), (one.sha256(), 11, false));

        let before = store.requests();
        let second = store
            .put_if_changed(&key(), &one, &ObjectMeta::json(2, 1))
            .await
            .unwrap();
        assert_eq!(second, PutOutcome::Unchanged { hash: one.sha256() });
        let after = store.requests();
        assert_eq!(after.uploads(), before.uploads(), "{store:?}");
        assert_eq!(
            after.get - before.get,
            u64::from(!keeps_metadata),
            "{store:?}"
        );

        let two = body("{\"price\":2}");
        assert_eq!(
            store.compare(&key(), &two).await.unwrap(),
            Comparison::Different
        );
        let third = store
            .put_if_changed(&key(), &two, &ObjectMeta::json(3, 1))
            .await
            .unwrap();
        assert!(
            matches!(third, PutOutcome::Uploaded { replaced: true, .. }),
            "{third:?}"
        );
        assert_eq!(store.compare(&key(), &two).await.unwrap(), Comparison::Same);
        assert_eq!(store.requests().uploads() - after.uploads(), 1);
    }
}

#[tokio::test]
async fn metadata_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    for (store, keeps_metadata) in stores(&dir) {
        let one = body("{}");
        assert!(store.read(&key()).await.unwrap().is_none());
        assert!(store.verify(&key()).await.unwrap().is_none());
        store
            .put_if_changed(&key(), &one, &ObjectMeta::json(7, 3))
            .await
            .unwrap();

        let read = store.read(&key()).await.unwrap().unwrap();
        assert_eq!(read.len, 2);
        assert_eq!(read.recorded_hash, keeps_metadata.then_some(one.sha256()));
        assert_eq!(read.generation, keeps_metadata.then_some(7));
        assert_eq!(read.schema_version, keeps_metadata.then_some(3));
        assert_eq!(read.into_vec().await.unwrap(), b"{}");

        let verified = store.verify(&key()).await.unwrap().unwrap();
        assert!(verified.is_intact());
        assert_eq!((verified.hash, verified.bytes), (one.sha256(), 2));
    }
}

#[tokio::test]
async fn objects_without_hash_are_compared_by_bytes() {
    let backend = spaces_store::open(&StoreUrl::Memory).unwrap();
    let store = Store::new(Arc::clone(&backend));
    let path = Path::from(key().as_str());
    backend
        .put(&path, PutPayload::from_static(b"{}"))
        .await
        .unwrap();
    assert_eq!(
        store.compare(&key(), &body("{}")).await.unwrap(),
        Comparison::Same
    );
    assert_eq!(
        store.compare(&key(), &body("[]")).await.unwrap(),
        Comparison::Different
    );
    assert_eq!(store.requests().get, 2);
    let put = store
        .put_if_changed(&key(), &body("{}"), &ObjectMeta::json(1, 1))
        .await
        .unwrap();
    assert!(!put.is_uploaded());
}

#[tokio::test]
async fn verify_detects_damaged_bytes() {
    let backend = spaces_store::open(&StoreUrl::Memory).unwrap();
    let store = Store::new(Arc::clone(&backend));
    store
        .put_if_changed(&key(), &body("{}"), &ObjectMeta::json(1, 1))
        .await
        .unwrap();
    let path = Path::from(key().as_str());
    let attributes = backend.get(&path).await.unwrap().attributes;
    backend
        .put_opts(&path, PutPayload::from_static(b"{!"), attributes.into())
        .await
        .unwrap();
    let verified = store.verify(&key()).await.unwrap().unwrap();
    assert!(!verified.is_intact());
    assert_eq!(verified.hash, ContentHash::of(b"{!"));
    assert_eq!(verified.recorded_hash, Some(ContentHash::of(b"{}")));
}

#[tokio::test]
async fn large_objects_are_uploaded_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    for (store, _) in stores(&dir) {
        let store = store.with_upload_config(UploadConfig {
            multipart_threshold: 10,
            part_size: 4,
        });
        let long = body("{\"0123456789\":0}");
        store
            .put_if_changed(&key(), &long, &ObjectMeta::json(1, 1))
            .await
            .unwrap();
        let counts = store.requests();
        assert_eq!(
            (counts.put, counts.put_part, counts.complete, counts.abort),
            (0, 4, 1, 0)
        );
        let verified = store.verify(&key()).await.unwrap().unwrap();
        assert_eq!((verified.hash, verified.bytes), (long.sha256(), 16));
        let again = store
            .put_if_changed(&key(), &long, &ObjectMeta::json(2, 1))
            .await
            .unwrap();
        assert!(!again.is_uploaded());
    }
}

#[tokio::test]
async fn deleting_a_shop_leaves_other_shops() {
    let dir = tempfile::tempdir().unwrap();
    for (store, _) in stores(&dir) {
        for shop in ["a.myshopify.com", "a.myshopify.com.au", "b.myshopify.com"] {
            let key = SnapshotKey::single(&ShopPrefix::new(shop).unwrap());
            store
                .put_if_changed(&key, &body(shop), &ObjectMeta::json(1, 1))
                .await
                .unwrap();
        }
        let shop = ShopPrefix::new("a.myshopify.com").unwrap();
        assert_eq!(store.delete_prefix(&shop).await.unwrap(), 1);
        assert_eq!(store.delete_prefix(&shop).await.unwrap(), 0);
        let left: Vec<_> = store
            .backend()
            .list(None)
            .map_ok(|o| o.location)
            .try_collect()
            .await
            .unwrap();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}

#[tokio::test]
async fn the_probe_reports_capabilities_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (store, keeps_metadata) in stores(&dir) {
        let found = probe(store.backend()).await.unwrap();
        assert_eq!(found.metadata, keeps_metadata);
        assert!(found.conditional_create);
        assert_eq!(
            found.conditional_update, keeps_metadata,
            "a folder does not support it"
        );
        let left: Vec<_> = store.backend().list(None).try_collect().await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}
