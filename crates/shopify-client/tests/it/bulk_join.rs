//! Tests that lines in any order become the same objects as paging returns.

use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shopify_client::bulk::{BulkError, BulkOptions};
use shopify_client::model::Product;
use shopify_client::{Error, ShopClient};

use crate::bulk_catalog::{Export, LineFormat, SHOPIFY_FORMAT, product, product_lines, products};
use crate::bulk_shop::{Fetch, Shop, quick};

async fn read(client: &ShopClient) -> Result<Vec<Product>, Error> {
    let bulk = client.bulk();
    let done = bulk.run(&bulk.products_query()).await?;
    bulk.read_products(done).try_collect().await
}

fn written(products: &[Product]) -> Vec<String> {
    products
        .iter()
        .map(|product| serde_json::to_string(product).unwrap())
        .collect()
}

async fn read_lines(lines: &[String], options: BulkOptions) -> Result<Vec<Product>, Error> {
    let shop = Shop::with_products(Export::of(lines)).await;
    read(&shop.client(options)).await
}

fn bulk_error<T: std::fmt::Debug>(result: Result<T, Error>) -> BulkError {
    match result {
        Err(Error::Bulk(error)) => error,
        Err(Error::Unreadable { source, .. }) => bulk_error(Err::<T, _>(*source)),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lines_in_any_order_become_what_paging_returns(
        seed in any::<u64>(),
        count in 0u64..40,
        // From a few bytes, where every line goes to disk, to more than the size of the file.
        memory in prop_oneof![1usize..2_000, 2_000usize..60_000, Just(64 << 20)],
        by_item in any::<bool>(),
        shopify_order in any::<bool>(),
        shuffle in any::<bool>(),
        decoders in 1usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let nodes = products(&mut random, count);
            let grouped = Export::grouped(&nodes, LineFormat { by_item, shopify_order });
            let export = if shuffle { grouped.shuffled(&mut random) } else { grouped };
            let shop = Shop::with_products(export).await;
            shop.state().pages.insert("ProductsPage", nodes);
            let client = shop.client(BulkOptions { memory_limit: memory, decoder_threads: decoders, ..quick() });
            let paged: Vec<Product> = client.products().try_collect().await.unwrap();
            let read = read(&client).await.unwrap();
            prop_assert_eq!(written(&read), written(&paged));
            prop_assert_eq!(read.len() as u64, count);
            if !shuffle {
                let client = shop.client(BulkOptions { grouped: true, ..quick() });
                prop_assert_eq!(written(&self::read(&client).await.unwrap()), written(&paged));
                prop_assert!(shop.state().operations.last().unwrap().grouped);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_duplicate_object_is_returned_once() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let node = product(&mut random, 7, 3);
    let lines = product_lines(&node, SHOPIFY_FORMAT);
    let once = read_lines(&lines, quick()).await.unwrap();
    let twice = read_lines(&[lines.clone(), lines].concat(), quick())
        .await
        .unwrap();
    assert_eq!(twice, once);
}

#[tokio::test]
async fn other_spaces_and_line_ends_make_no_difference() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let node = product(&mut random, 7, 3);
    let lines = product_lines(&node, SHOPIFY_FORMAT);
    let spaced: Vec<String> = lines
        .iter()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let mut spaced = serde_json::to_string_pretty(&value)
                .unwrap()
                .replace('\n', " ");
            spaced.push('\r');
            spaced
        })
        .collect();
    let expected = read_lines(&lines, quick()).await.unwrap();
    let mut export = Export::of(&spaced);
    export.roots = 1;
    // No newline at the end of the file.
    export.text.pop();
    let shop = Shop::with_products(export).await;
    assert_eq!(read(&shop.client(quick())).await.unwrap(), expected);
}

