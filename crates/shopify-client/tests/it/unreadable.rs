//! Tests that one unreadable object does not fail the others.

use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;
use serde_json::{Value, json};
use shopify_client::Error;
use shopify_client::model::Product;

use crate::all::{assert_same, large_catalog, models};
use crate::catalogue::{Lengths, gid, product};
use crate::fake::{FakeState, Shop};

type Corrupt = fn(&mut Value);

fn nodes<'a>(response: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    response[list]["nodes"].as_array_mut().unwrap().iter_mut()
}

/// The ids of the readable objects, and the errors of the others.
async fn read_all(shop: &Shop, list: &str) -> (Vec<String>, Vec<Error>) {
    let client = shop.client_with_all_metafields();
    let results: Vec<Result<String, Error>> = match list {
        "products" => {
            client
                .products()
                .map_ok(|p| p.id.to_string())
                .collect()
                .await
        }
        "collections" => {
            client
                .collections()
                .map_ok(|c| c.id.to_string())
                .collect()
                .await
        }
        "locations" => {
            client
                .locations()
                .map_ok(|l| l.id.to_string())
                .collect()
                .await
        }
        _ => {
            client
                .discounts()
                .map_ok(|d| d.id.to_string())
                .collect()
                .await
        }
    };
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(id) => found.push(id),
            Err(error) => errors.push(error),
        }
    }
    (found, errors)
}

#[track_caller]
fn assert_about(errors: &[Error], number: u64, path: &str) {
    let [Error::Unreadable { id, source }] = errors else {
        panic!("{errors:?}");
    };
    assert_eq!(id.number(), number);
    assert!(!errors[0].is_retryable());
    let Error::Decode { path: at, .. } = &**source else {
        panic!("{source:?}");
    };
    assert!(at.ends_with(path), "{at}");
}

#[tokio::test]
async fn an_unreadable_object_is_named_and_the_others_follow() {
    // The list, its operation, the path of the error in the seventh object, and the corruption.
    let cases: [(&str, &str, &str, Corrupt); 4] = [
        (
            "products",
            "ProductsPage",
            "variants.nodes[0].position",
            |response| {
                for node in
                    nodes(response, "products").filter(|node| node["id"] == gid("Product", 7))
                {
                    node["variants"]["nodes"][0]["position"] = json!("first");
                }
            },
        ),
        ("collections", "CollectionsPage", "title", |response| {
            for node in nodes(response, "collections").filter(|n| n["id"] == gid("Collection", 7)) {
                node["title"] = Value::Null;
            }
        }),
        ("locations", "LocationsPage", "isActive", |response| {
            for node in nodes(response, "locations").filter(|node| node["id"] == gid("Location", 7))
            {
                node["isActive"] = json!("yes");
            }
        }),
        ("discountNodes", "DiscountsPage", "", |response| {
            let seventh = |node: &&mut Value| node["id"] == gid("DiscountNode", 7);
            for node in nodes(response, "discountNodes").filter(seventh) {
                node["discount"]["title"] = json!(7);
            }
        }),
    ];
    for (list, operation, path, corrupt) in cases {
        let shop = Shop::start(large_catalog()).await;
        let (all, none) = read_all(&shop, list).await;
        assert!(none.is_empty(), "{none:?}");
        shop.state().corruption = Some((operation, corrupt));
        let (found, errors) = read_all(&shop, list).await;
        assert_about(&errors, 7, path);
        let seventh = |id: &&String| !id.ends_with("/7");
        let others: Vec<_> = all.iter().filter(seventh).cloned().collect();
        assert_eq!(others.len(), all.len() - 1);
        assert_eq!(found, others, "{list}");
    }
}

/// The later pages of a nested list have requests of their own, whose responses may be unreadable.
#[tokio::test]
async fn an_object_with_an_unreadable_later_page_is_named_too() {
    let shop = Shop::start(large_catalog()).await;
    shop.state().corruption = Some(("ProductVariantsPage", |response| {
        response["product"]["variants"]["nodes"][3]["price"] = Value::Null;
    }));
    let (found, errors) = read_all(&shop, "products").await;
    assert_about(&errors, 1, "nodes[3].price");
    assert_eq!(found.len(), 44);
}

/// A caller that stops at the first error never takes a partial list for a complete one.
#[tokio::test]
async fn collecting_a_list_with_an_unreadable_object_fails() {
    let shop = Shop::start(large_catalog()).await;
    shop.state().corruption = Some(("LocationsPage", |response| {
        response["locations"]["nodes"][5]["name"] = Value::Null;
    }));
    let collected: Result<Vec<_>, Error> = shop.client().locations().try_collect().await;
    assert!(matches!(collected, Err(Error::Unreadable { .. })));
}

/// An object without an id could not be reported as missing.
#[tokio::test]
async fn a_page_with_an_object_without_an_id_is_an_error() {
    let corruptions: [Corrupt; 4] = [
        |response| response["products"]["nodes"][5] = Value::Null,
        |response| response["products"]["nodes"][5] = json!({ "title": "nameless" }),
        |response| response["products"]["nodes"][5]["id"] = json!("gid://shopify/Product/five"),
        |response| response["products"]["pageInfo"] = json!({ "endCursor": "a" }),
    ];
    for corrupt in corruptions {
        let shop = Shop::start(large_catalog()).await;
        shop.state().corruption = Some(("ProductsPage", corrupt));
        let results: Vec<_> = shop.client().products().collect().await;
        assert_eq!(results.len(), 1, "{results:?}");
        assert!(
            matches!(results[0], Err(Error::Decode { .. })),
            "{results:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// With any unreadable objects and any page length, the others are complete, in order and without duplicates.
    #[test]
    fn every_object_is_returned_or_named(
        unreadable in prop::collection::vec(any::<bool>(), 0..50),
        max_page_len in 1..20usize,
    ) {
        let lengths = Lengths { variants: 2, levels: 1, metafields: 1 };
        let products: Vec<_> = (1..).zip(&unreadable).map(|(n, bad)| {
            let mut product = product(n, lengths);
            if *bad {
                product["handle"] = json!({});
            }
            product
        }).collect();
        let good = products.iter().filter(|product| product["handle"].is_string());
        let good: Vec<Product> = models(&good.cloned().collect::<Vec<_>>());
        let state = FakeState { products, max_page_len: Some(max_page_len), ..FakeState::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shop = Shop::start(state).await;
            let client = shop.client_with_all_metafields();
            let (mut found, mut unreadable_ids) = (Vec::new(), Vec::new());
            for object in client.products().collect::<Vec<_>>().await {
                match object {
                    Ok(product) => found.push(product),
                    Err(Error::Unreadable { id, .. }) => unreadable_ids.push(id.number()),
                    Err(error) => panic!("{error:?}"),
                }
            }
            assert_same(&found, &good);
            let bad = (1..).zip(&unreadable).filter(|(_, bad)| **bad);
            assert_eq!(unreadable_ids, bad.map(|(number, _)| number).collect::<Vec<u64>>());
        });
    }
}
