//! Tests the choice between bulk operations and paging, and the fallback.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use shopify_client::bulk::{Bulk, BulkError, BulkOptions, Strategy};
use shopify_client::model::{Collection, Discount, Location, Product};
use shopify_client::{Error, Gid};

use crate::bulk_catalog::{Export, SHOPIFY_FORMAT, products};
use crate::bulk_shop::{Fetch, Shop, Start, quick};

async fn shop(count: u64) -> Shop {
    let mut random = ChaCha8Rng::seed_from_u64(count);
    let nodes = products(&mut random, count);
    let shop = Shop::with_products(Export::grouped(&nodes, SHOPIFY_FORMAT)).await;
    shop.state().pages.insert("ProductsPage", nodes);
    shop
}

fn was_requested(shop: &Shop, name: &str) -> bool {
    shop.state()
        .requested_operations
        .iter()
        .any(|requested| requested == name)
}

#[tokio::test]
async fn the_auto_strategy_reads_many_objects_in_bulk_and_few_by_paging() {
    for (count, time, bulk) in [
        (2_499, 0, false),
        (2_500, 0, true),
        (30_000, 0, true),
        // Paging is quick enough for any limit.
        (30_000, 1_000_000, false),
    ] {
        let shop = shop(3).await;
        shop.state().count = count;
        let options = BulkOptions {
            max_paging_time: Duration::from_secs(time),
            ..quick()
        };
        let client = shop.client(options);
        let read: Vec<Product> = client
            .products_by(Strategy::Auto)
            .try_collect()
            .await
            .unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(was_requested(&shop, "BulkOperationRun"), bulk, "{count}");
        assert_eq!(was_requested(&shop, "ProductsPage"), !bulk, "{count}");
    }
}

#[tokio::test]
async fn each_strategy_can_be_forced() {
    let shop = shop(4).await;
    shop.state().count = 1;
    let client = shop.client(quick());
    let paged: Vec<Product> = client
        .products_by(Strategy::Paging)
        .try_collect()
        .await
        .unwrap();
    assert!(!was_requested(&shop, "BulkOperationRun"));
    shop.state().requested_operations.clear();
    let read: Vec<Product> = client
        .products_by(Strategy::Bulk)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(read, paged);
    assert!(!was_requested(&shop, "ProductsPage") && !was_requested(&shop, "ProductsCount"));
}

/// Makes the next bulk operation fail in one of 13 ways.
fn inject_failure(shop: &Shop, way: usize) -> bool {
    let mut state = shop.state();
    match way {
        0 => state.starts.push_back(Start::Denied),
        1 => state.starts.push_back(Start::UserError("INVALID")),
        2 => state
            .starts
            .extend(vec![Start::UserError("LIMIT_REACHED"); 100_000]),
        3 => state.statuses = vec!["FAILED"],
        4 => state.statuses = vec!["CANCELED"],
        5 => state.statuses = vec!["EXPIRED"],
        6 => state.statuses = vec!["RUNNING"],
        7 => state.fetches.push_back(Fetch::Status(403)),
        8 => state.fetches.push_back(Fetch::Short(100)),
        9 => state.fetches.extend(vec![Fetch::CutAfter(0); 9]),
        10 => state.files.get_mut("products").unwrap().objects += 1,
        11 => state.files.get_mut("products").unwrap().text.truncate(100),
        12 => {
            let text = &mut state.files.get_mut("products").unwrap().text;
            *text = text.replacen("\"isGiftCard\":false", "\"isGiftCard\":5,\"\":0", 1);
        }
        _ => return false,
    }
    true
}

/// Runs a bulk operation and reads its products, without a fallback.
async fn read_products(bulk: &Bulk) -> Result<Vec<Product>, Error> {
    let operation = bulk.run(&bulk.products_query()).await?;
    bulk.read_products(operation).try_collect().await
}

