//! Generates complete objects of a shop, with plain arrays for their lists.

use serde_json::{Value, json};

const AT: &str = "2026-11-24T12:00:00Z";

/// The lengths of a product's lists.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lengths {
    pub(crate) variants: usize,
    pub(crate) levels: usize,
    pub(crate) metafields: usize,
}

pub(crate) fn gid(kind: &str, number: u64) -> String {
    format!("gid://shopify/{kind}/{number}")
}

fn numbers(count: usize) -> impl Iterator<Item = u64> {
    (1..).take(count)
}

pub(crate) fn metafields(owner: u64, count: usize) -> Vec<Value> {
    let one = |n: u64| {
        json!({
            "id": gid("Metafield", owner * 10_000 + n),
            "namespace": if n.is_multiple_of(4) { "other" } else { "custom" },
            "key": format!("key{n:04}"),
            "type": "single_line_text_field",
            "value": format!("value {n}"),
            "updatedAt": AT,
        })
    };
    let mut all: Vec<_> = numbers(count).map(one).collect();
    all.sort_by_key(|field| field["namespace"].to_string());
    all
}

fn level(item: u64, n: u64) -> Value {
    json!({
        "id": format!("gid://shopify/InventoryLevel/{n}?inventory_item_id={item}"),
        "isActive": true,
        "updatedAt": AT,
        "location": { "id": gid("Location", n), "name": format!("Place {n}"), "isActive": true },
        "quantities": [
            { "name": "available", "quantity": n },
            { "name": "on_hand", "quantity": -1 },
        ],
    })
}

/// The number of the inventory item of a product's `n`th variant.
pub(crate) fn item_number(product: u64, n: u64) -> u64 {
    product * 10_000 + n
}

fn variant(product: u64, n: u64, levels: usize) -> Value {
    let number = item_number(product, n);
    json!({
        "id": gid("ProductVariant", number),
        "legacyResourceId": number.to_string(),
        "title": format!("Variant {n}"),
        "sku": format!("SKU-{number}"),
        "barcode": null,
        "position": n,
        "price": "10.00",
        "compareAtPrice": null,
        "availableForSale": true,
        "inventoryPolicy": "DENY",
        "inventoryQuantity": 3,
        "taxable": true,
        "selectedOptions": [{ "name": "Size", "value": n.to_string() }],
        "updatedAt": AT,
        "inventoryItem": {
            "id": gid("InventoryItem", number),
            "legacyResourceId": number.to_string(),
            "sku": null,
            "tracked": true,
            "requiresShipping": true,
            "updatedAt": AT,
            "inventoryLevels": numbers(levels).map(|n| level(number, n)).collect::<Vec<_>>(),
        },
    })
}

pub(crate) fn product(number: u64, lengths: Lengths) -> Value {
    let price = json!({ "amount": "10.0", "currencyCode": "EUR" });
    let variants = numbers(lengths.variants).map(|n| variant(number, n, lengths.levels));
    json!({
        "id": gid("Product", number),
        "legacyResourceId": number.to_string(),
        "title": format!("Product {number}"),
        "handle": format!("product-{number}"),
        "description": "",
        "descriptionHtml": "",
        "productType": "",
        "category": null,
        "vendor": "",
        "tags": ["a", "b"],
        "status": "ACTIVE",
        "isGiftCard": false,
        "createdAt": AT,
        "updatedAt": AT,
        "publishedAt": null,
        "onlineStoreUrl": null,
        "totalInventory": 3,
        "tracksInventory": true,
        "hasOnlyDefaultVariant": false,
        "options": [],
        "priceRangeV2": { "minVariantPrice": price, "maxVariantPrice": price },
        "metafields": metafields(number, lengths.metafields),
        "variants": variants.collect::<Vec<_>>(),
    })
}

pub(crate) fn collection(number: u64, products: usize, metafield_count: usize) -> Value {
    let member = |n: u64| {
        json!({
            "id": gid("Product", n),
            "title": format!("Product {n}"),
            "handle": format!("product-{n}"),
        })
    };
    json!({
        "id": gid("Collection", number),
        "legacyResourceId": number.to_string(),
        "title": format!("Collection {number}"),
        "handle": format!("collection-{number}"),
        "description": "",
        "descriptionHtml": "",
        "sortOrder": "MANUAL",
        "templateSuffix": null,
        "updatedAt": AT,
        "products": numbers(products).map(member).collect::<Vec<_>>(),
        "metafields": metafields(number, metafield_count),
    })
}

