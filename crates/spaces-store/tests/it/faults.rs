//! Tests retries and errors with faults injected into the embedded server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use http::Method;
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use spaces_store::embedded::{Effect, Fault};
use spaces_store::error::TransportKind;
use spaces_store::{
    Comparison, ContentHash, Error, ObjectKey, ObjectMeta, PutOutcome, RetryConfig, ShopPrefix,
    SigningClock, SnapshotKey, SpacesConfig, Spool, Store, Timeouts, UploadConfig,
};

use crate::bucket::{Backend, Server, TestBucket, open};

const BACKENDS: [Backend; 2] = [Backend::Rusoto, Backend::Aws];

async fn test_bucket(backend: Backend) -> TestBucket {
    let bucket = TestBucket::new(backend, Server::Embedded, "fault")
        .await
        .unwrap();
    bucket.server().clear_requests();
    bucket
}

/// Settings with retries after a few milliseconds.
fn with_short_retries(config: &SpacesConfig) -> SpacesConfig {
    SpacesConfig {
        retry: RetryConfig {
            max_retries: 3,
            base: Duration::from_millis(1),
            max: Duration::from_millis(5),
            budget: Duration::from_secs(20),
        },
        ..config.clone()
    }
}

fn without_retries(config: &SpacesConfig) -> SpacesConfig {
    SpacesConfig {
        retry: RetryConfig::never(),
        ..config.clone()
    }
}

fn key() -> ObjectKey {
    SnapshotKey::single(&ShopPrefix::new("example.myshopify.com").unwrap())
}

fn path() -> Path {
    Path::from(key().as_str())
}

fn meta() -> ObjectMeta {
    ObjectMeta::json(1, 1)
}

fn large_body() -> Spool {
    Spool::from(vec![b'x'; 2 << 20])
}

/// Statuses of all PUTs; `None` for a reset connection.
fn puts(bucket: &TestBucket) -> Vec<Option<u16>> {
    let requests = bucket.server().requests().into_iter();
    let puts = requests.filter(|request| request.method == Method::PUT);
    puts.map(|request| request.status).collect()
}

#[tokio::test]
async fn slow_down_is_retried() {
    for backend in BACKENDS {
        let bucket = test_bucket(backend).await;
        bucket
            .server()
            .add_fault(Fault::new(Effect::slow_down()).on(Method::PUT).times(2));
        let store = Store::new(open(backend, &with_short_retries(&bucket.config)));
        let put = store
            .put_if_changed(&key(), &large_body(), &meta())
            .await
            .unwrap();
        assert!(put.is_uploaded());
        assert_eq!(
            puts(&bucket),
            [Some(503), Some(503), Some(200)],
            "{backend:?}"
        );
        assert_eq!(store.requests().put, 1, "retries do not count");
        assert!(store.verify(&key()).await.unwrap().unwrap().is_intact());
    }
}

#[tokio::test]
async fn every_attempt_is_signed_again() {
    let bucket = test_bucket(Backend::Rusoto).await;
    bucket
        .server()
        .add_fault(Fault::new(Effect::slow_down()).on(Method::PUT).times(2));
    let clock_reads = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&clock_reads);
    #[expect(
        clippy::disallowed_methods,
        reason = "the server uses the system clock too"
    )]
    let clock = SigningClock::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Utc::now()
    });
    let config = SpacesConfig {
        clock,
        ..with_short_retries(&bucket.config)
    };
    open(Backend::Rusoto, &config)
        .put(&path(), "{}".into())
        .await
        .unwrap();
    assert_eq!(clock_reads.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn endless_throttling_is_reported() {
    for backend in BACKENDS {
        let bucket = test_bucket(backend).await;
        bucket
            .server()
            .add_fault(Fault::new(Effect::slow_down()).on(Method::PUT).times(100));
        let store = Store::new(open(backend, &with_short_retries(&bucket.config)));
        let put = store.put_if_changed(&key(), &large_body(), &meta()).await;
        assert!(matches!(put, Err(Error::Throttled { .. })), "{put:?}");
        assert!(put.unwrap_err().is_retryable());
        assert_eq!(puts(&bucket).len(), 4, "{backend:?}");
    }
}

#[tokio::test]
async fn retry_after_is_respected() {
    let bucket = test_bucket(Backend::Rusoto).await;
    let slow_down_for = |seconds| {
        let effect = Effect::ErrorResponse {
            status: 503,
            code: "SlowDown",
            retry_after: Some(Duration::from_secs(seconds)),
        };
        Fault::new(effect).on(Method::PUT)
    };
    let store = Store::new(open(Backend::Rusoto, &with_short_retries(&bucket.config)));

    bucket.server().add_fault(slow_down_for(1));
    let began = Instant::now();
    store
        .put_if_changed(&key(), &large_body(), &meta())
        .await
        .unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));

    bucket.server().add_fault(slow_down_for(3600));
    bucket.server().clear_requests();
    let other = Spool::from(b"{}".to_vec());
    let put = store.put_if_changed(&key(), &other, &meta()).await;
    let clock_reads = Some(Duration::from_hours(1));
    assert!(
        matches!(&put, Err(error) if error.retry_after() == clock_reads),
        "{put:?}"
    );
    assert_eq!(puts(&bucket), [Some(503)], "no retry after the budget");
}

