//! Streams: page sizes, memory, metafields.

use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use shopify_client::Error;

use crate::all::{All, assert_same, long};
use crate::catalogue::{Lengths, collection, product};
use crate::fake::{DEEPEST, Fault, Shop, Things};
use crate::script::builder;

#[tokio::test]
async fn everything_is_read_to_its_last_page() {
    let shop = Shop::start(long()).await;
    let client = shop.client_for_all();
    assert_same(&All::read(&client).await.unwrap(), &All::of(&shop.things()));
    // Pages as large as they may be: 45 products in 3, and so on.
    for (operation, times) in [
        ("ProductsPage", 3),
        ("CollectionsPage", 2),
        ("LocationsPage", 2),
    ] {
        assert_eq!(shop.times(operation), times, "{operation}");
    }
    let variables = &shop.variables("ProductsPage")[0];
    let asked = |name: &str| variables[name].as_i64().unwrap();
    assert_eq!(
        (
            asked("first"),
            asked("variants"),
            asked("levels"),
            asked("metafields")
        ),
        (20, 50, 10, 25)
    );
}

/// Cursors alone would end at Shopify's limit, with a last page that looks like any other.
#[tokio::test]
async fn a_list_longer_than_any_cursor_reaches_is_read_to_its_end() {
    let many = DEEPEST as u64 + 600;
    let things = Things {
        collections: (1..=many).map(|n| collection(n * 7, 0, 0)).collect(),
        ..Things::default()
    };
    let shop = Shop::start(things).await;
    let client = shop.client();
    let mut expected = 0;
    let mut collections = client.collections();
    while let Some(collection) = collections.try_next().await.unwrap() {
        expected += 7;
        assert_eq!(collection.id.number(), expected);
    }
    assert_eq!(expected, many * 7);
    let sliced = |variables: &&Value| variables["query"].as_str() == Some("id:>140000");
    let asked = shop.variables("CollectionsPage");
    assert!(asked.iter().filter(sliced).count() > 100);
}

/// Out of order, it cannot be gone on with by id, so the rest of it is out of reach.
#[tokio::test]
async fn a_long_list_that_is_cut_off_is_an_error() {
    let many = DEEPEST as u64 + 600;
    let things = Things {
        collections: (1..=many).rev().map(|n| collection(n, 0, 0)).collect(),
        ..Things::default()
    };
    let shop = Shop::start(things).await;
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
    assert_eq!((expected, found, given), (many, DEEPEST as u64, DEEPEST));
    assert!(error.is_retryable());
    assert!(collections.next().await.is_none());
}

#[tokio::test]
async fn what_is_made_while_a_long_list_is_read_is_read_too() {
    let many = 20_001;
    let things = Things {
        collections: (1..=many).map(|n| collection(n, 0, 0)).collect(),
        ..Things::default()
    };
    let shop = Shop::start(things).await;
    let client = shop.client();
    let mut collections = client.collections();
    for number in 1..=many {
        let collection = collections.try_next().await.unwrap().unwrap();
        assert_eq!(collection.id.number(), number);
    }
    // The last page has come, and has said that it is the last.
    shop.things().collections.push(collection(many + 5, 0, 0));
    let newcomer = collections.try_next().await.unwrap().unwrap();
    assert_eq!(newcomer.id.number(), many + 5);
    assert!(collections.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn an_empty_shop_is_read_too() {
    let shop = Shop::start(Things::default()).await;
    assert_same(
        &All::read(&shop.client()).await.unwrap(),
        &All::of(&shop.things()),
    );
}

#[tokio::test]
async fn metafields_are_those_of_the_chosen_namespaces() {
    let lengths = Lengths {
        metafields: 120,
        ..Lengths::default()
    };
    let shop = Shop::start(Things {
        products: vec![product(1, lengths)],
        collections: vec![collection(1, 0, 120)],
        ..Things::default()
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
    let shop = Shop::start(Things {
        products,
        ..Things::default()
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
        assert_eq!(shop.times("ProductsPage"), pages, "after {n}");
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
    let shop = Shop::start(Things {
        products: (1..=400).map(|n| product(n, lengths(n))).collect(),
        ..Things::default()
    })
    .await;
    let products: Vec<_> = shop.client().products().try_collect().await.unwrap();
    assert_same(&products, &All::of(&shop.things()).products);
    let pages = shop.variables("ProductsPage");
    let asked: Vec<_> = pages
        .iter()
        .map(|page| ["first", "variants", "levels"].map(|name| page[name].as_i64().unwrap()))
        .collect();
    let (deep, wide) = ([20, 50, 10], [140, 10, 5]);
    assert_eq!(asked, [deep, wide, wide, deep, wide]);
    assert_eq!(shop.times("ProductVariantsPage"), 20);
}

#[tokio::test]
async fn pages_shrink_when_they_cost_too_much_and_stay_so() {
    let mut things = long();
    things.most = Some(2 * 50 * 10);
    let shop = Shop::start(things).await;
    let client = shop.client_for_all();
    let products: Vec<_> = client.products().try_collect().await.unwrap();
    assert_same(&products, &All::of(&shop.things()).products);
    let firsts: Vec<_> = shop
        .variables("ProductsPage")
        .iter()
        .map(|variables| variables["first"].as_i64().unwrap())
        .collect();
    assert_eq!(firsts[..4], [20, 10, 5, 2]);
    // Wide pages for themselves, since they are of another shape. What was too dear is asked for once.
    for too_dear in [20, 10, 5, 140, 70, 35] {
        let times = firsts.iter().filter(|first| **first == too_dear);
        assert_eq!(times.count(), 1, "{too_dear} of {firsts:?}");
    }
}

#[tokio::test]
async fn pages_shrink_when_shopify_fails_and_grow_back() {
    // Too large for wide pages.
    let large = Lengths {
        variants: 11,
        ..Lengths::default()
    };
    let shop = Shop::start(Things {
        products: (1..=400).map(|n| product(n, large)).collect(),
        faults: vec![Some(Fault::Status(502)); 4].into(),
        ..Things::default()
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
async fn a_shop_that_is_too_weak_for_the_least_page_is_an_error() {
    let mut things = long();
    things.most = Some(0);
    let shop = Shop::start(things).await;
    let client = shop.client();
    let error = client.products().next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::MaxCostExceeded { .. }), "{error:?}");
    shop.things().most = None;
    shop.things().heaviest = Some(0);
    let error = client.discounts().next().await.unwrap().unwrap_err();
    assert!(
        matches!(error, Error::Status { status: 502, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_stream_ends_with_the_first_error() {
    let products = (1..=40).map(|n| product(n, Lengths::default())).collect();
    let shop = Shop::start(Things {
        products,
        faults: vec![None, Some(Fault::Status(423))].into(),
        ..Things::default()
    })
    .await;
    let client = shop.client();
    let results: Vec<_> = client.products().collect().await;
    assert_eq!(results.len(), 21);
    assert!(matches!(results[20], Err(Error::ShopLocked)));
}
