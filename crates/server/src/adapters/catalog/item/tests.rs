//! Tests the conversion of Shopify objects into items.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn model<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn body(item: &Item) -> Value {
    serde_json::from_str(&item.body).unwrap()
}

fn connection(nodes: &Value) -> Value {
    json!({"nodes": nodes, "pageInfo": {"hasNextPage": false, "endCursor": "abc"}})
}

fn level(location: u64, available: i64) -> Value {
    json!({
        "id": format!("gid://shopify/InventoryLevel/{location}?inventory_item_id=30"),
        "isActive": true, "updatedAt": "2026-11-01T00:00:00Z",
        "location": {"id": format!("gid://shopify/Location/{location}"), "name": "Shop", "isActive": true},
        "quantities": [{"name": "available", "quantity": available}],
    })
}

fn variant(id: u64, stock: u64, levels: &Value) -> Value {
    json!({
        "id": format!("gid://shopify/ProductVariant/{id}"), "legacyResourceId": id.to_string(),
        "title": "M", "sku": "S", "barcode": null, "position": 1, "price": "10.00", "compareAtPrice": null,
        "availableForSale": true, "inventoryPolicy": "DENY", "inventoryQuantity": 3, "taxable": true,
        "selectedOptions": [{"name": "Size", "value": "M"}], "updatedAt": "2026-11-01T00:00:00Z",
        "inventoryItem": {
            "id": format!("gid://shopify/InventoryItem/{stock}"), "legacyResourceId": stock.to_string(),
            "sku": "S", "tracked": true, "requiresShipping": true, "updatedAt": "2026-11-01T00:00:00Z",
            "inventoryLevels": connection(levels),
        },
    })
}

fn product_json(title: &str) -> Value {
    json!({
        "id": "gid://shopify/Product/9007199254740993", "legacyResourceId": "9007199254740993",
        "title": title, "handle": "shirt", "description": "d", "descriptionHtml": "<p>d</p>",
        "productType": "Shirts", "category": null, "vendor": "V", "tags": ["a"], "status": "ACTIVE",
        "isGiftCard": false, "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-11-02T03:04:05Z",
        "publishedAt": null, "onlineStoreUrl": null, "totalInventory": 3, "tracksInventory": true,
        "hasOnlyDefaultVariant": false, "options": [],
        "priceRangeV2": {
            "minVariantPrice": {"amount": "10.0", "currencyCode": "EUR"},
            "maxVariantPrice": {"amount": "10.0", "currencyCode": "EUR"},
        },
        "metafields": connection(&json!([{
            "id": "gid://shopify/Metafield/1", "namespace": "custom", "key": "fabric",
            "type": "single_line_text_field", "value": "wool", "updatedAt": "2026-11-01T00:00:00Z",
        }])),
        "variants": connection(&json!([
            variant(21, 31, &json!([level(40, 1), level(41, 2)])),
            variant(20, 30, &json!([level(40, 0)])),
        ])),
    })
}

fn discount_json(kind: &str, fields: &Value) -> Discount {
    let mut all = json!({
        "__typename": kind, "title": "Ten off", "status": "ACTIVE",
        "startsAt": "2026-01-01T00:00:00Z", "endsAt": null,
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-11-02T03:04:05Z",
        "tags": [], "discountClasses": ["ORDER"],
        "combinesWith": {"orderDiscounts": false, "productDiscounts": false, "shippingDiscounts": true},
        "context": {"__typename": "DiscountBuyerSelectionAll"},
        "summary": "10%", "shortSummary": "10%", "recurringCycleLimit": 0,
        "minimumRequirement": null,
        "customerGets": {
            "appliesOnOneTimePurchase": true, "appliesOnSubscription": false,
            "value": {"__typename": "DiscountPercentage", "percentage": 0.1},
            "items": {"__typename": "AllDiscountItems", "allItems": true},
        },
    });
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    let node = if kind.starts_with("DiscountCode") {
        "DiscountCodeNode"
    } else {
        "DiscountAutomaticNode"
    };
    model(json!({"id": format!("gid://shopify/{node}/77"), "discount": all}))
}

#[test]
fn a_products_fields_are_at_the_expected_paths() {
    let item = product(&model(product_json("Shirt"))).unwrap();
    assert_eq!(item.section, Section::Products);
    assert_eq!(item.key.to_string(), "product/9007199254740993");
    let body = body(&item);
    for field in [
        "title",
        "description",
        "handle",
        "productType",
        "vendor",
        "tags",
        "status",
    ] {
        assert!(!body[field].is_null(), "{field}");
    }
    let first = &body["variants"]["edges"][0]["node"];
    assert_eq!(first["price"], "10.00");
    assert_eq!(first["availableForSale"], true);
    let level = &first["inventoryItem"]["inventoryLevels"]["edges"][0]["node"];
    assert_eq!(level["quantities"][0]["name"], "available");
    assert_eq!(level["location"]["name"], "Shop");
    let metafield = &body["metafields"]["edges"][0]["node"];
    assert_eq!(
        (&metafield["key"], &metafield["value"]),
        (&json!("fabric"), &json!("wool"))
    );
    assert_eq!(body["variants"]["pageInfo"]["hasNextPage"], false);
    assert!(!item.body.contains("abc"), "no cursor: {}", item.body);
}

