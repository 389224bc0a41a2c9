//! Runs the conformance suite that `object_store` publishes for implementations of its trait.

use std::sync::Arc;

use object_store::integration as suite;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, ObjectStore, ObjectStoreExt};
use spaces_store::CountingStore;

use crate::bucket::{Backend, Server, TestBucket};

macro_rules! conformance {
    ($module:ident, $backend:expr, $server:expr, { $($test:ident => $run:expr),+ $(,)? }) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    let Some(bucket) = TestBucket::new($backend, $server, stringify!($test)).await else {
                        return;
                    };
                    let run: fn(Arc<dyn ObjectStore>) -> futures::future::BoxFuture<'static, ()> =
                        |store| Box::pin(async move { ($run)(&*store).await });
                    run(bucket.store.clone()).await;
                }
            )+
        }
    };
}

/// Tests that every server passes.
macro_rules! common_tests {
    ($module:ident, $backend:expr, $server:expr) => {
        conformance!($module, $backend, $server, {
            stream_get => suite::stream_get,
            list_uses_directories => suite::list_uses_directories_correctly,
            list_with_delimiter => suite::list_with_delimiter,
            list_with_offset => suite::list_with_offset_exclusivity,
            rename_and_copy => suite::rename_and_copy,
            copy_rename_nonexistent => super::copy_rename_nonexistent,
            put_get_attributes => super::put_get_attributes,
            multipart_out_of_order => suite::multipart_out_of_order,
            multipart_race => async |store| suite::multipart_race_condition(store, true).await,
        });
    };
}

/// Tests that only Ceph passes. The embedded server returns 500 to GET of a folder, ignores conditions on GET, and lets
/// two concurrent creates succeed.
macro_rules! ceph_tests {
    ($module:ident, $backend:expr, $server:expr) => {
        conformance!($module, $backend, $server, {
            put_get_delete_list => suite::put_get_delete_list,
            get_opts => suite::get_opts,
            put_opts => async |store| suite::put_opts(store, true).await,
        });
    };
}

common_tests!(rusoto_embedded, Backend::Rusoto, Server::Embedded);
common_tests!(aws_embedded, Backend::Aws, Server::Embedded);
common_tests!(rusoto_on_ceph, Backend::Rusoto, Server::Ceph);
common_tests!(rusoto_on_ceph_tls, Backend::Rusoto, Server::CephTls);
common_tests!(aws_on_ceph, Backend::Aws, Server::Ceph);
common_tests!(aws_on_ceph_tls, Backend::Aws, Server::CephTls);
ceph_tests!(rusoto_on_ceph_only, Backend::Rusoto, Server::Ceph);
ceph_tests!(rusoto_on_ceph_tls_only, Backend::Rusoto, Server::CephTls);
ceph_tests!(aws_on_ceph_only, Backend::Aws, Server::Ceph);
ceph_tests!(aws_on_ceph_tls_only, Backend::Aws, Server::CephTls);

/// Replaces the suite's test, which requires a conditional copy; S3 has none.
async fn copy_rename_nonexistent(store: &dyn ObjectStore) {
    let (from, to) = (Path::from("missing"), Path::from("target"));
    store.put(&to, "hello".into()).await.unwrap();
    let copied = store.copy(&from, &to).await;
    assert!(matches!(copied, Err(Error::NotFound { .. })), "{copied:?}");
    let renamed = store.rename(&from, &to).await;
    assert!(
        matches!(renamed, Err(Error::NotFound { .. })),
        "{renamed:?}"
    );
    let left = store.get(&to).await.unwrap().bytes().await.unwrap();
    assert_eq!(left, "hello");
}

/// Replaces the suite's test, which has underscores in metadata keys; Ceph converts them to dashes.
async fn put_get_attributes(store: &dyn ObjectStore) {
    let attributes = Attributes::from_iter([
        (Attribute::CacheControl, "max-age=604800"),
        (
            Attribute::ContentDisposition,
            r#"attachment; filename="test.html""#,
        ),
        (Attribute::ContentEncoding, "gzip"),
        (Attribute::ContentLanguage, "en-US"),
        (Attribute::ContentType, "text/html; charset=utf-8"),
        (Attribute::Metadata("test-key".into()), "test_value"),
        (Attribute::Metadata("with-spaces".into()), "hello   world"),
    ]);
    let path = Path::from("attributes");
    store
        .put_opts(&path, "foo".into(), attributes.clone().into())
        .await
        .unwrap();
    assert_eq!(store.get(&path).await.unwrap().attributes, attributes);

    let upload = store
        .put_multipart_opts(&path, attributes.clone().into())
        .await;
    let mut upload = upload.unwrap();
    upload.put_part("bar".into()).await.unwrap();
    upload.complete().await.unwrap();
    let stored = store.get(&path).await.unwrap();
    assert_eq!(stored.attributes, attributes);
    assert_eq!(stored.bytes().await.unwrap(), "bar");
}

#[tokio::test]
async fn counting_store_passes_the_suite() {
    let store = CountingStore::new(Arc::new(InMemory::new()));
    suite::put_get_delete_list(&store).await;
    suite::stream_get(&store).await;
    suite::put_get_attributes(&store).await;
    suite::get_opts(&store).await;
    suite::put_opts(&store, true).await;
    suite::list_uses_directories_correctly(&store).await;
    suite::list_with_delimiter(&store).await;
    suite::list_with_offset_exclusivity(&store).await;
    suite::rename_and_copy(&store).await;
    suite::copy_if_not_exists(&store).await;
    suite::copy_rename_nonexistent_object(&store).await;
    suite::multipart_out_of_order(&store).await;
    suite::multipart_race_condition(&store, true).await;
    let counts = store.counts();
    assert!(
        counts.put > 0 && counts.complete > 0 && counts.delete > 0 && counts.copy > 0,
        "{counts:?}"
    );
}
