//! Tests single requests: look-ups by id, counts, scopes, products of inventory items, and unknown values.

use serde_json::json;
use shopify_client::model::{Collection, Count, Discount, Location, Product};
use shopify_client::{Error, Gid};

use crate::all::{canonical, with_connections};
use crate::catalogue::{Lengths, collection, discount, gid, item_number, location, product};
use crate::fake::{FakeState, Shop};
use crate::script::{Script, data};

const SHORT: Lengths = Lengths {
    variants: 2,
    levels: 2,
    metafields: 2,
};

#[tokio::test]
async fn objects_are_looked_up_by_id_in_the_requested_order() {
    let long = Lengths {
        variants: 60,
        levels: 11,
        metafields: 30,
    };
    let shop = Shop::start(FakeState {
        products: (1..=20)
            .map(|n| product(n, if n == 3 { long } else { SHORT }))
            .collect(),
        collections: (1..=30).map(|n| collection(n, 260, 1)).collect(),
        locations: (1..=300).map(location).collect(),
        ..FakeState::default()
    })
    .await;
    let client = shop.client_with_all_metafields();

    let ids: Vec<u64> = (1..=20).rev().chain([999, 3, 3]).collect();
    let found = client.products_by_id(&ids).await.unwrap();
    for (id, found) in ids.iter().zip(&found) {
        let expected = (*id != 999).then(|| {
            let object = product(*id, if *id == 3 { long } else { SHORT });
            serde_json::from_value::<Product>(with_connections(&object)).unwrap()
        });
        assert_eq!(*found, expected, "{id}");
    }
    assert_eq!(found.len(), ids.len());

    let found = client.collections_by_id(&[7, 999]).await.unwrap();
    let expected: Collection =
        serde_json::from_value(with_connections(&collection(7, 260, 1))).unwrap();
    assert_eq!(found, [Some(expected), None]);

    let ids: Vec<u64> = (1..=300).collect();
    let found = client.locations_by_id(&ids).await.unwrap();
    let expected: Location = serde_json::from_value(location(300)).unwrap();
    assert_eq!((found.len(), found[299].as_ref()), (300, Some(&expected)));
    assert!(client.locations_by_id(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn discounts_are_found_under_each_of_their_types_of_id() {
    let all: Vec<_> = (1..=8)
        .map(|n| discount(n, usize::try_from(n).unwrap(), 30))
        .collect();
    let expected: Vec<Option<Discount>> = all
        .iter()
        .map(|object| serde_json::from_value(canonical(with_connections(object))).unwrap())
        .chain([None])
        .collect();
    for names in [
        vec![],
        vec!["DiscountNode"],
        vec!["DiscountCodeNode", "DiscountAutomaticNode"],
    ] {
        let shop = Shop::start(FakeState {
            discounts: all.clone(),
            discount_names: names.clone(),
            ..FakeState::default()
        })
        .await;
        let found = shop
            .client()
            .discounts_by_id(&[1, 2, 3, 4, 5, 6, 7, 8, 99])
            .await;
        assert_eq!(found.unwrap(), expected, "{names:?}");
    }
}

#[tokio::test]
async fn a_response_with_other_objects_is_an_error() {
    let there = location(1);
    for nodes in [json!([]), json!([there, there]), json!([location(2)])] {
        let script = Script::start().await;
        script.then("LocationsById", data(&json!({ "nodes": nodes })));
        let error = script.shop().locations_by_id(&[1]).await.unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{nodes}: {error:?}");
        script.finish();
    }
}

#[tokio::test]
async fn counts_say_whether_they_are_exact() {
    let script = Script::start().await;
    let at_least = json!({ "count": 25_001, "precision": "AT_LEAST" });
    script
        .then("ProductsCount", data(&json!({ "productsCount": at_least })))
        .then(
            "CollectionsCount",
            data(&json!({ "collectionsCount": { "count": 3, "precision": "EXACT" } })),
        )
        .then(
            "DiscountsCount",
            data(&json!({ "discountNodesCount": null })),
        );
    let shop = script.shop();
    let count = |count, exact| Count { count, exact };
    assert_eq!(shop.products_count().await.unwrap(), count(25_001, false));
    assert_eq!(shop.collections_count().await.unwrap(), count(3, true));
    assert_eq!(shop.discounts_count().await.unwrap(), count(0, false));
    let query = &script.finish()[0].variables["query"];
    assert_eq!(query, "status:active,archived,draft,unlisted");
}

#[tokio::test]
async fn granted_scopes_are_listed() {
    let script = Script::start().await;
    let scopes = json!([{ "handle": "read_products" }, { "handle": "read_discounts" }]);
    let response = json!({ "currentAppInstallation": { "accessScopes": scopes } });
    script.then("GrantedScopes", data(&response));
    let scopes = script.shop().granted_scopes().await.unwrap();
    assert_eq!(scopes, ["read_products", "read_discounts"]);
    script.finish();
}

#[tokio::test]
async fn all_products_of_inventory_items_are_found() {
    // Each of 700 products has a variant with a shared inventory item and one with its own.
    let shared = gid("InventoryItem", 1);
    let products = (1..=700).map(|n| {
        let mut product = product(n, SHORT);
        product["variants"][0]["inventoryItem"]["id"] = shared.clone().into();
        product
    });
    let shop = Shop::start(FakeState {
        products: products.collect(),
        ..FakeState::default()
    })
    .await;
    let client = shop.client();
    let all: Vec<u64> = (1..=700).collect();
    assert_eq!(client.products_of_inventory_items(&[1]).await.unwrap(), all);
    assert_eq!(shop.request_count("InventoryItemVariantsPage"), 3);

    let own: Vec<u64> = (1..=120)
        .rev()
        .map(|n| item_number(n, 2))
        .chain([77])
        .collect();
    let found = client.products_of_inventory_items(&own).await.unwrap();
    assert_eq!(found, all[..120]);
    assert!(
        client
            .products_of_inventory_items(&[])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn values_and_types_that_shopify_adds_later_are_read() {
    let mut new = discount(1, 0, 2);
    new["discount"]["status"] = "PAUSED".into();
    new["discount"]["customerGets"]["value"] =
        json!({ "__typename": "DiscountLottery", "odds": 3 });
    let unknown = json!({
        "id": gid("DiscountNode", 2),
        "discount": { "__typename": "DiscountAutomaticMoon", "title": "Full moon" },
    });
    let mut unlisted = product(1, SHORT);
    unlisted["status"] = "HIDDEN".into();
    let shop = Shop::start(FakeState {
        discounts: vec![new, unknown],
        products: vec![unlisted],
        ..FakeState::default()
    })
    .await;
    let found = shop.client().discounts_by_id(&[1, 2]).await.unwrap();
    let [Some(new), Some(unknown)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(new.common().unwrap().status, "PAUSED");
    assert_eq!(unknown.title(), Some("Full moon"));
    assert_eq!(unknown.id, Gid::new("DiscountAutomaticNode", 2));
    let written = serde_json::to_value(new).unwrap();
    assert_eq!(written["discount"]["customerGets"]["value"]["odds"], 3);
    let found = shop.client().products_by_id(&[1]).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().status, "HIDDEN");
}
