//! What a client has to survive, scripted on the embedded server.

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

use crate::bench::{Bench, Library, Server, open};

const LIBRARIES: [Library; 2] = [Library::Rusoto, Library::Aws];

async fn bench(library: Library) -> Bench {
    let bench = Bench::new(library, Server::Embedded, "fault")
        .await
        .unwrap();
    bench.server().clear_requests();
    bench
}

/// Retries without waiting long.
fn quick(config: &SpacesConfig) -> SpacesConfig {
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

fn impatient(config: &SpacesConfig) -> SpacesConfig {
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

fn big() -> Spool {
    Spool::from(vec![b'x'; 2 << 20])
}

/// Statuses of all PUTs; `None` for a cut connection.
fn puts(bench: &Bench) -> Vec<Option<u16>> {
    let requests = bench.server().requests().into_iter();
    let puts = requests.filter(|request| request.method == Method::PUT);
    puts.map(|request| request.status).collect()
}

#[tokio::test]
async fn slow_down_is_waited_out() {
    for library in LIBRARIES {
        let bench = bench(library).await;
        bench
            .server()
            .add_fault(Fault::new(Effect::slow_down()).on(Method::PUT).times(2));
        let store = Store::new(open(library, &quick(&bench.config)));
        let put = store.put_if_changed(&key(), &big(), &meta()).await.unwrap();
        assert!(put.is_uploaded());
        assert_eq!(
            puts(&bench),
            [Some(503), Some(503), Some(200)],
            "{library:?}"
        );
        assert_eq!(
            store.requests().put,
            1,
            "one call, however often it was repeated"
        );
        assert!(store.verify(&key()).await.unwrap().unwrap().is_intact());
    }
}

#[tokio::test]
async fn every_attempt_is_signed_anew() {
    let bench = bench(Library::Rusoto).await;
    bench
        .server()
        .add_fault(Fault::new(Effect::slow_down()).on(Method::PUT).times(2));
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    #[expect(
        clippy::disallowed_methods,
        reason = "the server has the real clock as well"
    )]
    let clock = SigningClock::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Utc::now()
    });
    let config = SpacesConfig {
        clock,
        ..quick(&bench.config)
    };
    open(Library::Rusoto, &config)
        .put(&path(), "{}".into())
        .await
        .unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn throttling_without_end_is_reported() {
    for library in LIBRARIES {
        let bench = bench(library).await;
        bench
            .server()
            .add_fault(Fault::new(Effect::slow_down()).on(Method::PUT).times(100));
        let store = Store::new(open(library, &quick(&bench.config)));
        let put = store.put_if_changed(&key(), &big(), &meta()).await;
        assert!(matches!(put, Err(Error::Throttled { .. })), "{put:?}");
        assert!(put.unwrap_err().is_retryable());
        assert_eq!(puts(&bench).len(), 4, "{library:?}");
    }
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let bench = bench(Library::Rusoto).await;
    let wait = |seconds| {
        let effect = Effect::ErrorResponse {
            status: 503,
            code: "SlowDown",
            retry_after: Some(Duration::from_secs(seconds)),
        };
        Fault::new(effect).on(Method::PUT)
    };
    let store = Store::new(open(Library::Rusoto, &quick(&bench.config)));

    bench.server().add_fault(wait(1));
    let began = Instant::now();
    store.put_if_changed(&key(), &big(), &meta()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));

    bench.server().add_fault(wait(3600));
    bench.server().clear_requests();
    let other = Spool::from(b"{}".to_vec());
    let put = store.put_if_changed(&key(), &other, &meta()).await;
    let asked = Some(Duration::from_hours(1));
    assert!(
        matches!(&put, Err(error) if error.retry_after() == asked),
        "{put:?}"
    );
    assert_eq!(
        puts(&bench),
        [Some(503)],
        "beyond the budget nothing is repeated"
    );
}