#[tokio::test]
async fn a_truncated_upload_leaves_the_old_object() {
    for backend in BACKENDS {
        let bucket = test_bucket(backend).await;
        let old = Spool::from(b"{\"old\":1}".to_vec());
        let store = Store::new(open(backend, &without_retries(&bucket.config)));
        store.put_if_changed(&key(), &old, &meta()).await.unwrap();

        let cut = Effect::TruncateRequest { after: 100_000 };
        bucket
            .server()
            .add_fault(Fault::new(cut.clone()).on(Method::PUT));
        let put = store.put_if_changed(&key(), &large_body(), &meta()).await;
        assert!(
            matches!(
                put,
                Err(Error::Transport {
                    kind: TransportKind::Broken,
                    ..
                })
            ),
            "{put:?}"
        );
        let verified = store.verify(&key()).await.unwrap().unwrap();
        assert_eq!((verified.hash, verified.bytes), (old.sha256(), old.len()));

        bucket.server().add_fault(Fault::new(cut).on(Method::PUT));
        let retrying = Store::new(open(backend, &with_short_retries(&bucket.config)));
        let put = retrying
            .put_if_changed(&key(), &large_body(), &meta())
            .await
            .unwrap();
        assert!(
            matches!(put, PutOutcome::Uploaded { replaced: true, .. }),
            "{put:?}"
        );
        assert_eq!(
            store.verify(&key()).await.unwrap().unwrap().hash,
            large_body().sha256()
        );
    }
}

#[tokio::test]
async fn a_put_with_a_lost_response_is_retried() {
    for backend in BACKENDS {
        for effect in [Effect::LoseResponse, Effect::ErrorAfterSuccess] {
            let bucket = test_bucket(backend).await;
            bucket
                .server()
                .add_fault(Fault::new(effect).on(Method::PUT));
            let store = Store::new(open(backend, &with_short_retries(&bucket.config)));
            store
                .put_if_changed(&key(), &large_body(), &meta())
                .await
                .unwrap();
            assert_eq!(puts(&bucket).len(), 2, "{backend:?}");
            assert_eq!(
                store.compare(&key(), &large_body()).await.unwrap(),
                Comparison::Same
            );
        }
    }
}

#[tokio::test]
async fn a_create_with_a_lost_response_recognises_its_own_object() {
    let recorded = Attributes::from_iter([(
        Attribute::Metadata("sha256".into()),
        ContentHash::of(b"mine").to_string(),
    )]);
    for attributes in [recorded, Attributes::new()] {
        for effect in [Effect::LoseResponse, Effect::ErrorAfterSuccess] {
            let bucket = test_bucket(Backend::Rusoto).await;
            let store = open(Backend::Rusoto, &with_short_retries(&bucket.config));
            bucket
                .server()
                .add_fault(Fault::new(effect.clone()).on(Method::PUT));
            let create = || PutOptions {
                mode: PutMode::Create,
                attributes: attributes.clone(),
                ..PutOptions::default()
            };
            let created = store
                .put_opts(&path(), "mine".into(), create())
                .await
                .unwrap();
            assert!(created.e_tag.is_some());
            assert_eq!(
                puts(&bucket).last(),
                Some(&Some(412)),
                "the second attempt met the first one's object"
            );

            bucket
                .server()
                .add_fault(Fault::new(effect).on(Method::PUT));
            let other_create = PutOptions {
                mode: PutMode::Create,
                ..PutOptions::default()
            };
            let result = store.put_opts(&path(), "theirs".into(), other_create).await;
            let exists = matches!(result, Err(object_store::Error::AlreadyExists { .. }));
            assert!(exists, "{result:?}");
            assert_eq!(
                store.get(&path()).await.unwrap().bytes().await.unwrap(),
                "mine"
            );
        }
    }
}