#[tokio::test]
async fn a_failure_before_the_first_product_falls_back_to_paging() {
    let options = BulkOptions {
        deadline: Duration::from_millis(100),
        slot_timeout: Duration::from_millis(20),
        ..quick()
    };
    for way in 0.. {
        let shop = shop(5).await;
        if !inject_failure(&shop, way) {
            assert_eq!(way, 13);
            break;
        }
        let client = shop.client(options.clone());
        let read: Vec<Product> = client
            .products_by(Strategy::Bulk)
            .try_collect()
            .await
            .unwrap();
        assert_eq!(read.len(), 5, "way {way}");
        assert!(was_requested(&shop, "ProductsPage"), "way {way}");

        // The single steps do not fall back: they return the error.
        let shop = self::shop(5).await;
        inject_failure(&shop, way);
        let client = shop.client(options.clone());
        let bulk = client.bulk();
        let result = read_products(&bulk).await;
        let found = match &result {
            Err(Error::Unreadable { id, source }) => {
                assert_eq!(id.kind(), "Product");
                &**source
            }
            Err(error) => error,
            Ok(_) => panic!("way {way}"),
        };
        assert!(matches!(found, Error::Bulk(_)), "way {way}: {found}");
    }
}

#[tokio::test]
async fn a_failure_after_the_first_product_is_an_error() {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let nodes = products(&mut random, 2_000);
    let mut export = Export::grouped(&nodes, SHOPIFY_FORMAT);
    export.text.push_str(
        r#"{"id":"gid://shopify/Metafield/1","__parentId":"gid://shopify/Product/9999999999"}"#,
    );
    export.objects += 1;
    let shop = Shop::with_products(export).await;
    let client = shop.client(quick());
    let mut read = client.products_by(Strategy::Bulk);
    let mut returned = 0;
    let error = loop {
        match read.next().await.unwrap() {
            Ok(_) => returned += 1,
            Err(error) => break error,
        }
    };
    assert!(returned > 0 && returned < 2_000, "{returned}");
    assert!(
        matches!(error, Error::Bulk(BulkError::Orphan { .. })),
        "{error}"
    );
    assert!(read.next().await.is_none());
    drop(read);
    assert!(!was_requested(&shop, "ProductsPage"));
}

#[tokio::test]
async fn an_unreadable_product_is_named_and_the_others_follow() {
    let mut random = ChaCha8Rng::seed_from_u64(10);
    let nodes = products(&mut random, 2_000);
    let mut corruption: Vec<u64> = nodes
        .iter()
        .step_by(150)
        .skip(1)
        .map(|node| number(&node["id"]))
        .collect();
    let good = Export::grouped(&nodes, SHOPIFY_FORMAT);
    let mut export = good.clone();
    for number in &corruption {
        let begin = export.text.find(&format!("Product/{number}\"")).unwrap();
        let field = "\"isGiftCard\":";
        let place = begin + export.text[begin..].find(field).unwrap() + field.len();
        export.text.insert_str(place, "12345,\"\":");
    }
    for grouped in [false, true] {
        let shop = Shop::with_products(export.clone()).await;
        let client = shop.client(BulkOptions { grouped, ..quick() });
        let mut read = client.products_by(Strategy::Bulk);
        let (mut returned, mut named) = (Vec::new(), Vec::new());
        while let Some(product) = read.next().await {
            match product {
                Ok(product) => returned.push(product),
                Err(Error::Unreadable { id, source }) => {
                    let Error::Bulk(BulkError::InvalidObject { path, .. }) = &*source else {
                        panic!("{source}");
                    };
                    assert_eq!(path, "isGiftCard");
                    named.push(id.number());
                }
                Err(other) => panic!("{other}"),
            }
        }
        corruption.sort_unstable();
        assert_eq!(named, corruption);
        assert!(!was_requested(&shop, "ProductsPage"));
        let shop = Shop::with_products(good.clone()).await;
        let client = shop.client(quick());
        let mut whole: Vec<Product> = client
            .products_by(Strategy::Bulk)
            .try_collect()
            .await
            .unwrap();
        whole.retain(|product| !corruption.contains(&product.id.number()));
        assert_eq!(returned, whole);
    }
}

fn number(id: &Value) -> u64 {
    let id: Gid = serde_json::from_value(id.clone()).unwrap();
    id.number()
}

fn list(nodes: Vec<Value>) -> Value {
    let nodes = Value::Array(nodes);
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": false, "endCursor": null } })
}

fn gid(kind: &str, number: u64) -> Value {
    format!("gid://shopify/{kind}/{number}").into()
}

