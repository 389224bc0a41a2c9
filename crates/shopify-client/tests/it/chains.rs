//! Tests broken cursor chains, and objects that change while they are read.

use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use shopify_client::Error;

use crate::all::{CatalogContents, assert_same, expect_error, large_catalog};
use crate::catalogue::location;
use crate::fake::{FakeState, Shop};
use crate::script::{Script, data};

/// Every operation with pages, and the path of `pageInfo` in its response.
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

fn corrupt(response: &mut Value, page: &Value) {
    for (_, path) in PAGED {
        if let Some(info) = response.pointer_mut(path) {
            *info = page.clone();
        }
    }
}

#[tokio::test]
async fn a_broken_cursor_chain_is_an_error_and_never_a_short_result() {
    let without_cursor: fn(&mut Value) =
        |response| corrupt(response, &json!({ "hasNextPage": true, "endCursor": null }));
    let nothing_follows_it: fn(&mut Value) =
        |response| corrupt(response, &json!({ "hasNextPage": true, "endCursor": "" }));
    for (operation, path) in PAGED {
        for corrupt in [without_cursor, nothing_follows_it] {
            let mut state = large_catalog();
            // The other objects would only slow the test down.
            match path.split('/').nth(1) {
                Some("products" | "product" | "inventoryItem") => state.discounts.clear(),
                _ => state.products.clear(),
            }
            let shop = Shop::start(state).await;
            shop.state().corruption = Some((operation, corrupt));
            let error =
                expect_error(CatalogContents::read(&shop.client_with_all_metafields()).await);
            assert!(
                matches!(error, Error::BrokenPaging { operation: named } if named == operation),
                "{operation}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_that_repeats_is_an_error() {
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
async fn an_object_that_is_deleted_during_completion_is_left_out() {
    for (operation, deleted) in [("ProductVariantsPage", 1), ("ProductMetafieldsPage", 1)] {
        let shop = Shop::start(large_catalog()).await;
        let delete = Box::new(move |state: &mut FakeState| {
            state.products.remove(deleted - 1);
        });
        shop.state().changes.push((operation, delete));
        let client = shop.client_with_all_metafields();
        let products: Vec<_> = client.products().try_collect().await.unwrap();
        assert_same(&products, &CatalogContents::of(&shop.state()).products);
        assert_eq!(products.len(), 44);
    }
    for operation in ["DiscountCodesPage", "DiscountGetsPage", "DiscountBuysPage"] {
        let shop = Shop::start(large_catalog()).await;
        let delete = Box::new(|state: &mut FakeState| {
            // The discount has more than one page of codes and items.
            state
                .discounts
                .retain(|discount| discount["id"] != "gid://shopify/DiscountNode/1");
        });
        shop.state().changes.push((operation, delete));
        let discounts: Vec<_> = shop.client().discounts().try_collect().await.unwrap();
        assert_same(&discounts, &CatalogContents::of(&shop.state()).discounts);
    }
    let shop = Shop::start(large_catalog()).await;
    let delete = Box::new(|state: &mut FakeState| drop(state.collections.remove(0)));
    shop.state()
        .changes
        .push(("CollectionProductsPage", delete));
    let client = shop.client_with_all_metafields();
    let collections: Vec<_> = client.collections().try_collect().await.unwrap();
    assert_same(
        &collections,
        &CatalogContents::of(&shop.state()).collections,
    );
}

#[tokio::test]
async fn a_product_whose_variant_is_deleted_meanwhile_is_read_again() {
    let shop = Shop::start(large_catalog()).await;
    let delete = Box::new(|state: &mut FakeState| {
        let variants = state.products[1]["variants"].as_array_mut().unwrap();
        variants.remove(0);
    });
    shop.state().changes.push(("InventoryLevelsPage", delete));
    let client = shop.client_with_all_metafields();
    let products: Vec<_> = client.products().try_collect().await.unwrap();
    assert_same(&products, &CatalogContents::of(&shop.state()).products);
    assert_eq!(shop.request_count("ProductsById"), 1);
}

#[tokio::test]
async fn a_product_that_changes_during_every_read_is_an_error() {
    let shop = Shop::start(large_catalog()).await;
    shop.state().corruption = Some(("InventoryLevelsPage", |response| {
        response["inventoryItem"] = Value::Null;
    }));
    let error = expect_error(CatalogContents::read(&shop.client_with_all_metafields()).await);
    assert!(
        matches!(
            error,
            Error::BrokenPaging {
                operation: "InventoryLevelsPage"
            }
        ),
        "{error:?}"
    );
    assert_eq!(shop.request_count("ProductsById"), 2);
}

#[tokio::test]
async fn a_discount_whose_items_change_type_is_read_again() {
    let shop = Shop::start(large_catalog()).await;
    let change = Box::new(|state: &mut FakeState| {
        state.discounts[7]["discount"]["customerGets"]["items"] =
            json!({ "__typename": "AllDiscountItems", "allItems": true });
    });
    // The eighth is a `DiscountCodeBasic`.
    shop.state().changes.push(("DiscountGetsPage", change));
    let discounts: Vec<_> = shop.client().discounts().try_collect().await.unwrap();
    assert_same(&discounts, &CatalogContents::of(&shop.state()).discounts);
}