#[tokio::test]
async fn invalid_lines_are_errors_that_name_the_problem() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let lines = product_lines(&product(&mut random, 7, 2), SHOPIFY_FORMAT);
    let with = |line: &str| [lines.clone(), vec![line.to_owned()]].concat();
    let error = |lines: Vec<String>| async move { bulk_error(read_lines(&lines, quick()).await) };

    let number = lines.len() as u64 + 1;
    for broken in [
        "{",
        "null",
        "[]",
        "{}",
        r#"{"id":"gid://shopify/Product/8""#,
        r#"{"id":"8"}"#,
    ] {
        let error = error(with(broken)).await;
        assert!(
            matches!(error, BulkError::InvalidLine { line } if line == number),
            "{broken}: {error}"
        );
    }
    let orphan = r#"{"id":"gid://shopify/Metafield/1","__parentId":"gid://shopify/Product/9"}"#;
    let found = error(with(orphan)).await;
    assert!(
        matches!(&found, BulkError::Orphan { parent } if parent == "Product 9"),
        "{found}"
    );
    let orphan =
        r#"{"id":"gid://shopify/InventoryLevel/1","__parentId":"gid://shopify/ProductVariant/9"}"#;
    let found = error(with(orphan)).await;
    assert!(matches!(&found, BulkError::Orphan { parent } if parent == "ProductVariant 9"));
    let other = r#"{"id":"gid://shopify/Order/1"}"#;
    assert!(matches!(
        error(with(other)).await,
        BulkError::UnexpectedKind { .. }
    ));
    let other = r#"{"id":"gid://shopify/Order/1","__parentId":"gid://shopify/Product/7"}"#;
    assert!(matches!(
        error(with(other)).await,
        BulkError::UnexpectedKind { .. }
    ));
    let misplaced =
        r#"{"id":"gid://shopify/Metafield/1","__parentId":"gid://shopify/ProductVariant/700"}"#;
    assert!(matches!(
        error(with(misplaced)).await,
        BulkError::UnexpectedKind { .. }
    ));

    // A wrong field: the error names the object and the path.
    let mut wrong = lines.clone();
    wrong[0] = wrong[0].replace(r#""isGiftCard":false"#, r#""isGiftCard":"no""#);
    let found = error(wrong).await;
    assert!(
        matches!(&found, BulkError::InvalidObject { id, path, .. } if id == "Product 7" && path == "isGiftCard"),
        "{found}"
    );
    let mut cut = lines.clone();
    cut[0] = cut[0].replace(r#""isGiftCard":false"#, r#""isGiftCard":"#);
    assert!(matches!(error(cut).await, BulkError::InvalidObject { .. }));
    let mut bare = lines.clone();
    let variant = bare
        .iter()
        .position(|line| line.contains("inventoryItem\":{\"id"))
        .unwrap();
    bare[variant] = bare[variant].replace("\"inventoryItem\":", "\"item\":");
    bare.truncate(variant + 1);
    let found = error(bare).await;
    assert!(matches!(&found, BulkError::InvalidObject { .. }), "{found}");
}

#[tokio::test]
async fn a_line_that_is_too_long_is_rejected() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let lines = product_lines(&product(&mut random, 7, 2), SHOPIFY_FORMAT);
    let longest = lines.iter().map(String::len).max().unwrap();
    let place = lines.iter().position(|line| line.len() == longest).unwrap() as u64 + 1;
    let limit = |max_line| BulkOptions {
        max_line,
        ..quick()
    };
    read_lines(&lines, limit(longest)).await.unwrap();
    let error = bulk_error(read_lines(&lines, limit(longest - 1)).await);
    assert!(
        matches!(error, BulkError::LineTooLong { line, limit } if line == place && limit == longest - 1)
    );
    // A line without end is not buffered beyond the limit.
    let endless = vec![format!("{{\"id\":\"{}", "x".repeat(1 << 20))];
    let error = bulk_error(read_lines(&endless, limit(1000)).await);
    assert!(
        matches!(error, BulkError::LineTooLong { line: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_with_wrong_counts_is_rejected() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let good = Export::grouped(&products(&mut random, 5), SHOPIFY_FORMAT);
    for (objects, roots, wrong) in [(1, 0, "objects"), (0, 1, "root objects")] {
        let mut export = good.clone();
        export.objects += objects;
        export.roots += roots;
        let shop = Shop::with_products(export).await;
        let error = bulk_error(read(&shop.client(quick())).await);
        assert!(
            matches!(error, BulkError::CountMismatch { what, .. } if what == wrong),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_missing_temp_dir_is_an_error() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let shop =
        Shop::with_products(Export::grouped(&products(&mut random, 20), SHOPIFY_FORMAT)).await;
    let options = BulkOptions {
        memory_limit: 1000,
        temp_dir: Some("/nowhere/at/all".into()),
        ..quick()
    };
    let error = bulk_error(read(&shop.client(options)).await);
    assert!(matches!(error, BulkError::TempFile(_)), "{error}");
}

/// Reads a grouped file. Returns the number of products and the error.
async fn read_grouped(shop: &Shop) -> (usize, Option<BulkError>) {
    let options = BulkOptions {
        grouped: true,
        max_line: 10_000,
        ..quick()
    };
    let bulk = shop.client(options).bulk();
    let done = bulk.run(&bulk.products_query()).await.unwrap();
    let mut products = bulk.read_products(done);
    let mut returned = 0;
    while let Some(product) = products.next().await {
        match product {
            Ok(_) => returned += 1,
            Err(Error::Bulk(error)) => return (returned, Some(error)),
            Err(other) => panic!("{other}"),
        }
    }
    (returned, None)
}

const CORRUPTIONS: [&str; 5] = ["again", "late", "long", "short", "more"];

#[tokio::test]
async fn a_grouped_file_is_read_during_its_download() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let nodes = products(&mut random, 2_000);
    let good = Export::grouped(&nodes, SHOPIFY_FORMAT);
    let shop = Shop::with_products(good.clone()).await;
    shop.state()
        .fetches
        .extend([300_000, 5, 400_000].map(Fetch::CutAfter));
    assert!(matches!(read_grouped(&shop).await, (2_000, None)));

    // An error at the end of the file comes after the products before it, and the stream never ends silently.
    for corruption in CORRUPTIONS {
        let mut export = good.clone();
        let text = &mut export.text;
        match corruption {
            "again" => text.push_str("{\"id\":\"gid://shopify/Product/1\"}\n"),
            "late" => text.push_str(
                r#"{"id":"gid://shopify/Metafield/1","__parentId":"gid://shopify/Product/7"}"#,
            ),
            "long" => text.push_str(&"x".repeat(20_000)),
            "short" => {
                let half = text.len() / 2;
                let end = text[..half].rfind('\n').unwrap();
                text.truncate(end + 1);
            }
            _ => export.roots += 1,
        }
        let shop = Shop::with_products(export).await;
        let (returned, error) = read_grouped(&shop).await;
        let error = error.unwrap();
        match (corruption, &error) {
            ("again" | "late", BulkError::OutOfOrder { .. })
            | ("long", BulkError::LineTooLong { .. }) => {}
            ("short", BulkError::CountMismatch { what, .. }) => assert_eq!(*what, "objects"),
            ("more", BulkError::CountMismatch { what, .. }) => assert_eq!(*what, "root objects"),
            _ => panic!("{corruption}: {error}"),
        }
        assert!(
            returned > 0 && returned <= 2_000,
            "{corruption}: {returned}"
        );
    }
    let half = good.text.len() / 2;
    let shop = Shop::with_products(good).await;
    shop.state()
        .fetches
        .extend([Fetch::CutAfter(half), Fetch::Status(410)]);
    let (returned, error) = read_grouped(&shop).await;
    assert!(
        matches!(error, Some(BulkError::UrlExpired { status: 410 })),
        "{error:?}"
    );
    assert!(returned > 0 && returned < 2_000, "{returned}");
}