pub(crate) fn location(number: u64) -> Value {
    json!({
        "id": gid("Location", number),
        "legacyResourceId": number.to_string(),
        "name": format!("Place {number}"),
        "isActive": !number.is_multiple_of(2),
        "updatedAt": AT,
    })
}

fn references(kind: &str, count: usize) -> Vec<Value> {
    numbers(count)
        .map(|n| json!({ "id": gid(kind, n) }))
        .collect()
}

/// A discount of the `kind`th of the eight kinds, with lists of the given length.
pub(crate) fn discount(number: u64, kind: usize, length: usize) -> Value {
    let products = json!({
        "__typename": "DiscountProducts",
        "products": references("Product", length),
        "productVariants": references("ProductVariant", length + 1),
    });
    let collections = json!({
        "__typename": "DiscountCollections",
        "collections": references("Collection", length),
    });
    let code = |n: u64| json!({ "id": gid("DiscountRedeemCode", number * 10_000 + n), "code": format!("CODE{n:05}") });
    let codes: Vec<_> = numbers(length).map(code).collect();
    let gets = json!({
        "appliesOnOneTimePurchase": true,
        "appliesOnSubscription": false,
        "value": { "__typename": "DiscountPercentage", "percentage": 0.25 },
        "items": products,
    });
    let buys = json!({
        "isOneTimePurchase": true,
        "isSubscription": false,
        "value": { "__typename": "DiscountQuantity", "quantity": "2" },
        "items": collections,
    });
    let app = json!({ "appKey": "k", "functionId": "f", "title": "t" });
    let everywhere = json!({ "__typename": "DiscountCountryAll", "allCountries": true });
    let once = json!({ "appliesOncePerCustomer": true, "usageLimit": null, "codes": codes });
    let words = json!({ "summary": "words", "shortSummary": "fewer" });
    let automatic = json!({ "automaticCycleLimit": 1, "recurringCycleLimit": 1 });
    let without_end = json!({ "recurringCycleLimit": null });
    let when = json!({ "appliesOnOneTimePurchase": true, "appliesOnSubscription": false });
    let least = json!({ "minimumRequirement": null });
    let shipping = json!({ "maximumShippingPrice": null, "destinationSelection": everywhere });
    let apps = json!({ "discountId": gid("DiscountNode", number), "appDiscountType": app });
    let get = json!({ "customerGets": gets });
    let buy = json!({ "customerBuys": buys, "usesPerOrderLimit": null, "summary": "words" });
    let (name, parts) = match kind % 8 {
        0 => (
            "DiscountCodeBasic",
            vec![once, words, without_end, least, get],
        ),
        1 => ("DiscountCodeBxgy", vec![once, buy, get]),
        2 => (
            "DiscountCodeFreeShipping",
            vec![once, words, without_end, when, least, shipping],
        ),
        3 => ("DiscountCodeApp", vec![once, without_end, when, apps]),
        4 => ("DiscountAutomaticBasic", vec![words, automatic, least, get]),
        5 => ("DiscountAutomaticBxgy", vec![buy, get]),
        6 => (
            "DiscountAutomaticFreeShipping",
            vec![words, automatic, when, least, shipping],
        ),
        _ => ("DiscountAutomaticApp", vec![automatic, when, apps]),
    };
    let mut discount = json!({
        "__typename": name,
        "title": format!("Discount {number}"),
        "status": "ACTIVE",
        "startsAt": AT,
        "endsAt": null,
        "createdAt": AT,
        "updatedAt": AT,
        "tags": [],
        "discountClasses": ["ORDER"],
        "combinesWith": {
            "orderDiscounts": true, "productDiscounts": false, "shippingDiscounts": false,
        },
        "context": { "__typename": "DiscountBuyerSelectionAll" },
    });
    let fields = discount.as_object_mut().unwrap();
    for part in parts {
        fields.extend(part.as_object().unwrap().clone());
    }
    // A field that is requested under an alias is returned under the alias only.
    if fields.contains_key("automaticCycleLimit") {
        fields.remove("recurringCycleLimit");
    }
    json!({ "id": gid("DiscountNode", number), "discount": discount })
}
