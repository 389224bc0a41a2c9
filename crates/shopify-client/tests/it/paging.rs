//! Tests the streams of all objects: page sizes, long lists, memory and metafields.

use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use shopify_client::Error;

use crate::all::{CatalogContents, assert_same, large_catalog};
use crate::catalogue::{Lengths, collection, product};
use crate::fake::{FakeState, Fault, MAX_LIST_DEPTH, Shop};
use crate::script::builder;

#[tokio::test]
async fn everything_is_read_to_its_last_page() {
    let shop = Shop::start(large_catalog()).await;
    let client = shop.client_with_all_metafields();
    assert_same(
        &CatalogContents::read(&client).await.unwrap(),
        &CatalogContents::of(&shop.state()),
    );
    // Full pages: 45 products in 3 pages, and so on.
    for (operation, times) in [
        ("ProductsPage", 3),
        ("CollectionsPage", 2),
        ("LocationsPage", 2),
    ] {
        assert_eq!(shop.request_count(operation), times, "{operation}");
    }
    let variables = &shop.variables("ProductsPage")[0];
    let requested = |name: &str| variables[name].as_i64().unwrap();
    assert_eq!(
        (
            requested("first"),
            requested("variants"),
            requested("levels"),
            requested("metafields")
        ),
        (20, 50, 10, 25)
    );
}

/// Cursors alone would end at Shopify's limit, with a last page that looks normal.
#[tokio::test]
async fn a_list_longer_than_any_cursor_reaches_is_read_to_its_end() {
    let many = MAX_LIST_DEPTH as u64 + 600;
    let state = FakeState {
        collections: (1..=many).map(|n| collection(n * 7, 0, 0)).collect(),
        ..FakeState::default()
    };
    let shop = Shop::start(state).await;
    let client = shop.client();
    let mut expected = 0;
    let mut collections = client.collections();
    while let Some(collection) = collections.try_next().await.unwrap() {
        expected += 7;
        assert_eq!(collection.id.number(), expected);
    }
    assert_eq!(expected, many * 7);
    let sliced = |variables: &&Value| variables["query"].as_str() == Some("id:>140000");
    let requested = shop.variables("CollectionsPage");
    assert!(requested.iter().filter(sliced).count() > 100);
}

/// An unsorted list cannot continue by id, so the rest of it cannot be read.
#[tokio::test]
async fn a_long_list_that_is_truncated_is_an_error() {
    let many = MAX_LIST_DEPTH as u64 + 600;
    let state = FakeState {
        collections: (1..=many).rev().map(|n| collection(n, 0, 0)).collect(),
        ..FakeState::default()
    };
    let shop = Shop::start(state).await;
    let client = shop.client();
    let mut collections = client.collections();
    let mut given = 0;
    let error = loop {
        match collections.next().await.unwrap() {
            Ok(_) => given += 1,
            Err(error) => break error,
        }
    };
    let Error::Incomplete {
        expected, found, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (expected, found, given),
        (many, MAX_LIST_DEPTH as u64, MAX_LIST_DEPTH)
    );
    assert!(error.is_retryable());
    assert!(collections.next().await.is_none());
}

