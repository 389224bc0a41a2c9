//! Tests the download of result files: broken connections, ranges, wrong files and expired URLs.

use futures::TryStreamExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shopify_client::bulk::{Bulk, BulkError};
use shopify_client::{Error, ShopClient};

use crate::bulk_catalog::{Export, SHOPIFY_FORMAT, products};
use crate::bulk_shop::{Fetch, SECRET, Shop, quick};

fn export() -> Export {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    Export::grouped(&products(&mut random, 30), SHOPIFY_FORMAT)
}

async fn fetched(client: &ShopClient) -> Result<Vec<u8>, Error> {
    let bulk: Bulk = client.bulk();
    let done = bulk.run(&bulk.products_query()).await?;
    let chunks: Vec<_> = bulk.download(&done).try_collect().await?;
    Ok(chunks.concat())
}

fn bulk_error<T: std::fmt::Debug>(result: Result<T, Error>) -> BulkError {
    match result {
        Err(Error::Bulk(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_broken_download_is_resumed_where_it_broke() {
    let export = export();
    let shop = Shop::with_products(export.clone()).await;
    let cuts = [0, 1, 1000, 1, 5000, 7];
    shop.state().fetches.extend(cuts.map(Fetch::CutAfter));
    let bytes = fetched(&shop.client(quick())).await.unwrap();
    assert_eq!(bytes, export.text.as_bytes());
    let ranges: Vec<_> = shop.state().ranges.iter().flatten().cloned().collect();
    assert_eq!(
        ranges,
        [
            "bytes=1-",
            "bytes=1001-",
            "bytes=1002-",
            "bytes=6002-",
            "bytes=6009-"
        ]
    );
}

#[tokio::test]
async fn a_download_from_a_server_without_ranges_starts_again() {
    let export = export();
    let shop = Shop::with_products(export.clone()).await;
    let faults = [
        Fetch::CutAfter(3000),
        Fetch::Status(503),
        Fetch::WithoutRange,
    ];
    shop.state().fetches.extend(faults);
    assert_eq!(
        fetched(&shop.client(quick())).await.unwrap(),
        export.text.as_bytes()
    );
}

#[tokio::test]
async fn the_token_is_not_sent_and_errors_do_not_contain_the_url() {
    let shop = Shop::with_products(export()).await;
    shop.state().fetches.extend(vec![Fetch::CutAfter(0); 9]);
    let error = fetched(&shop.client(quick())).await.unwrap_err();
    let received = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
    assert!(
        !received.contains(SECRET) && !received.contains("/files/"),
        "{received}"
    );
    let headers = shop.state().file_headers.join("\n").to_lowercase();
    assert!(!headers.contains("token"), "{headers}");
    assert!(headers.contains("accept-encoding: identity"), "{headers}");
}

#[tokio::test]
async fn an_expired_url_has_its_own_error() {
    for status in [403, 404, 410] {
        let shop = Shop::with_products(export()).await;
        shop.state().fetches.push_back(Fetch::Status(status));
        let error = bulk_error(fetched(&shop.client(quick())).await);
        assert!(matches!(error, BulkError::UrlExpired { status: found } if found == status));
    }
    let shop = Shop::with_products(export()).await;
    shop.state().fetches.push_back(Fetch::Status(302));
    let error = bulk_error(fetched(&shop.client(quick())).await);
    assert!(matches!(error, BulkError::Download { .. }), "{error}");
}

#[tokio::test]
async fn a_file_of_another_length_is_rejected() {
    let export = export();
    let length = export.text.len();
    // The response is complete but short, so only the stated size shows the error.
    let shop = Shop::with_products(export.clone()).await;
    shop.state().fetches.push_back(Fetch::Short(length - 10));
    let error = bulk_error(fetched(&shop.client(quick())).await);
    assert!(
        matches!(error, BulkError::LengthMismatch { expected, found }
        if expected == length as u64 && found == length as u64 - 10)
    );
    // The file is longer than stated.
    let shop = Shop::with_products(export).await;
    shop.state().file_size = Some(10);
    let error = bulk_error(fetched(&shop.client(quick())).await);
    assert!(
        matches!(error, BulkError::LengthMismatch { expected: 10, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_changes_during_the_download_is_rejected() {
    let shop = Shop::with_products(export()).await;
    shop.state()
        .fetches
        .extend([Fetch::CutAfter(3000), Fetch::Changed]);
    let error = bulk_error(fetched(&shop.client(quick())).await);
    assert!(matches!(error, BulkError::Changed), "{error}");
}

#[tokio::test]
async fn a_download_that_keeps_failing_ends_with_an_error() {
    let shop = Shop::with_products(export()).await;
    shop.state().fetches.extend(vec![Fetch::Status(500); 3]);
    let error = bulk_error(fetched(&shop.client(quick())).await);
    assert!(matches!(&error, BulkError::Download { reason, .. } if reason.contains("500")));
    assert_eq!(shop.state().ranges.len(), 3);
}
