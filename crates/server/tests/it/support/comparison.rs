//! Converts a shop and its document into the same form, so that tests can compare them.

use serde_json::{Value, json};

/// Returns what the document must contain of a shop: the shop without the fields that no operation reads, which are
/// metafields of variants and of other namespaces, inventory states that are not sellable, and the use counts of discounts.
pub(crate) fn comparable_shop(truth: &Value) -> Value {
    let mut shop = truth.clone();
    for product in list(&mut shop["products"]) {
        keep_custom(&mut product["metafields"]);
        sort_texts(&mut product["tags"]);
        for option in list(&mut product["options"]) {
            remove(option, &["id"]);
        }
        for variant in list(&mut product["variants"]) {
            remove(variant, &["metafields", "created_at"]);
            for level in list(&mut variant["levels"]) {
                let others = ["damaged", "quality_control", "reserved", "safety_stock"];
                remove(level, &others);
            }
        }
    }
    for location in list(&mut shop["locations"]) {
        remove(location, &["created_at"]);
    }
    for collection in list(&mut shop["collections"]) {
        keep_custom(&mut collection["metafields"]);
    }
    for discount in list(&mut shop["discounts"]) {
        remove(discount, &["usage_count", "discount_class", "on_quantity"]);
        sort_texts(&mut discount["codes"]);
        sort_texts(&mut discount["tags"]);
        let kind = discount["kind"].as_str().unwrap();
        if kind.starts_with("DiscountAutomatic") {
            // Automatic discounts have no such field.
            discount["usage_limit"] = Value::Null;
        }
    }
    shop
}

/// Returns the same form, read from a document.
pub(crate) fn comparable_document(document: &Value) -> Value {
    let data = &document["data"];
    let shop = &data["shop"];
    let mut discounts: Vec<Value> = nodes(&data["codeDiscountNodes"])
        .map(|node| discount(node, "codeDiscount"))
        .chain(
            nodes(&data["automaticDiscountNodes"]).map(|node| discount(node, "automaticDiscount")),
        )
        .collect();
    discounts.sort_by_key(|discount| discount["id"].as_u64());
    json!({
        "shop": {
            "id": number(&shop["id"]),
            "name": shop["name"],
            "myshopify_domain": shop["myshopifyDomain"],
            "currency_code": shop["currencyCode"],
            "iana_timezone": shop["ianaTimezone"],
        },
        "locations": nodes(&data["locations"]).map(location).collect::<Value>(),
        "products": nodes(&data["products"]).map(product).collect::<Value>(),
        "discounts": discounts,
        "collections": nodes(&data["collections"]).map(collection).collect::<Value>(),
    })
}

fn location(node: &Value) -> Value {
    json!({
        "id": number(&node["id"]),
        "name": node["name"],
        "is_active": node["isActive"],
        "updated_at": node["updatedAt"],
    })
}

fn product(node: &Value) -> Value {
    let options = node["options"].as_array().unwrap().iter().map(|option| {
        let values = option["optionValues"].as_array().unwrap();
        let values = values.iter().map(|value| value["name"].clone());
        json!({"name": option["name"], "values": values.collect::<Value>()})
    });
    json!({
        "id": number(&node["id"]),
        "title": node["title"],
        "handle": node["handle"],
        "description": node["description"],
        "description_html": node["descriptionHtml"],
        "product_type": node["productType"],
        "vendor": node["vendor"],
        "tags": node["tags"],
        "status": node["status"],
        "category": node["category"]["fullName"],
        "is_gift_card": node["isGiftCard"],
        "created_at": node["createdAt"],
        "updated_at": node["updatedAt"],
        "published_at": node["publishedAt"],
        "total_inventory": node["totalInventory"],
        "tracks_inventory": node["tracksInventory"],
        "options": options.collect::<Value>(),
        "metafields": metafields(&node["metafields"]),
        "variants": by_id(nodes(&node["variants"]).map(variant).collect()),
    })
}