#[tokio::test]
async fn an_object_that_is_created_during_a_long_scan_is_read_too() {
    let many = 20_001;
    let state = FakeState {
        collections: (1..=many).map(|n| collection(n, 0, 0)).collect(),
        ..FakeState::default()
    };
    let shop = Shop::start(state).await;
    let client = shop.client();
    let mut collections = client.collections();
    for number in 1..=many {
        let collection = collections.try_next().await.unwrap().unwrap();
        assert_eq!(collection.id.number(), number);
    }
    // The last page has arrived with `hasNextPage: false`.
    shop.state().collections.push(collection(many + 5, 0, 0));
    let created = collections.try_next().await.unwrap().unwrap();
    assert_eq!(created.id.number(), many + 5);
    assert!(collections.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn an_empty_shop_is_read_without_error() {
    let shop = Shop::start(FakeState::default()).await;
    assert_same(
        &CatalogContents::read(&shop.client()).await.unwrap(),
        &CatalogContents::of(&shop.state()),
    );
}

#[tokio::test]
async fn metafields_are_those_of_the_chosen_namespaces() {
    let lengths = Lengths {
        metafields: 120,
        ..Lengths::default()
    };
    let shop = Shop::start(FakeState {
        products: vec![product(1, lengths)],
        collections: vec![collection(1, 0, 120)],
        ..FakeState::default()
    })
    .await;
    for (chosen, argument, count) in [
        (vec!["custom"], json!("custom"), 90),
        (vec!["other"], json!("other"), 30),
        (vec!["custom", "other", "third"], Value::Null, 120),
        (vec!["other", "third"], Value::Null, 30),
        (vec![], Value::Null, 120),
    ] {
        let client = shop.client_with(builder().metafield_namespaces(chosen.clone()));
        let products: Vec<_> = client.products().try_collect().await.unwrap();
        assert_eq!(products[0].metafields.len(), count, "{chosen:?}");
        let collections: Vec<_> = client.collections().try_collect().await.unwrap();
        assert_eq!(collections[0].metafields.len(), count, "{chosen:?}");
        for operation in [
            "ProductsPage",
            "ProductMetafieldsPage",
            "CollectionMetafieldsPage",
        ] {
            let variables = shop.variables(operation);
            assert_eq!(
                variables.last().unwrap()["namespace"],
                argument,
                "{operation}"
            );
        }
    }
}

#[tokio::test]
async fn at_most_one_page_is_in_memory() {
    let products = (1..=200).map(|n| product(n, Lengths::default())).collect();
    let shop = Shop::start(FakeState {
        products,
        ..FakeState::default()
    })
    .await;
    let client = shop.client();
    let mut products = client.products();
    for n in 1..=200 {
        let product = products.next().await.unwrap().unwrap();
        assert_eq!(product.id.number(), n);
        let pages = match n {
            ..=20 => 1,
            21..=160 => 2,
            _ => 3,
        };
        assert_eq!(shop.request_count("ProductsPage"), pages, "after {n}");
    }
    assert!(products.next().await.is_none());
}

#[tokio::test]
async fn pages_are_wide_where_products_are_small() {
    let large = Lengths {
        variants: 11,
        ..Lengths::default()
    };
    let lengths = |n| {
        if (161..=180).contains(&n) {
            large
        } else {
            Lengths::default()
        }
    };
    let shop = Shop::start(FakeState {
        products: (1..=400).map(|n| product(n, lengths(n))).collect(),
        ..FakeState::default()
    })
    .await;
    let products: Vec<_> = shop.client().products().try_collect().await.unwrap();
    assert_same(&products, &CatalogContents::of(&shop.state()).products);
    let pages = shop.variables("ProductsPage");
    let requested: Vec<_> = pages
        .iter()
        .map(|page| ["first", "variants", "levels"].map(|name| page[name].as_i64().unwrap()))
        .collect();
    let (deep, wide) = ([20, 50, 10], [140, 10, 5]);
    assert_eq!(requested, [deep, wide, wide, deep, wide]);
    assert_eq!(shop.request_count("ProductVariantsPage"), 20);
}

#[tokio::test]
async fn pages_shrink_when_they_cost_too_much_and_do_not_grow_back() {
    let mut state = large_catalog();
    state.max_weight = Some(2 * 50 * 10);
    let shop = Shop::start(state).await;
    let client = shop.client_with_all_metafields();
    let products: Vec<_> = client.products().try_collect().await.unwrap();
    assert_same(&products, &CatalogContents::of(&shop.state()).products);
    let firsts: Vec<_> = shop
        .variables("ProductsPage")
        .iter()
        .map(|variables| variables["first"].as_i64().unwrap())
        .collect();
    assert_eq!(firsts[..4], [20, 10, 5, 2]);
    // Wide pages have a size of their own. A size that cost too much is requested once only.
    for too_large in [20, 10, 5, 140, 70, 35] {
        let times = firsts.iter().filter(|first| **first == too_large);
        assert_eq!(times.count(), 1, "{too_large} of {firsts:?}");
    }
}

#[tokio::test]
async fn pages_shrink_when_shopify_fails_and_grow_back() {
    // The products are too large for wide pages.
    let large = Lengths {
        variants: 11,
        ..Lengths::default()
    };
    let shop = Shop::start(FakeState {
        products: (1..=400).map(|n| product(n, large)).collect(),
        faults: vec![Some(Fault::Status(502)); 4].into(),
        ..FakeState::default()
    })
    .await;
    let products: Vec<_> = shop.client().products().try_collect().await.unwrap();
    assert_eq!(products.len(), 400);
    let variables = shop.variables("ProductsPage");
    let firsts = variables
        .iter()
        .map(|variables| variables["first"].as_i64().unwrap());
    let mut firsts: Vec<_> = firsts.collect();
    firsts.dedup();
    assert_eq!(firsts, [20, 10, 5, 10, 20]);
}

#[tokio::test]
async fn a_shop_that_fails_the_smallest_page_is_an_error() {
    let mut state = large_catalog();
    state.max_weight = Some(0);
    let shop = Shop::start(state).await;
    let client = shop.client();
    let error = client.products().next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::MaxCostExceeded { .. }), "{error:?}");
    shop.state().max_weight = None;
    shop.state().overload_weight = Some(0);
    let error = client.discounts().next().await.unwrap().unwrap_err();
    assert!(
        matches!(error, Error::Status { status: 502, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_stream_ends_with_the_first_error() {
    let products = (1..=40).map(|n| product(n, Lengths::default())).collect();
    let shop = Shop::start(FakeState {
        products,
        faults: vec![None, Some(Fault::Status(423))].into(),
        ..FakeState::default()
    })
    .await;
    let client = shop.client();
    let results: Vec<_> = client.products().collect().await;
    assert_eq!(results.len(), 21);
    assert!(matches!(results[20], Err(Error::ShopLocked)));
}