#[tokio::test]
async fn a_cut_upload_leaves_the_old_object() {
    for library in LIBRARIES {
        let bench = bench(library).await;
        let old = Spool::from(b"{\"old\":1}".to_vec());
        let store = Store::new(open(library, &impatient(&bench.config)));
        store.put_if_changed(&key(), &old, &meta()).await.unwrap();

        let cut = Effect::TruncateRequest { after: 100_000 };
        bench
            .server()
            .add_fault(Fault::new(cut.clone()).on(Method::PUT));
        let put = store.put_if_changed(&key(), &big(), &meta()).await;
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

        bench.server().add_fault(Fault::new(cut).on(Method::PUT));
        let patient = Store::new(open(library, &quick(&bench.config)));
        let put = patient
            .put_if_changed(&key(), &big(), &meta())
            .await
            .unwrap();
        assert!(
            matches!(put, PutOutcome::Uploaded { replaced: true, .. }),
            "{put:?}"
        );
        assert_eq!(
            store.verify(&key()).await.unwrap().unwrap().hash,
            big().sha256()
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_repeated() {
    for library in LIBRARIES {
        for effect in [Effect::LoseResponse, Effect::ErrorAfterSuccess] {
            let bench = bench(library).await;
            bench.server().add_fault(Fault::new(effect).on(Method::PUT));
            let store = Store::new(open(library, &quick(&bench.config)));
            store.put_if_changed(&key(), &big(), &meta()).await.unwrap();
            assert_eq!(puts(&bench).len(), 2, "{library:?}");
            assert_eq!(
                store.compare(&key(), &big()).await.unwrap(),
                Comparison::Same
            );
        }
    }
}

#[tokio::test]
async fn a_lost_create_finds_itself() {
    let recorded = Attributes::from_iter([(
        Attribute::Metadata("sha256".into()),
        ContentHash::of(b"mine").to_string(),
    )]);
    for attributes in [recorded, Attributes::new()] {
        for effect in [Effect::LoseResponse, Effect::ErrorAfterSuccess] {
            let bench = bench(Library::Rusoto).await;
            let store = open(Library::Rusoto, &quick(&bench.config));
            bench
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
                puts(&bench).last(),
                Some(&Some(412)),
                "the second attempt met the first one's object"
            );

            bench.server().add_fault(Fault::new(effect).on(Method::PUT));
            let foreign = PutOptions {
                mode: PutMode::Create,
                ..PutOptions::default()
            };
            let refused = store.put_opts(&path(), "theirs".into(), foreign).await;
            let exists = matches!(refused, Err(object_store::Error::AlreadyExists { .. }));
            assert!(exists, "{refused:?}");
            assert_eq!(
                store.get(&path()).await.unwrap().bytes().await.unwrap(),
                "mine"
            );
        }
    }
}

async fn a_stalled_store_is_given_up(library: Library) {
    let bench = bench(library).await;
    let timeouts = Timeouts {
        read: Duration::from_secs(1),
        request: Duration::from_secs(1),
        ..Timeouts::default()
    };
    let short = |config: SpacesConfig| SpacesConfig { timeouts, ..config };
    let store = Store::new(open(library, &short(impatient(&bench.config))));
    let body = Spool::from(b"{}".to_vec());
    for method in [Method::HEAD, Method::PUT] {
        bench
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
    bench
        .server()
        .add_fault(Fault::new(Effect::Stall).on(Method::PUT));
    let patient = Store::new(open(library, &short(quick(&bench.config))));
    patient
        .put_if_changed(&key(), &body, &meta())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stalled_store_is_given_up_by_rusoto() {
    a_stalled_store_is_given_up(Library::Rusoto).await;
}

#[tokio::test]
async fn a_stalled_store_is_given_up_by_aws() {
    a_stalled_store_is_given_up(Library::Aws).await;
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    for library in LIBRARIES {
        let bench = bench(library).await;
        bench
            .store
            .put(&path(), Bytes::from(vec![b'x'; 2 << 20]).into())
            .await
            .unwrap();
        let store = Store::new(open(library, &impatient(&bench.config)));
        bench.server().add_fault(
            Fault::new(Effect::TruncateResponse { after: 1000 })
                .on(Method::GET)
                .times(9),
        );
        let compared = store.compare(&key(), &big()).await;
        assert!(
            matches!(compared, Err(Error::Transport { .. })),
            "{library:?} {compared:?}"
        );
        let verified = store.verify(&key()).await;
        assert!(
            matches!(verified, Err(Error::Transport { .. })),
            "{library:?} {verified:?}"
        );
    }
}

#[tokio::test]
async fn a_cut_listing_is_repeated() {
    let bench = bench(Library::Rusoto).await;
    let store = Store::new(open(Library::Rusoto, &quick(&bench.config)));
    store.put_if_changed(&key(), &big(), &meta()).await.unwrap();
    bench
        .server()
        .add_fault(Fault::new(Effect::TruncateResponse { after: 30 }).on(Method::GET));
    let shop = ShopPrefix::new("example.myshopify.com").unwrap();
    assert_eq!(store.delete_prefix(&shop).await.unwrap(), 1);
}

fn in_parts(bench: &Bench, library: Library) -> Store {
    let config = UploadConfig {
        multipart_threshold: 1,
        part_size: 5 << 20,
    };
    Store::new(open(library, &quick(&bench.config))).with_upload_config(config)
}

fn parts() -> Spool {
    Spool::from(vec![b'y'; 11 << 20])
}

#[tokio::test]
async fn parts_survive_trouble() {
    for library in LIBRARIES {
        let bench = bench(library).await;
        for effect in [
            Effect::slow_down(),
            Effect::TruncateRequest { after: 9000 },
            Effect::LoseResponse,
        ] {
            bench
                .server()
                .add_fault(Fault::new(effect).on(Method::PUT).at("partNumber=2"));
        }
        let store = in_parts(&bench, library);
        store
            .put_if_changed(&key(), &parts(), &meta())
            .await
            .unwrap();
        assert_eq!(puts(&bench).len(), 6, "{library:?}");
        let verified = store.verify(&key()).await.unwrap().unwrap();
        assert_eq!(verified.hash, parts().sha256());
    }
}

#[tokio::test]
async fn a_lost_completion_finds_itself() {
    for effect in [Effect::LoseResponse, Effect::ErrorAfterSuccess] {
        let bench = bench(Library::Rusoto).await;
        bench
            .server()
            .add_fault(Fault::new(effect).on(Method::POST).at("uploadId="));
        let store = in_parts(&bench, Library::Rusoto);
        store
            .put_if_changed(&key(), &parts(), &meta())
            .await
            .unwrap();
        assert_eq!(
            store.verify(&key()).await.unwrap().unwrap().hash,
            parts().sha256()
        );
    }
}

#[tokio::test]
async fn a_hopeless_upload_is_aborted() {
    for library in LIBRARIES {
        let bench = bench(library).await;
        let old = Spool::from(b"{}".to_vec());
        let store = in_parts(&bench, library);
        bench.store.put(&path(), "{}".into()).await.unwrap();
        let denied = Effect::ErrorResponse {
            status: 403,
            code: "QuotaExceeded",
            retry_after: None,
        };
        bench
            .server()
            .add_fault(Fault::new(denied).on(Method::PUT).at("partNumber=3"));
        let put = store.put_if_changed(&key(), &parts(), &meta()).await;
        assert!(
            matches!(&put, Err(Error::AccessDenied { code }) if code == "QuotaExceeded"),
            "{put:?}"
        );
        assert_eq!(store.requests().abort, 1);
        assert_eq!(bench.server().count(&Method::DELETE), 1);
        assert_eq!(store.compare(&key(), &old).await.unwrap(), Comparison::Same);
    }
}