async fn a_stalled_store_times_out(backend: Backend) {
    let bucket = test_bucket(backend).await;
    let timeouts = Timeouts {
        read: Duration::from_secs(1),
        request: Duration::from_secs(1),
        ..Timeouts::default()
    };
    let short = |config: SpacesConfig| SpacesConfig { timeouts, ..config };
    let store = Store::new(open(backend, &short(without_retries(&bucket.config))));
    let body = Spool::from(b"{}".to_vec());
    for method in [Method::HEAD, Method::PUT] {
        bucket
            .server()
            .add_fault(Fault::new(Effect::Stall).on(method));
        let put = store.put_if_changed(&key(), &body, &meta()).await;
        assert!(
            matches!(
                put,
                Err(Error::Transport {
                    kind: TransportKind::Timeout,
                    ..
                })
            ),
            "{put:?}"
        );
    }
    bucket
        .server()
        .add_fault(Fault::new(Effect::Stall).on(Method::PUT));
    let retrying = Store::new(open(backend, &short(with_short_retries(&bucket.config))));
    retrying
        .put_if_changed(&key(), &body, &meta())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stalled_store_times_out_rusoto() {
    a_stalled_store_times_out(Backend::Rusoto).await;
}

#[tokio::test]
async fn a_stalled_store_times_out_aws() {
    a_stalled_store_times_out(Backend::Aws).await;
}

#[tokio::test]
async fn a_truncated_response_is_an_error() {
    for backend in BACKENDS {
        let bucket = test_bucket(backend).await;
        bucket
            .store
            .put(&path(), Bytes::from(vec![b'x'; 2 << 20]).into())
            .await
            .unwrap();
        let store = Store::new(open(backend, &without_retries(&bucket.config)));
        bucket.server().add_fault(
            Fault::new(Effect::TruncateResponse { after: 1000 })
                .on(Method::GET)
                .times(9),
        );
        let compared = store.compare(&key(), &large_body()).await;
        assert!(
            matches!(compared, Err(Error::Transport { .. })),
            "{backend:?} {compared:?}"
        );
        let verified = store.verify(&key()).await;
        assert!(
            matches!(verified, Err(Error::Transport { .. })),
            "{backend:?} {verified:?}"
        );
    }
}

#[tokio::test]
async fn a_truncated_listing_is_retried() {
    let bucket = test_bucket(Backend::Rusoto).await;
    let store = Store::new(open(Backend::Rusoto, &with_short_retries(&bucket.config)));
    store
        .put_if_changed(&key(), &large_body(), &meta())
        .await
        .unwrap();
    bucket
        .server()
        .add_fault(Fault::new(Effect::TruncateResponse { after: 30 }).on(Method::GET));
    let shop = ShopPrefix::new("example.myshopify.com").unwrap();
    assert_eq!(store.delete_prefix(&shop).await.unwrap(), 1);
}

fn multipart_store(bucket: &TestBucket, backend: Backend) -> Store {
    let config = UploadConfig {
        multipart_threshold: 1,
        part_size: 5 << 20,
    };
    Store::new(open(backend, &with_short_retries(&bucket.config))).with_upload_config(config)
}

fn multipart_body() -> Spool {
    Spool::from(vec![b'y'; 11 << 20])
}

#[tokio::test]
async fn failed_parts_are_retried() {
    for backend in BACKENDS {
        let bucket = test_bucket(backend).await;
        for effect in [
            Effect::slow_down(),
            Effect::TruncateRequest { after: 9000 },
            Effect::LoseResponse,
        ] {
            bucket
                .server()
                .add_fault(Fault::new(effect).on(Method::PUT).at("partNumber=2"));
        }
        let store = multipart_store(&bucket, backend);
        store
            .put_if_changed(&key(), &multipart_body(), &meta())
            .await
            .unwrap();
        assert_eq!(puts(&bucket).len(), 6, "{backend:?}");
        let verified = store.verify(&key()).await.unwrap().unwrap();
        assert_eq!(verified.hash, multipart_body().sha256());
    }
}

#[tokio::test]
async fn a_completion_with_a_lost_response_recognises_its_own_object() {
    for effect in [Effect::LoseResponse, Effect::ErrorAfterSuccess] {
        let bucket = test_bucket(Backend::Rusoto).await;
        bucket
            .server()
            .add_fault(Fault::new(effect).on(Method::POST).at("uploadId="));
        let store = multipart_store(&bucket, Backend::Rusoto);
        store
            .put_if_changed(&key(), &multipart_body(), &meta())
            .await
            .unwrap();
        assert_eq!(
            store.verify(&key()).await.unwrap().unwrap().hash,
            multipart_body().sha256()
        );
    }
}

#[tokio::test]
async fn a_denied_multipart_upload_is_aborted() {
    for backend in BACKENDS {
        let bucket = test_bucket(backend).await;
        let old = Spool::from(b"{}".to_vec());
        let store = multipart_store(&bucket, backend);
        bucket.store.put(&path(), "{}".into()).await.unwrap();
        let denied = Effect::ErrorResponse {
            status: 403,
            code: "QuotaExceeded",
            retry_after: None,
        };
        bucket
            .server()
            .add_fault(Fault::new(denied).on(Method::PUT).at("partNumber=3"));
        let put = store
            .put_if_changed(&key(), &multipart_body(), &meta())
            .await;
        assert!(
            matches!(&put, Err(Error::AccessDenied { code }) if code == "QuotaExceeded"),
            "{put:?}"
        );
        assert_eq!(store.requests().abort, 1);
        assert_eq!(bucket.server().count(&Method::DELETE), 1);
        assert_eq!(store.compare(&key(), &old).await.unwrap(), Comparison::Same);
    }
}
