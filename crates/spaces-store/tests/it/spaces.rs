//! Tests the crate's guarantees on every server with both backends.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};
use spaces_store::error::TransportKind;
use spaces_store::{
    Addressing, Comparison, Error, ObjectKey, ObjectMeta, PutOutcome, RetryConfig, ShopPrefix,
    SigningClock, SnapshotKey, SpacesConfig, Spool, Store, UploadConfig,
};
use url::Url;

use crate::bucket::{Backend, Server, TestBucket, open, skipped};

macro_rules! on_every_server {
    ($($test:ident),+ $(,)?) => {
        on_every_server!(@ rusoto_embedded, Backend::Rusoto, Server::Embedded, $($test),+);
        on_every_server!(@ rusoto_on_ceph, Backend::Rusoto, Server::Ceph, $($test),+);
        on_every_server!(@ rusoto_on_ceph_tls, Backend::Rusoto, Server::CephTls, $($test),+);
        on_every_server!(@ aws_embedded, Backend::Aws, Server::Embedded, $($test),+);
        on_every_server!(@ aws_on_ceph, Backend::Aws, Server::Ceph, $($test),+);
        on_every_server!(@ aws_on_ceph_tls, Backend::Aws, Server::CephTls, $($test),+);
    };
    (@ $module:ident, $backend:expr, $server:expr, $($test:ident),+) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    if let Some(bucket) = TestBucket::new($backend, $server, stringify!($test)).await {
                        super::$test(bucket, $backend, $server).await;
                    }
                }
            )+
        }
    };
}

on_every_server!(
    unchanged_bytes_are_not_uploaded,
    objects_without_hash_are_compared_by_bytes,
    large_objects_are_uploaded_in_parts,
    an_aborted_upload_leaves_the_old_object,
    wrong_secret,
    unknown_access_key,
    wrong_bucket,
    connection_refused,
    capabilities,
    unquoted_if_match,
    keys_with_special_characters,
    deleting_a_shop_leaves_other_shops,
);

fn key() -> ObjectKey {
    SnapshotKey::single(&ShopPrefix::new("example.myshopify.com").unwrap())
}

fn path() -> Path {
    Path::from(key().as_str())
}

fn without_retries(config: &SpacesConfig) -> SpacesConfig {
    SpacesConfig {
        retry: RetryConfig::never(),
        ..config.clone()
    }
}

async fn unchanged_bytes_are_not_uploaded(bucket: TestBucket, _: Backend, _: Server) {
    let store = Store::new(bucket.store.clone());
    let one = Spool::from(b"{\"a\":1}".to_vec());
    let first = store
        .put_if_changed(&key(), &one, &ObjectMeta::json(1, 1))
        .await
        .unwrap();
    assert!(
        matches!(
            first,
            PutOutcome::Uploaded {
                replaced: false,
                e_tag: Some(_),
                ..
            }
        ),
        "{first:?}"
    );

    let before = store.requests();
    let second = store
        .put_if_changed(&key(), &one, &ObjectMeta::json(2, 1))
        .await
        .unwrap();
    assert_eq!(second, PutOutcome::Unchanged { hash: one.sha256() });
    let after = store.requests();
    assert_eq!(after.uploads(), before.uploads());
    assert_eq!((after.head, after.get), (before.head + 1, before.get));

    let two = Spool::from(b"{\"a\":2}".to_vec());
    assert_eq!(
        store.compare(&key(), &two).await.unwrap(),
        Comparison::Different
    );
    let third = store
        .put_if_changed(&key(), &two, &ObjectMeta::json(3, 9))
        .await
        .unwrap();
    assert!(
        matches!(third, PutOutcome::Uploaded { replaced: true, .. }),
        "{third:?}"
    );
    let read = store.read(&key()).await.unwrap().unwrap();
    assert_eq!((read.generation, read.schema_version), (Some(3), Some(9)));
    assert_eq!(read.recorded_hash, Some(two.sha256()));
    assert_eq!(read.into_vec().await.unwrap(), b"{\"a\":2}");
    let attributes = bucket.store.get(&path()).await.unwrap().attributes;
    let content_type = attributes.get(&object_store::Attribute::ContentType);
    assert_eq!(content_type.map(AsRef::as_ref), Some("application/json"));
}