#[tokio::test]
async fn collections_and_locations_are_the_same_in_bulk_and_by_paging() {
    let collection = |number: u64, products: Value, metafields: Value| {
        json!({
            "id": gid("Collection", number), "legacyResourceId": number.to_string(), "title": "", "handle": "",
            "description": "", "descriptionHtml": "", "sortOrder": "MANUAL", "templateSuffix": null,
            "updatedAt": "", "products": products, "metafields": metafields,
        })
    };
    let member = |number: u64| json!({ "id": gid("Product", number), "title": "a", "handle": "b" });
    let field = |number: u64, namespace: &str| json!({ "id": gid("Metafield", number), "namespace": namespace, "key": "k", "type": "t", "value": "", "updatedAt": "" });
    let with_parent = |mut line: Value, parent: u64| {
        line["__parentId"] = gid("Collection", parent);
        line.to_string()
    };
    let alone = |number: u64| {
        let mut line = collection(number, Value::Null, Value::Null);
        line.as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        line["templateSuffix"] = Value::Null;
        line.to_string()
    };
    let shop = Shop::start().await;
    let nodes = vec![
        collection(
            3,
            list(vec![member(9), member(2)]),
            list(vec![field(1, "custom"), field(2, "other")]),
        ),
        collection(8, list(vec![member(9)]), list(vec![])),
    ];
    let lines = [
        alone(8),
        with_parent(member(9), 8),
        with_parent(member(9), 3),
        with_parent(field(2, "other"), 3),
        alone(3),
        with_parent(field(1, "custom"), 3),
        with_parent(member(2), 3),
    ];
    shop.state().pages.insert("CollectionsPage", nodes);
    shop.state()
        .files
        .insert("collections".to_owned(), Export::of(&lines));
    let places: Vec<Value> = [5, 6]
        .map(|number| {
            json!({ "id": gid("Location", number), "legacyResourceId": number, "name": "", "isActive": true, "updatedAt": "" })
        })
        .into();
    let lines: Vec<String> = places.iter().rev().map(Value::to_string).collect();
    shop.state().pages.insert("LocationsPage", places);
    shop.state()
        .files
        .insert("locations".to_owned(), Export::of(&lines));

    let client = shop.client(quick());
    let by_pages: Vec<Collection> = client.collections().try_collect().await.unwrap();
    shop.state().requested_operations.clear();
    let bulk: Vec<Collection> = client
        .collections_by(Strategy::Bulk)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(bulk, by_pages);
    assert!(!was_requested(&shop, "CollectionsPage"));
    assert_eq!(
        (by_pages[0].products.len(), by_pages[0].metafields.len()),
        (2, 1)
    );
    let by_pages: Vec<Location> = client.locations().try_collect().await.unwrap();
    shop.state().requested_operations.clear();
    let bulk: Vec<Location> = client
        .locations_by(Strategy::Bulk)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(bulk, by_pages);
    assert!(!was_requested(&shop, "LocationsPage"));
    assert_eq!(by_pages.len(), 2);
}

fn discount(number: u64, kind: &str, mut more: Value) -> Value {
    let combines =
        json!({ "orderDiscounts": true, "productDiscounts": false, "shippingDiscounts": false });
    let mut fields = json!({
        "__typename": kind, "title": "t", "status": "ACTIVE", "startsAt": "", "endsAt": null, "createdAt": "",
        "updatedAt": "", "tags": ["b", "a"], "discountClasses": ["PRODUCT"], "combinesWith": combines,
        "context": { "__typename": "DiscountBuyerSelectionAll" }, "summary": "s", "shortSummary": "s",
        "usageLimit": null, "usesPerOrderLimit": 1, "appliesOncePerCustomer": true, "recurringCycleLimit": 1,
        "minimumRequirement": null,
    });
    let added = more.as_object_mut().unwrap();
    fields.as_object_mut().unwrap().append(added);
    json!({ "id": gid("DiscountNode", number), "discount": fields })
}

fn gets(mut items: Value) -> Value {
    let items = items.take();
    json!({
        "appliesOnOneTimePurchase": true, "appliesOnSubscription": false,
        "value": { "__typename": "DiscountPercentage", "percentage": 0.25 }, "items": items,
    })
}

fn buys(mut items: Value) -> Value {
    let items = items.take();
    json!({
        "isOneTimePurchase": true, "isSubscription": false,
        "value": { "__typename": "DiscountQuantity", "quantity": "2" }, "items": items,
    })
}

