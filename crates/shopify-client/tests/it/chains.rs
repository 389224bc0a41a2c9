//! Chains of pages that break, and things that change while they are read.

use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use shopify_client::Error;

use crate::all::{All, assert_same, failure, long};
use crate::catalogue::location;
use crate::fake::{Shop, Things};
use crate::script::{Script, data};

/// Every operation that pages, with the answer's path to its page.
const PAGED: [(&str, &str); 11] = [
    ("ProductsPage", "/products/pageInfo"),
    ("CollectionsPage", "/collections/pageInfo"),
    ("DiscountsPage", "/discountNodes/pageInfo"),
    ("LocationsPage", "/locations/pageInfo"),
    ("ProductVariantsPage", "/product/variants/pageInfo"),
    ("ProductMetafieldsPage", "/product/metafields/pageInfo"),
    ("CollectionProductsPage", "/collection/products/pageInfo"),
    (
        "CollectionMetafieldsPage",
        "/collection/metafields/pageInfo",
    ),
    (
        "InventoryLevelsPage",
        "/inventoryItem/inventoryLevels/pageInfo",
    ),
    ("DiscountCodesPage", "/discountNode/discount/codes/pageInfo"),
    (
        "DiscountGetsPage",
        "/discountNode/discount/customerGets/items/products/pageInfo",
    ),
];

fn spoil(answer: &mut Value, page: &Value) {
    for (_, path) in PAGED {
        if let Some(info) = answer.pointer_mut(path) {
            *info = page.clone();
        }
    }
}

#[tokio::test]
async fn a_chain_of_pages_that_breaks_is_an_error_and_never_a_short_result() {
    let without_cursor: fn(&mut Value) =
        |answer| spoil(answer, &json!({ "hasNextPage": true, "endCursor": null }));
    let nothing_follows_it: fn(&mut Value) =
        |answer| spoil(answer, &json!({ "hasNextPage": true, "endCursor": "" }));
    for (operation, path) in PAGED {
        for spoil in [without_cursor, nothing_follows_it] {
            let mut things = long();
            // What has nothing to do with it only takes time.
            match path.split('/').nth(1) {
                Some("products" | "product" | "inventoryItem") => things.discounts.clear(),
                _ => things.products.clear(),
            }
            let shop = Shop::start(things).await;
            shop.things().spoiled = Some((operation, spoil));
            let error = failure(All::read(&shop.client_for_all()).await);
            assert!(
                matches!(error, Error::BrokenPaging { operation: named } if named == operation),
                "{operation}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_chain_that_leads_back_is_an_error() {
    let page = |number: u64, cursor: &str| {
        let info = json!({ "hasNextPage": true, "endCursor": cursor });
        data(&json!({ "locations": { "nodes": [location(number)], "pageInfo": info } }))
    };
    for cursors in [["a", "a", ""], ["a", "b", "a"]] {
        let script = Script::start().await;
        for (number, cursor) in (1..).zip(cursors.iter().filter(|cursor| !cursor.is_empty())) {
            script.then("LocationsPage", page(number, cursor));
        }
        let client = script.shop();
        let results: Vec<_> = client.locations().collect().await;
        let error = results.last().unwrap().as_ref().unwrap_err();
        assert!(
            matches!(
                error,
                Error::BrokenPaging {
                    operation: "LocationsPage"
                }
            ),
            "{error:?}"
        );
        script.finish();
    }
}

#[tokio::test]
async fn what_is_deleted_while_it_is_drained_is_left_out() {
    for (operation, gone) in [("ProductVariantsPage", 1), ("ProductMetafieldsPage", 1)] {
        let shop = Shop::start(long()).await;
        let forget = Box::new(move |things: &mut Things| {
            things.products.remove(gone - 1);
        });
        shop.things().before.push((operation, forget));
        let client = shop.client_for_all();
        let products: Vec<_> = client.products().try_collect().await.unwrap();
        assert_same(&products, &All::of(&shop.things()).products);
        assert_eq!(products.len(), 44);
    }
    for operation in ["DiscountCodesPage", "DiscountGetsPage", "DiscountBuysPage"] {
        let shop = Shop::start(long()).await;
        let forget = Box::new(|things: &mut Things| {
            // Those of which more than a page is asked for.
            things
                .discounts
                .retain(|discount| discount["id"] != "gid://shopify/DiscountNode/1");
        });
        shop.things().before.push((operation, forget));
        let discounts: Vec<_> = shop.client().discounts().try_collect().await.unwrap();
        assert_same(&discounts, &All::of(&shop.things()).discounts);
    }
    let shop = Shop::start(long()).await;
    let forget = Box::new(|things: &mut Things| drop(things.collections.remove(0)));
    shop.things()
        .before
        .push(("CollectionProductsPage", forget));
    let client = shop.client_for_all();
    let collections: Vec<_> = client.collections().try_collect().await.unwrap();
    assert_same(&collections, &All::of(&shop.things()).collections);
}

#[tokio::test]
async fn a_product_of_which_a_variant_vanishes_is_read_again() {
    let shop = Shop::start(long()).await;
    let forget = Box::new(|things: &mut Things| {
        let variants = things.products[1]["variants"].as_array_mut().unwrap();
        variants.remove(0);
    });
    shop.things().before.push(("InventoryLevelsPage", forget));
    let client = shop.client_for_all();
    let products: Vec<_> = client.products().try_collect().await.unwrap();
    assert_same(&products, &All::of(&shop.things()).products);
    assert_eq!(shop.times("ProductsById"), 1);
}

#[tokio::test]
async fn a_product_that_never_stands_still_is_an_error() {
    let shop = Shop::start(long()).await;
    shop.things().spoiled = Some(("InventoryLevelsPage", |answer| {
        answer["inventoryItem"] = Value::Null;
    }));
    let error = failure(All::read(&shop.client_for_all()).await);
    assert!(
        matches!(
            error,
            Error::BrokenPaging {
                operation: "InventoryLevelsPage"
            }
        ),
        "{error:?}"
    );
    assert_eq!(shop.times("ProductsById"), 2);
}

#[tokio::test]
async fn a_discount_that_becomes_about_something_else_is_read_again() {
    let shop = Shop::start(long()).await;
    let change = Box::new(|things: &mut Things| {
        things.discounts[7]["discount"]["customerGets"]["items"] =
            json!({ "__typename": "AllDiscountItems", "allItems": true });
    });
    // The eighth is a `DiscountCodeBasic`.
    shop.things().before.push(("DiscountGetsPage", change));
    let discounts: Vec<_> = shop.client().discounts().try_collect().await.unwrap();
    assert_same(&discounts, &All::of(&shop.things()).discounts);
}