#[test]
fn a_product_references_its_inventory_items_and_locations() {
    let item = product(&model(product_json("Shirt"))).unwrap();
    let references: Vec<_> = item.references.iter().map(ToString::to_string).collect();
    assert_eq!(
        references,
        [
            "location/40",
            "location/41",
            "inventory_item/30",
            "inventory_item/31"
        ]
    );
    assert_eq!(item.denorm_fields, r#"["Shirt","shirt"]"#);
    let at = item.updated_at.unwrap();
    assert_eq!(at, "2026-11-02T03:04:05Z".parse::<Timestamp>().unwrap());
}

#[test]
fn the_same_object_gives_the_same_bytes_and_another_title_other_denormalised_fields() {
    let one = product(&model(product_json("Shirt"))).unwrap();
    assert_eq!(one, product(&model(product_json("Shirt"))).unwrap());
    let other = product(&model(product_json("Blouse"))).unwrap();
    assert_ne!(one.hash, other.hash);
    assert_ne!(one.denorm_fields, other.denorm_fields);
    let hash = spaces_store::ContentHash::of(one.body.as_bytes());
    assert_eq!(one.hash.to_string(), hash.to_string());
}

#[test]
fn discounts_are_placed_by_whether_they_need_a_code() {
    let codes = connection(&json!([{"id": "gid://shopify/DiscountRedeemCode/1", "code": "TEN"}]));
    let fields = json!({"usageLimit": null, "appliesOncePerCustomer": false, "codes": codes});
    let item = discount(&discount_json("DiscountCodeBasic", &fields)).unwrap();
    assert_eq!(item.section, Section::CodeDiscounts);
    let node = body(&item);
    assert_eq!(node["id"], "gid://shopify/DiscountCodeNode/77");
    let code_discount = &node["codeDiscount"];
    assert_eq!(code_discount["title"], "Ten off");
    assert_eq!(code_discount["codes"]["edges"][0]["node"]["code"], "TEN");
    assert_eq!(code_discount["customerGets"]["value"]["percentage"], 0.1);
    assert_eq!(code_discount["startsAt"], "2026-01-01T00:00:00Z");
    assert!(code_discount["endsAt"].is_null());

    let item = discount(&discount_json("DiscountAutomaticBasic", &json!({}))).unwrap();
    assert_eq!(item.section, Section::AutomaticDiscounts);
    let node = body(&item);
    assert_eq!(node["id"], "gid://shopify/DiscountAutomaticNode/77");
    assert_eq!(node["automaticDiscount"]["title"], "Ten off");
    assert!(item.updated_at.is_some());
}

#[test]
fn an_unknown_kind_of_discount_is_kept_unchanged() {
    let new = model(json!({
        "id": "gid://shopify/DiscountCodeNode/5",
        "discount": {"__typename": "DiscountCodeLottery"},
    }));
    let item = discount(&new).unwrap();
    assert_eq!(item.section, Section::CodeDiscounts);
    assert_eq!(
        body(&item)["codeDiscount"]["__typename"],
        "DiscountCodeLottery"
    );
}

#[test]
fn a_collection_references_its_products() {
    let products = json!([
        {"id": "gid://shopify/Product/2", "title": "B", "handle": "b"},
        {"id": "gid://shopify/Product/1", "title": "A", "handle": "a"},
    ]);
    let item = collection(&model(json!({
        "id": "gid://shopify/Collection/3", "legacyResourceId": "3", "title": "All", "handle": "all",
        "description": "", "descriptionHtml": "", "sortOrder": "MANUAL", "templateSuffix": null,
        "updatedAt": "not a time", "products": connection(&products), "metafields": connection(&json!([])),
    })))
    .unwrap();
    let references: Vec<_> = item.references.iter().map(ToString::to_string).collect();
    assert_eq!(references, ["product/2", "product/1"]);
    assert_eq!(body(&item)["products"]["edges"][0]["node"]["title"], "B");
    assert_eq!((item.updated_at, item.denorm_fields.as_str()), (None, ""));
}

#[test]
fn a_locations_denormalised_fields_are_what_inventory_levels_repeat() {
    let location = |name: &str, active: bool| {
        location(&model(json!({
            "id": "gid://shopify/Location/4", "legacyResourceId": "4", "name": name,
            "isActive": active, "updatedAt": "2026-11-01T00:00:00Z",
        })))
        .unwrap()
    };
    assert_eq!(
        location("A", true).denorm_fields,
        location("A", true).denorm_fields
    );
    assert_ne!(
        location("A", true).denorm_fields,
        location("B", true).denorm_fields
    );
    assert_ne!(
        location("A", true).denorm_fields,
        location("A", false).denorm_fields
    );
    assert_eq!(location("A", true).section, Section::Locations);
}

#[test]
fn the_shop_is_one_item() {
    let item = shop(&model(json!({
        "id": "gid://shopify/Shop/1", "name": "S", "myshopifyDomain": "a.myshopify.com",
        "primaryDomain": {"host": "h", "url": "https://h"}, "currencyCode": "EUR",
        "ianaTimezone": "Europe/Berlin", "weightUnit": "GRAMS",
        "plan": {"publicDisplayName": "Basic", "shopifyPlus": false, "partnerDevelopment": false},
    })))
    .unwrap();
    assert_eq!((item.key, item.section), (ItemKey::SHOP, Section::Shop));
    assert_eq!(body(&item)["primaryDomain"]["url"], "https://h");
}

#[test]
fn an_object_that_cannot_be_an_item_is_a_permanent_error() {
    assert!(key(ItemKind::Product, u64::MAX).is_err());
    let mut huge = product_json("Shirt");
    huge["totalInventory"] = json!(1_u64 << 60);
    let error = product(&model(huge)).unwrap_err();
    assert_eq!(error.disposition, sync_core::Disposition::Fail);
    assert!(
        error.chain().contains("/totalInventory"),
        "{}",
        error.chain()
    );
}