async fn objects_without_hash_are_compared_by_bytes(bucket: TestBucket, _: Backend, _: Server) {
    bucket.store.put(&path(), "{}".into()).await.unwrap();
    let store = Store::new(bucket.store.clone());
    assert_eq!(
        store
            .compare(&key(), &Spool::from(b"{}".to_vec()))
            .await
            .unwrap(),
        Comparison::Same
    );
    assert_eq!(
        store
            .compare(&key(), &Spool::from(b"[]".to_vec()))
            .await
            .unwrap(),
        Comparison::Different
    );
    assert_eq!(store.requests().get, 2);
}

async fn large_objects_are_uploaded_in_parts(bucket: TestBucket, _: Backend, _: Server) {
    let store = Store::new(bucket.store.clone()).with_upload_config(UploadConfig {
        multipart_threshold: 6 << 20,
        part_size: 5 << 20,
    });
    let bytes: Vec<u8> = (0..11_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 3])
        .collect();
    let body = Spool::from(bytes);
    store
        .put_if_changed(&key(), &body, &ObjectMeta::json(5, 1))
        .await
        .unwrap();
    let counts = store.requests();
    assert_eq!((counts.put, counts.put_part, counts.complete), (0, 3, 1));
    let verified = store.verify(&key()).await.unwrap().unwrap();
    assert_eq!((verified.hash, verified.bytes), (body.sha256(), 11_000_000));
    assert_eq!(
        (verified.recorded_hash, verified.generation),
        (Some(body.sha256()), Some(5))
    );
    let again = store
        .put_if_changed(&key(), &body, &ObjectMeta::json(6, 1))
        .await
        .unwrap();
    assert!(!again.is_uploaded());
}

async fn an_aborted_upload_leaves_the_old_object(bucket: TestBucket, _: Backend, _: Server) {
    bucket.store.put(&path(), "old".into()).await.unwrap();
    let mut upload = bucket.store.put_multipart(&path()).await.unwrap();
    upload.put_part(vec![0; 5 << 20].into()).await.unwrap();
    assert_eq!(
        bucket
            .store
            .get(&path())
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
        "old"
    );
    upload.abort().await.unwrap();
    assert_eq!(
        bucket
            .store
            .get(&path())
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
        "old"
    );
}

async fn wrong_secret(bucket: TestBucket, backend: Backend, _: Server) {
    let config = SpacesConfig {
        secret_key: "wrong".into(),
        ..without_retries(&bucket.config)
    };
    let store = Store::new(open(backend, &config));
    let body = Spool::from(b"{}".to_vec());
    let put = store
        .put_if_changed(&key(), &body, &ObjectMeta::json(1, 1))
        .await;
    assert!(
        matches!(&put, Err(Error::WrongCredentials { code }) if code == "SignatureDoesNotMatch"),
        "{put:?}"
    );
    let read = store.read(&key()).await;
    assert!(
        matches!(read, Err(Error::WrongCredentials { .. })),
        "{read:?}"
    );
    let deleted = store.delete_prefix(&ShopPrefix::new("a").unwrap()).await;
    assert!(
        matches!(deleted, Err(Error::WrongCredentials { .. })),
        "{deleted:?}"
    );
}

async fn unknown_access_key(bucket: TestBucket, backend: Backend, _: Server) {
    let config = SpacesConfig {
        access_key: "unknown-key".into(),
        ..without_retries(&bucket.config)
    };
    let compared = Store::new(open(backend, &config))
        .compare(&key(), &Spool::from(vec![]))
        .await;
    assert!(
        matches!(&compared, Err(Error::WrongCredentials { code }) if code == "InvalidAccessKeyId"),
        "{compared:?}"
    );
}

async fn wrong_bucket(bucket: TestBucket, backend: Backend, _: Server) {
    let config = SpacesConfig {
        bucket: "no-such-bucket".to_owned(),
        ..without_retries(&bucket.config)
    };
    let store = Store::new(open(backend, &config));
    let body = Spool::from(b"{}".to_vec());
    let put = store
        .put_if_changed(&key(), &body, &ObjectMeta::json(1, 1))
        .await;
    assert!(
        matches!(&put, Err(Error::NoSuchBucket { bucket }) if bucket == "no-such-bucket"),
        "{put:?}"
    );
}

async fn connection_refused(bucket: TestBucket, backend: Backend, _: Server) {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let config = SpacesConfig {
        endpoint: Url::parse(&format!("http://{address}")).unwrap(),
        ..without_retries(&bucket.config)
    };
    let read = Store::new(open(backend, &config)).read(&key()).await;
    assert!(
        matches!(
            read,
            Err(Error::Transport {
                kind: TransportKind::Connect,
                ..
            })
        ),
        "{read:?}"
    );
}