#[tokio::test]
async fn discounts_are_assembled_from_six_operations() {
    let products = |products: Value, variants: Value| json!({ "__typename": "DiscountProducts", "products": products, "productVariants": variants });
    let some = |kind: &str, numbers: &[u64]| {
        list(
            numbers
                .iter()
                .map(|number| json!({ "id": gid(kind, *number) }))
                .collect(),
        )
    };
    let code = |number: u64| json!({ "id": gid("DiscountRedeemCode", number), "code": format!("C{number}") });
    let collections = |numbers: &[u64]| json!({ "__typename": "DiscountCollections", "collections": some("Collection", numbers) });
    let nodes = vec![
        discount(
            1,
            "DiscountCodeBasic",
            json!({
                "codes": list(vec![code(2), code(1)]), "customerGets": gets(collections(&[4, 3])),
            }),
        ),
        discount(
            2,
            "DiscountAutomaticBxgy",
            json!({
                "customerBuys": buys(products(some("Product", &[5]), some("ProductVariant", &[6, 7]))),
                "customerGets": gets(products(some("Product", &[5, 8]), some("ProductVariant", &[]))),
            }),
        ),
        discount(
            3,
            "DiscountAutomaticBasic",
            json!({
                "customerGets": gets(json!({ "__typename": "AllDiscountItems", "allItems": true })),
            }),
        ),
        json!({ "id": gid("DiscountNode", 4), "discount": { "__typename": "DiscountCodeNovel" } }),
    ];
    let first = |number: u64, kind: &str, more: Value| discount(number, kind, more).to_string();
    let bare = |kind: &str| json!({ "__typename": kind });
    let of = |mut line: Value, parent: u64, slot: &str| {
        line["__parentId"] = gid("DiscountNode", parent);
        if !slot.is_empty() {
            line[slot] = "X".into();
        }
        line.to_string()
    };
    let item = |kind: &str, number: u64| json!({ "id": gid(kind, number) });
    let root =
        |number: u64| json!({ "id": gid("DiscountNode", number), "discount": {} }).to_string();
    let files = [
        ("discountNodes", vec![
            of(code(1), 1, ""),
            first(2, "DiscountAutomaticBxgy", json!({
                "customerBuys": buys(bare("DiscountProducts")), "customerGets": gets(bare("DiscountProducts")),
            })),
            first(1, "DiscountCodeBasic", json!({ "customerGets": gets(bare("DiscountCollections")) })),
            of(code(2), 1, ""),
            first(3, "DiscountAutomaticBasic", json!({
                "customerGets": gets(json!({ "__typename": "AllDiscountItems", "allItems": true })),
            })),
            json!({ "id": gid("DiscountNode", 4), "discount": { "__typename": "DiscountCodeNovel" } }).to_string(),
        ]),
        ("gets products", vec![root(2), of(item("Product", 8), 2, "gets"), of(item("Product", 5), 2, "gets")]),
        // Discount 9 was created after the first operation.
        ("gets productVariants", vec![root(9), of(item("ProductVariant", 1), 9, "gets"), root(2)]),
        ("gets collections", vec![of(item("Collection", 3), 1, "gets"), of(item("Collection", 4), 1, "gets"), root(1)]),
        // Discount 3 lost this list after the first operation.
        ("buys productVariants", vec![
            root(2), of(item("Product", 5), 2, "buys"), of(item("ProductVariant", 7), 2, "buys"),
            of(item("ProductVariant", 6), 2, "buys"), of(item("Product", 6), 3, "buys"),
        ]),
        ("buys collections", vec![root(1), root(2)]),
    ];
    let shop = Shop::start().await;
    for (name, lines) in files {
        shop.state()
            .files
            .insert(name.to_owned(), Export::of(&lines));
    }
    shop.state().pages.insert("DiscountsPage", nodes);
    let client = shop.client(quick());
    let by_pages: Vec<Discount> = client.discounts().try_collect().await.unwrap();
    shop.state().requested_operations.clear();
    let bulk: Vec<Discount> = client
        .discounts_by(Strategy::Bulk)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_string_pretty(&bulk).unwrap(),
        serde_json::to_string_pretty(&by_pages).unwrap()
    );
    assert!(!was_requested(&shop, "DiscountsPage"));
    let state = shop.state();
    assert_eq!((state.operations.len(), state.max_concurrent), (6, 5));
}
