//! Tests starting, watching and cancelling bulk operations.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::join_all;
use serde_json::json;
use shopify_client::bulk::{BulkError, BulkOptions, BulkStatus};
use shopify_client::transport::{
    ResponseBody, ScriptedResponse, ScriptedTransport, Transport, TransportError,
};
use shopify_client::{Client, Error, Gid, ShopClient, ShopDomain, StaticToken};

use crate::bulk_catalog::{Export, SHOPIFY_FORMAT};
use crate::bulk_shop::{Shop, Start, quick};

const QUERY: &str = "{\n  products { edges { node { id } } }\n}";

fn empty() -> Export {
    Export::grouped(&[], SHOPIFY_FORMAT)
}

fn id(number: u64) -> Gid {
    Gid::new("BulkOperation", number)
}

fn bulk_error<T: std::fmt::Debug>(result: Result<T, Error>) -> BulkError {
    match result {
        Err(Error::Bulk(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_operation_is_polled_until_it_has_completed() {
    let shop = Shop::with_products(empty()).await;
    shop.state().statuses = vec!["CREATED", "RUNNING", "RUNNING", "COMPLETED"];
    let done = shop.client(quick()).bulk().run(QUERY).await.unwrap();
    assert_eq!(done.status, BulkStatus::Completed);
    let state = shop.state();
    assert_eq!(
        state
            .requested_operations
            .iter()
            .filter(|name| *name == "BulkOperationById")
            .count(),
        4
    );
    let query = &state.operations[0].query;
    assert!(
        query.starts_with("# test/app; run ") && query.ends_with(QUERY),
        "{query}"
    );
}

#[tokio::test]
async fn each_end_without_a_result_has_its_own_error() {
    for (end, code) in [
        ("FAILED", Some("TIMEOUT")),
        ("FAILED", None),
        ("CANCELED", None),
        ("EXPIRED", None),
    ] {
        let shop = Shop::with_products(empty()).await;
        shop.state().statuses = vec!["RUNNING", "CANCELING", end];
        shop.state().error_code = code;
        let error = bulk_error(shop.client(quick()).bulk().run(QUERY).await);
        match (end, &error) {
            ("FAILED", BulkError::Failed { code: found, .. }) => {
                assert_eq!(found.as_deref(), code);
            }
            ("CANCELED", BulkError::Canceled { .. }) | ("EXPIRED", BulkError::Expired { .. }) => {}
            _ => panic!("{end}: {error}"),
        }
    }
}

#[tokio::test]
async fn denied_and_rejected_queries_are_different_errors() {
    let shop = Shop::with_products(empty()).await;
    let bulk = shop.client(quick()).bulk();
    shop.state().starts.push_back(Start::Denied);
    let error = bulk_error(bulk.run(QUERY).await);
    assert!(
        matches!(&error, BulkError::Unavailable { message } if message.contains("not approved"))
    );
    shop.state().starts.push_back(Start::UserError("INVALID"));
    assert!(matches!(
        bulk_error(bulk.run(QUERY).await),
        BulkError::Rejected { .. }
    ));
    shop.state()
        .starts
        .push_back(Start::UserError("SOMETHING_NEW"));
    assert!(matches!(
        bulk_error(bulk.run(QUERY).await),
        BulkError::Rejected { .. }
    ));
}

#[tokio::test]
async fn a_start_waits_for_a_free_slot_up_to_a_limit() {
    for code in ["LIMIT_REACHED", "OPERATION_IN_PROGRESS"] {
        let shop = Shop::with_products(empty()).await;
        shop.state().starts.extend(vec![Start::UserError(code); 3]);
        shop.client(quick()).bulk().run(QUERY).await.unwrap();
        shop.state()
            .starts
            .extend(vec![Start::UserError(code); 100_000]);
        let error = bulk_error(shop.client(quick()).bulk().run(QUERY).await);
        assert!(matches!(error, BulkError::Busy), "{error}");
    }
}

#[tokio::test]
async fn a_lost_response_does_not_start_an_operation_twice() {
    let shop = Shop::with_products(empty()).await;
    shop.state().starts.push_back(Start::Lost);
    shop.client(quick()).bulk().run(QUERY).await.unwrap();
    assert_eq!(shop.state().operations.len(), 1);
    shop.state().starts.push_back(Start::Broken);
    shop.client(quick()).bulk().run(QUERY).await.unwrap();
    assert_eq!(shop.state().operations.len(), 2);
    shop.state().starts.extend(vec![Start::Broken; 3]);
    let error = shop.client(quick()).bulk().run(QUERY).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error}");
    assert_eq!(shop.state().operations.len(), 2);
}

#[tokio::test]
async fn five_operations_run_at_a_time_and_others_wait() {
    let shop = Shop::with_products(empty()).await;
    shop.state().statuses = vec!["RUNNING", "RUNNING", "RUNNING", "COMPLETED"];
    let client = shop.client(quick());
    let runs = (0..17).map(|_| {
        let bulk = client.bulk();
        async move { bulk.run(QUERY).await }
    });
    for done in join_all(runs).await {
        done.unwrap();
    }
    let state = shop.state();
    assert_eq!((state.max_concurrent, state.operations.len()), (5, 17));
    let starts = state
        .requested_operations
        .iter()
        .filter(|name| *name == "BulkOperationRun");
    assert_eq!(starts.count(), 17, "none was rejected");
}

#[tokio::test]
async fn operations_of_other_programs_are_not_cancelled() {
    let shop = Shop::with_products(empty()).await;
    let foreign = shop.add(
        "# test/application; run 1\n{ products { edges { node { id } } } }",
        &["RUNNING"],
    );
    let own = shop.add(
        "# test/app; run 1\n{ products { edges { node { id } } } }",
        &["RUNNING"],
    );
    let bulk = shop.client(quick()).bulk();
    let found = bulk.own_operations().await.unwrap();
    assert_eq!(
        found.iter().map(|it| it.id.number()).collect::<Vec<_>>(),
        [own]
    );
    let error = bulk_error(bulk.cancel(&id(foreign)).await);
    assert!(matches!(error, BulkError::NotOwned { .. }), "{error}");
    let canceled = bulk.cancel(&id(own)).await.unwrap();
    assert_eq!(canceled.status, BulkStatus::Canceled);
    let canceled: Vec<bool> = shop
        .state()
        .operations
        .iter()
        .map(|it| it.canceled)
        .collect();
    assert_eq!(canceled, [false, true]);
    let error = bulk_error(bulk.operation(&id(99)).await);
    assert!(matches!(error, BulkError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn an_operation_that_never_ends_is_cancelled() {
    let shop = Shop::with_products(empty()).await;
    shop.state().statuses = vec!["RUNNING"];
    let options = BulkOptions {
        deadline: Duration::from_millis(50),
        ..quick()
    };
    let error = bulk_error(shop.client(options).bulk().run(QUERY).await);
    assert!(matches!(error, BulkError::TimedOut { .. }), "{error}");
    assert!(shop.state().operations[0].canceled);
}

#[tokio::test]
async fn a_completion_notification_ends_the_wait_at_once() {
    let shop = Shop::with_products(empty()).await;
    let options = BulkOptions {
        initial_poll_interval: Duration::from_hours(1),
        max_poll_interval: Duration::from_hours(1),
        ..quick()
    };
    let client = shop.client(options);
    let run = tokio::spawn({
        let bulk = client.bulk();
        async move { bulk.run(QUERY).await }
    });
    // Each notification causes a poll, whenever it comes.
    while !run.is_finished() {
        client.bulk().notify_finished();
        tokio::task::yield_now().await;
    }
    assert_eq!(run.await.unwrap().unwrap().status, BulkStatus::Completed);
}

/// A transport that notifies of the end of an operation before it returns the response to its start.
#[derive(Debug)]
struct EarlyNotifier {
    script: ScriptedTransport,
    shop: OnceLock<ShopClient>,
}

#[async_trait::async_trait]
impl Transport for EarlyNotifier {
    async fn send(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<ResponseBody>, TransportError> {
        let starts = request
            .body()
            .windows(16)
            .any(|text| text == b"BulkOperationRun");
        let response = self.script.send(request).await;
        if starts && let Some(shop) = self.shop.get() {
            shop.bulk().notify_finished();
        }
        response
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_before_the_response_to_the_start_is_not_missed() {
    let operation = json!({
        "id": "gid://shopify/BulkOperation/1", "status": "COMPLETED", "createdAt": "", "objectCount": "0",
        "rootObjectCount": "0",
    });
    let started = json!({ "bulkOperation": operation, "userErrors": [] });
    let script = ScriptedTransport::new();
    script
        .then(
            "BulkOperationRun",
            ScriptedResponse::data(json!({ "bulkOperationRunQuery": started })),
        )
        .always(
            "BulkOperationById",
            ScriptedResponse::data(json!({ "bulkOperation": operation })),
        );
    let notifier = Arc::new(EarlyNotifier {
        script: script.clone(),
        shop: OnceLock::new(),
    });
    let options = BulkOptions {
        initial_poll_interval: Duration::from_hours(1),
        max_poll_interval: Duration::from_hours(1),
        ..quick()
    };
    let transport = Arc::clone(&notifier);
    let client = Client::builder().transport(transport).bulk(options);
    let domain = ShopDomain::parse("example").unwrap();
    let token = Arc::new(StaticToken::new("token"));
    let shop = client.build().unwrap().shop(&domain, token);
    notifier.shop.set(shop.clone()).unwrap();

    let begin = tokio::time::Instant::now();
    let done = shop.bulk().run(QUERY).await.unwrap();
    // An operation whose notification came before the wait is polled in any case.
    let again = shop.bulk().wait(&done.id).await.unwrap();
    assert_eq!(again.status, BulkStatus::Completed);
    assert!(begin.elapsed() < Duration::from_mins(1));
    assert_eq!(script.finish().len(), 3);
}

#[tokio::test]
async fn an_operation_that_ends_frees_its_slot_at_once() {
    let shop = Shop::with_products(empty()).await;
    let options = BulkOptions {
        slot_timeout: Duration::from_hours(1),
        initial_poll_interval: Duration::from_hours(1),
        max_poll_interval: Duration::from_hours(1),
        ..quick()
    };
    shop.state()
        .starts
        .push_back(Start::UserError("LIMIT_REACHED"));
    let client = shop.client(options);
    let run = tokio::spawn({
        let bulk = client.bulk();
        async move { bulk.run(QUERY).await }
    });
    while !run.is_finished() {
        client.bulk().notify_finished();
        tokio::task::yield_now().await;
    }
    assert_eq!(run.await.unwrap().unwrap().status, BulkStatus::Completed);
}

#[test]
fn transient_errors_are_retryable_and_permanent_ones_are_not() {
    let id = || id(1);
    let failed = |code: Option<&str>| BulkError::Failed {
        id: id(),
        code: code.map(str::to_owned),
    };
    for (error, retryable) in [
        (failed(None), true),
        (failed(Some("TIMEOUT")), true),
        (failed(Some("ACCESS_DENIED")), false),
        (BulkError::Busy, true),
        (BulkError::Canceled { id: id() }, true),
        (BulkError::Changed, true),
        (
            BulkError::TempFile(std::io::ErrorKind::StorageFull.into()),
            true,
        ),
        (BulkError::InvalidLine { line: 1 }, true),
        (BulkError::NotOwned { id: id() }, false),
        (
            BulkError::Unavailable {
                message: String::new(),
            },
            false,
        ),
        (
            BulkError::Rejected {
                message: String::new(),
            },
            false,
        ),
        (BulkError::LineTooLong { line: 1, limit: 1 }, false),
    ] {
        let text = error.to_string();
        assert_eq!(Error::from(error).is_retryable(), retryable, "{text}");
    }
}

#[tokio::test]
async fn a_result_without_objects_has_no_file() {
    let shop = Shop::start().await;
    let bulk = shop.client(quick()).bulk();
    let done = bulk.run(QUERY).await.unwrap();
    assert_eq!(done.url, None);
    let bytes: Vec<_> = bulk.download(&done).try_collect().await.unwrap();
    assert!(bytes.is_empty());
    let products: Vec<_> = bulk.read_products(done).try_collect().await.unwrap();
    assert!(products.is_empty());
}