async fn capabilities(bucket: TestBucket, _: Backend, _: Server) {
    let found = spaces_store::probe(bucket.store.clone()).await.unwrap();
    assert!(
        found.metadata && found.conditional_create && found.conditional_update,
        "{found:?}"
    );
}

async fn unquoted_if_match(bucket: TestBucket, _: Backend, _: Server) {
    bucket.store.put(&path(), "1".into()).await.unwrap();
    let head = GetOptions::new().with_head(true);
    let tag = bucket
        .store
        .get_opts(&path(), head)
        .await
        .unwrap()
        .meta
        .e_tag
        .unwrap();
    assert!(tag.starts_with('"'), "{tag}");
    let update = |e_tag: &str| {
        PutOptions::from(PutMode::Update(UpdateVersion {
            e_tag: Some(e_tag.to_owned()),
            version: None,
        }))
    };
    bucket
        .store
        .put_opts(&path(), "2".into(), update(&tag))
        .await
        .unwrap();
    let stale = bucket
        .store
        .put_opts(&path(), "3".into(), update(&tag))
        .await;
    assert!(
        matches!(stale, Err(object_store::Error::Precondition { .. })),
        "{stale:?}"
    );
    assert_eq!(
        bucket
            .store
            .get(&path())
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
        "2"
    );
}

async fn keys_with_special_characters(bucket: TestBucket, _: Backend, _: Server) {
    let keys = [
        "space in name/a+b c%20d.json",
        "ümlaut/日本/🙀.json",
        "signs/=&?#;,:@'()*!~$.json",
        "quotes/\"<>&.json",
        "percent/%2F%zz.json",
    ];
    for text in keys {
        let key = Path::parse(text).unwrap();
        bucket
            .store
            .put(&key, text.to_owned().into())
            .await
            .unwrap();
        assert_eq!(
            bucket.store.get(&key).await.unwrap().bytes().await.unwrap(),
            text
        );
        let copy = Path::parse(format!("copy/{text}")).unwrap();
        bucket.store.copy(&key, &copy).await.unwrap();
        assert_eq!(
            bucket.store.head(&copy).await.unwrap().size,
            text.len() as u64
        );
        bucket.store.delete(&copy).await.unwrap();
    }
    let mut listed: Vec<_> = bucket
        .store
        .list(None)
        .map_ok(|o| o.location.to_string())
        .try_collect()
        .await
        .unwrap();
    let mut expected: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    let all = bucket.store.list(None).map_ok(|o| o.location).boxed();
    let deleted: Vec<_> = bucket.store.delete_stream(all).try_collect().await.unwrap();
    assert_eq!(deleted.len(), keys.len());
}

async fn deleting_a_shop_leaves_other_shops(bucket: TestBucket, _: Backend, _: Server) {
    let store = Store::new(bucket.store.clone());
    let body = Spool::from(b"{}".to_vec());
    for shop in ["a.myshopify.com", "a.myshopify.com.au", "b.myshopify.com"] {
        let key = SnapshotKey::single(&ShopPrefix::new(shop).unwrap());
        store
            .put_if_changed(&key, &body, &ObjectMeta::json(1, 1))
            .await
            .unwrap();
    }
    let shop = ShopPrefix::new("a.myshopify.com").unwrap();
    assert_eq!(store.delete_prefix(&shop).await.unwrap(), 1);
    assert_eq!(store.delete_prefix(&shop).await.unwrap(), 0);
    let left = SnapshotKey::single(&ShopPrefix::new("a.myshopify.com.au").unwrap());
    assert!(store.verify(&left).await.unwrap().is_some());
}

/// Rusoto only: `AwsBackend` takes no clock.
async fn skewed_clock(server: Server) {
    let Some(bucket) = TestBucket::new(Backend::Rusoto, server, "skewed_clock").await else {
        return;
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "deliberately wrong, against a server with the system clock"
    )]
    let clock = SigningClock::new(|| Utc::now() - TimeDelta::hours(1));
    let config = SpacesConfig {
        clock,
        ..without_retries(&bucket.config)
    };
    let store = Store::new(open(Backend::Rusoto, &config));
    let put = store
        .put_if_changed(
            &key(),
            &Spool::from(b"{}".to_vec()),
            &ObjectMeta::json(1, 1),
        )
        .await;
    let Err(Error::ClockSkewed { store_ahead }) = put else {
        panic!("{put:?}");
    };
    if let Some(ahead) = store_ahead {
        assert!(
            (ahead - TimeDelta::hours(1)).abs() < TimeDelta::minutes(1),
            "{ahead}"
        );
    }
    let checked = config.check().await;
    assert!(
        matches!(checked, Err(Error::ClockSkewed { .. })),
        "{checked:?}"
    );
    bucket.config.check().await.unwrap();
}

