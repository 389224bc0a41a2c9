//! One thing that cannot be read does not stand in the way of the others.

use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;
use serde_json::{Value, json};
use shopify_client::Error;
use shopify_client::model::Product;

use crate::all::{assert_same, long, models};
use crate::catalogue::{Lengths, gid, product};
use crate::fake::{Shop, Things};

type Spoil = fn(&mut Value);

fn nodes<'a>(answer: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    answer[list]["nodes"].as_array_mut().unwrap().iter_mut()
}

/// The ids of what could be read, and the errors of what could not.
async fn read_all(shop: &Shop, list: &str) -> (Vec<String>, Vec<Error>) {
    let client = shop.client_for_all();
    let things: Vec<Result<String, Error>> = match list {
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
    for thing in things {
        match thing {
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
async fn what_cannot_be_read_is_named_and_the_others_follow() {
    // The list, its operation, what is wrong with its seventh thing, and how that comes about.
    let cases: [(&str, &str, &str, Spoil); 4] = [
        (
            "products",
            "ProductsPage",
            "variants.nodes[0].position",
            |answer| {
                for node in nodes(answer, "products").filter(|node| node["id"] == gid("Product", 7))
                {
                    node["variants"]["nodes"][0]["position"] = json!("first");
                }
            },
        ),
        ("collections", "CollectionsPage", "title", |answer| {
            for node in nodes(answer, "collections").filter(|n| n["id"] == gid("Collection", 7)) {
                node["title"] = Value::Null;
            }
        }),
        ("locations", "LocationsPage", "isActive", |answer| {
            for node in nodes(answer, "locations").filter(|node| node["id"] == gid("Location", 7)) {
                node["isActive"] = json!("yes");
            }
        }),
        ("discountNodes", "DiscountsPage", "", |answer| {
            let seventh = |node: &&mut Value| node["id"] == gid("DiscountNode", 7);
            for node in nodes(answer, "discountNodes").filter(seventh) {
                node["discount"]["title"] = json!(7);
            }
        }),
    ];
    for (list, operation, path, spoil) in cases {
        let shop = Shop::start(long()).await;
        let (all, none) = read_all(&shop, list).await;
        assert!(none.is_empty(), "{none:?}");
        shop.things().spoiled = Some((operation, spoil));
        let (found, errors) = read_all(&shop, list).await;
        assert_about(&errors, 7, path);
        let seventh = |id: &&String| !id.ends_with("/7");
        let others: Vec<_> = all.iter().filter(seventh).cloned().collect();
        assert_eq!(others.len(), all.len() - 1);
        assert_eq!(found, others, "{list}");
    }
}

/// The rest of a long thing is asked for by itself, and may be what cannot be read.
#[tokio::test]
async fn a_thing_of_which_a_later_page_cannot_be_read_is_named_too() {
    let shop = Shop::start(long()).await;
    shop.things().spoiled = Some(("ProductVariantsPage", |answer| {
        answer["product"]["variants"]["nodes"][3]["price"] = Value::Null;
    }));
    let (found, errors) = read_all(&shop, "products").await;
    assert_about(&errors, 1, "nodes[3].price");
    assert_eq!(found.len(), 44);
}

/// Whoever does not ask for more than the first error never takes a part for the whole.
#[tokio::test]
async fn to_collect_all_is_to_fail() {
    let shop = Shop::start(long()).await;
    shop.things().spoiled = Some(("LocationsPage", |answer| {
        answer["locations"]["nodes"][5]["name"] = Value::Null;
    }));
    let collected: Result<Vec<_>, Error> = shop.client().locations().try_collect().await;
    assert!(matches!(collected, Err(Error::Unreadable { .. })));
}

/// Of something without a name nobody could tell afterwards that it is missing.
#[tokio::test]
async fn a_page_with_something_that_has_no_name_is_an_error() {
    let spoils: [Spoil; 4] = [
        |answer| answer["products"]["nodes"][5] = Value::Null,
        |answer| answer["products"]["nodes"][5] = json!({ "title": "nameless" }),
        |answer| answer["products"]["nodes"][5]["id"] = json!("gid://shopify/Product/five"),
        |answer| answer["products"]["pageInfo"] = json!({ "endCursor": "a" }),
    ];
    for spoil in spoils {
        let shop = Shop::start(long()).await;
        shop.things().spoiled = Some(("ProductsPage", spoil));
        let things: Vec<_> = shop.client().products().collect().await;
        assert_eq!(things.len(), 1, "{things:?}");
        assert!(matches!(things[0], Err(Error::Decode { .. })), "{things:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whichever things cannot be read, on pages of whatever length: the others come, whole, in order, once.
    #[test]
    fn every_thing_comes_or_is_named(
        unreadable in prop::collection::vec(any::<bool>(), 0..50),
        longest_page in 1..20usize,
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
        let things = Things { products, longest_page: Some(longest_page), ..Things::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shop = Shop::start(things).await;
            let client = shop.client_for_all();
            let (mut found, mut named) = (Vec::new(), Vec::new());
            for thing in client.products().collect::<Vec<_>>().await {
                match thing {
                    Ok(product) => found.push(product),
                    Err(Error::Unreadable { id, .. }) => named.push(id.number()),
                    Err(error) => panic!("{error:?}"),
                }
            }
            assert_same(&found, &good);
            let bad = (1..).zip(&unreadable).filter(|(_, bad)| **bad);
            assert_eq!(named, bad.map(|(number, _)| number).collect::<Vec<u64>>());
        });
    }
}