fn variant(node: &Value) -> Value {
    let item = &node["inventoryItem"];
    json!({
        "id": number(&node["id"]),
        "title": node["title"],
        "position": node["position"],
        "sku": node["sku"],
        "barcode": node["barcode"],
        "price": node["price"],
        "compare_at_price": node["compareAtPrice"],
        "available_for_sale": node["availableForSale"],
        "inventory_policy": node["inventoryPolicy"],
        "inventory_quantity": node["inventoryQuantity"],
        "taxable": node["taxable"],
        "updated_at": node["updatedAt"],
        "selected_options": node["selectedOptions"],
        "inventory_item_id": number(&item["id"]),
        "tracked": item["tracked"],
        "requires_shipping": item["requiresShipping"],
        "levels": nodes(&item["inventoryLevels"]).map(level).collect::<Value>(),
    })
}

fn level(node: &Value) -> Value {
    let quantity = |name: &str| {
        let quantities = node["quantities"].as_array().unwrap();
        let found = quantities.iter().find(|quantity| quantity["name"] == name);
        found.unwrap()["quantity"].clone()
    };
    json!({
        "location_id": number(&node["location"]["id"]),
        "location_name": node["location"]["name"],
        "is_active": node["isActive"],
        "available": quantity("available"),
        "committed": quantity("committed"),
        "incoming": quantity("incoming"),
        "on_hand": quantity("on_hand"),
        "updated_at": node["updatedAt"],
    })
}

fn metafields(connection: &Value) -> Value {
    let fields = nodes(connection).map(|node| {
        json!({
            "id": number(&node["id"]),
            "namespace": node["namespace"],
            "key": node["key"],
            "type": node["type"],
            "value": node["value"],
            "updated_at": node["updatedAt"],
        })
    });
    by_id(fields.collect())
}

fn discount(node: &Value, member: &str) -> Value {
    let discount = &node[member];
    let value = &discount["customerGets"]["value"];
    let effect = match value["__typename"].as_str() {
        Some("DiscountOnQuantity") => &value["effect"],
        _ => value,
    };
    let mut codes: Vec<Value> = discount["codes"]
        .is_object()
        .then(|| nodes(&discount["codes"]).map(|code| code["code"].clone()))
        .into_iter()
        .flatten()
        .collect();
    codes.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    json!({
        "id": number(&node["id"]),
        "kind": discount["__typename"],
        "title": discount["title"],
        "status": discount["status"],
        "starts_at": discount["startsAt"],
        "ends_at": discount["endsAt"],
        "created_at": discount["createdAt"],
        "updated_at": discount["updatedAt"],
        "codes": codes,
        "percentage": effect["percentage"],
        "amount": effect["amount"]["amount"],
        "usage_limit": discount["usageLimit"],
        "tags": discount["tags"],
    })
}

fn collection(node: &Value) -> Value {
    let products = nodes(&node["products"]).map(|product| {
        json!({
            "id": number(&product["id"]),
            "title": product["title"],
            "handle": product["handle"],
        })
    });
    json!({
        "id": number(&node["id"]),
        "title": node["title"],
        "handle": node["handle"],
        "description_html": node["descriptionHtml"],
        "sort_order": node["sortOrder"],
        "updated_at": node["updatedAt"],
        "metafields": metafields(&node["metafields"]),
        "products": products.collect::<Value>(),
    })
}

/// Returns the nodes of a connection, which must be complete.
fn nodes(connection: &Value) -> impl Iterator<Item = &Value> {
    assert_eq!(connection["pageInfo"]["hasNextPage"], false, "{connection}");
    let edges = connection["edges"].as_array().unwrap();
    edges.iter().map(|edge| &edge["node"])
}

/// Returns the number at the end of a global id.
fn number(gid: &Value) -> u64 {
    let gid = gid.as_str().unwrap_or_else(|| panic!("{gid} is not an id"));
    gid.rsplit('/').next().unwrap().parse().unwrap()
}

fn by_id(mut items: Vec<Value>) -> Value {
    items.sort_by_key(|item| item["id"].as_u64());
    items.into()
}

fn list(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_array_mut().unwrap().iter_mut()
}

fn remove(value: &mut Value, names: &[&str]) {
    let members = value.as_object_mut().unwrap();
    for name in names {
        members.remove(*name);
    }
}

fn keep_custom(metafields: &mut Value) {
    let fields = metafields.as_array_mut().unwrap();
    fields.retain(|field| field["namespace"] == "custom");
}

fn sort_texts(value: &mut Value) {
    let texts = value.as_array_mut().unwrap();
    texts.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
}