#[tokio::test]
async fn skewed_clock_embedded() {
    skewed_clock(Server::Embedded).await;
}

#[tokio::test]
async fn skewed_clock_on_ceph() {
    skewed_clock(Server::Ceph).await;
}

/// Ceph only: the embedded server lets several creates succeed.
async fn racing_creates(backend: Backend) {
    let Some(bucket) = TestBucket::new(backend, Server::Ceph, "racing_creates").await else {
        return;
    };
    for round in 0..10 {
        let path = Path::from(format!("race/{round}"));
        let writers = (0..16).map(|writer| {
            let (store, path) = (Arc::clone(&bucket.store), path.clone());
            tokio::spawn(async move {
                let body = format!("writer {writer}").into();
                store.put_opts(&path, body, PutMode::Create.into()).await
            })
        });
        let outcomes = join_all(writers).await;
        let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        let winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(winners, 1, "{outcomes:?}");
        let exists =
            |o: &&Result<_, _>| matches!(o, Err(object_store::Error::AlreadyExists { .. }));
        assert_eq!(outcomes.iter().filter(exists).count(), 15, "{outcomes:?}");
        let winner = outcomes.iter().position(Result::is_ok).unwrap();
        let bytes = bucket
            .store
            .get(&path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(bytes, format!("writer {winner}"));
    }
}

#[tokio::test]
async fn racing_creates_rusoto() {
    racing_creates(Backend::Rusoto).await;
}

#[tokio::test]
async fn racing_creates_aws() {
    racing_creates(Backend::Aws).await;
}

async fn untrusted_certificate(backend: Backend) {
    let Some(bucket) = TestBucket::new(backend, Server::CephTls, "untrusted").await else {
        return;
    };
    let config = SpacesConfig {
        root_certificate_pem: None,
        ..bucket.config.clone()
    };
    let read = Store::new(open(backend, &config)).read(&key()).await;
    assert!(
        matches!(
            read,
            Err(Error::Transport {
                kind: TransportKind::Tls,
                ..
            })
        ),
        "{read:?}"
    );
}

#[tokio::test]
async fn untrusted_certificate_rusoto() {
    untrusted_certificate(Backend::Rusoto).await;
}

#[tokio::test]
async fn untrusted_certificate_aws() {
    untrusted_certificate(Backend::Aws).await;
}

/// Needs a resolver that follows RFC 6761 (`*.localhost` is loopback). `scripts/rgw.sh` sets `rgw_dns_name` to `localhost`.
async fn virtual_host(backend: Backend) {
    let Some(bucket) = TestBucket::new(backend, Server::Ceph, "virtual_host").await else {
        return;
    };
    let name = (format!("{}.localhost", bucket.config.bucket), 80);
    if std::net::ToSocketAddrs::to_socket_addrs(&name).is_err() {
        skipped("this system does not resolve names below localhost");
        return;
    }
    let mut endpoint = bucket.config.endpoint.clone();
    endpoint.set_host(Some("localhost")).unwrap();
    let config = SpacesConfig {
        endpoint,
        addressing: Addressing::VirtualHost,
        ..bucket.config.clone()
    };
    let store = Store::new(open(backend, &config));
    let body = Spool::from(b"{}".to_vec());
    store
        .put_if_changed(&key(), &body, &ObjectMeta::json(1, 1))
        .await
        .unwrap();
    let by_path = Store::new(bucket.store.clone());
    assert_eq!(
        by_path.compare(&key(), &body).await.unwrap(),
        Comparison::Same
    );
    assert_eq!(
        store
            .delete_prefix(&ShopPrefix::new("example.myshopify.com").unwrap())
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn virtual_host_rusoto() {
    virtual_host(Backend::Rusoto).await;
}

#[tokio::test]
async fn virtual_host_aws() {
    virtual_host(Backend::Aws).await;
}
