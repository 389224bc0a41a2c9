//! Tests the data in responses: scalars, filters, counts and nodes.

use serde_json::{Value, json};

use super::{EMPTY, NOW, Shop, at};
use crate::catalog::discount::DiscountKind;
use crate::catalog::gid::{gid, level_gid};
use crate::catalog::model::{Cents, ProductStatus, iso};
use crate::catalog::spec::CatalogSpec;

#[test]
fn scalars_are_written_as_shopify_writes_them() {
    let mut shop = Shop::small();
    let (id, product) = shop.catalog.products.iter_mut().next().unwrap();
    let id = *id;
    product.variants[0].price = Cents(1_250);
    product.variants[0].compare_at = None;
    product.variants[1].price = Cents(2_000);
    let variant = product.variants[0].id;
    let at_ = iso(product.updated_at);
    let query = format!(
        "{{ product(id: \"{}\") {{ __typename legacyResourceId updatedAt priceRangeV2 {{ minVariantPrice {{ amount currencyCode }} }} variants(first: 1) {{ nodes {{ id price compareAtPrice }} }} }} }}",
        gid("Product", id)
    );
    for other in product.variants.iter_mut().skip(1) {
        other.price = other.price.max(Cents(1_300));
    }
    let data = shop.query(&query, EMPTY());
    let expected = json!({
        "__typename": "Product",
        "legacyResourceId": id.to_string(),
        "updatedAt": at_,
        "priceRangeV2": {"minVariantPrice": {"amount": "12.5", "currencyCode": shop.catalog.shop.currency}},
        "variants": {"nodes": [{"id": gid("ProductVariant", variant), "price": "12.50", "compareAtPrice": null}]},
    });
    assert_eq!(data["product"], expected);
}

#[test]
fn aliases_fragments_and_repeated_fields_are_merged() {
    let mut shop = Shop::small();
    let query = "query { a: shop { ...Name plan { shopifyPlus } } shop { currencyCode plan { publicDisplayName } } shop { plan { shopifyPlus } ... { id } } __typename }
        fragment Name on Shop { title: name __typename }";
    let data = shop.query(query, EMPTY());
    let id = gid("Shop", shop.catalog.shop.id);
    let expected = json!({
        "__typename": "QueryRoot",
        "a": {"title": "Example", "__typename": "Shop", "plan": {"shopifyPlus": false}},
        "shop": {"currencyCode": shop.catalog.shop.currency, "plan": {"publicDisplayName": "Basic", "shopifyPlus": false}, "id": id},
    });
    assert_eq!(data, expected);
}

#[test]
fn products_are_the_active_ones_unless_a_status_is_named() {
    let mut shop = Shop::new(&CatalogSpec {
        products: 60,
        ..CatalogSpec::default()
    });
    let number = |shop: &Shop, status| {
        let products = shop.catalog.products.values();
        products.filter(|product| product.status == status).count()
    };
    let (active, draft) = (
        number(&shop, ProductStatus::Active),
        number(&shop, ProductStatus::Draft),
    );
    assert!(active > 0 && draft > 0 && active < 60);
    for (query, expected) in [
        ("", active),
        ("id:>0", active),
        ("status:draft", draft),
        ("status:DRAFT,ACTIVE", active + draft),
        ("-status:draft", 60 - draft),
        ("status:active,archived,draft,unlisted", 60),
    ] {
        let data = shop.query(
            "query($query: String) { products(first: 250, query: $query) { nodes { id } } productsCount(query: $query) { count precision } }",
            json!({ "query": query }),
        );
        assert_eq!(
            data["products"]["nodes"].as_array().unwrap().len(),
            expected,
            "{query}"
        );
        assert_eq!(
            data["productsCount"],
            json!({"count": expected, "precision": "EXACT"})
        );
    }
}

#[test]
fn counts_stop_at_their_limit_and_say_so() {
    let mut shop = Shop::small();
    let total = shop.catalog.discounts.len();
    for (limit, expected) in [
        ("", json!({"count": total, "precision": "EXACT"})),
        (
            "(limit: null)",
            json!({"count": total, "precision": "EXACT"}),
        ),
        ("(limit: 16)", json!({"count": 16, "precision": "EXACT"})),
        ("(limit: 3)", json!({"count": 3, "precision": "AT_LEAST"})),
    ] {
        let data = shop.query(
            &format!("{{ discountNodesCount{limit} {{ count precision }} }}"),
            EMPTY(),
        );
        assert_eq!(data["discountNodesCount"], expected, "{limit}");
    }
}

#[test]
fn a_count_without_a_limit_of_its_own_ends_at_10_000() {
    let mut shop = Shop::new(&CatalogSpec {
        products: 10_001,
        variants_per_product: 1,
        ..CatalogSpec::default()
    });
    let count = |shop: &mut Shop, limit: &str| {
        let data = shop.query(
            &format!("{{ productVariantsCount{limit} {{ count precision }} }}"),
            EMPTY(),
        );
        data["productVariantsCount"].clone()
    };
    assert_eq!(
        count(&mut shop, ""),
        json!({"count": 10_000, "precision": "AT_LEAST"})
    );
    assert_eq!(
        count(&mut shop, "(limit: null)"),
        json!({"count": 10_001, "precision": "EXACT"})
    );
}

#[test]
fn filters_select_the_matching_products() {
    let mut shop = Shop::small();
    let ids: Vec<u64> = shop.catalog.products.keys().copied().collect();
    let product = &shop.catalog.products[&ids[4]];
    let (title, updated, sku) = (product.title.to_string(), product.updated_at, "SKU-4-0");
    let all = "status:active,archived,draft,unlisted";
    let mut found = |query: String| -> Vec<String> {
        let data = shop.query(
            "query($query: String) { products(first: 250, query: $query) { nodes { id } } }",
            json!({ "query": query }),
        );
        let nodes = data["products"]["nodes"].as_array().unwrap().iter();
        nodes
            .map(|node| node["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let own = gid("Product", ids[4]);
    assert_eq!(found(format!("id:{} {all}", ids[4])), [own.as_str()]);
    assert_eq!(found(format!("id:>{} {all}", ids[17])).len(), 2);
    assert_eq!(
        found(format!("id:>={} id:<{} {all}", ids[2], ids[4])).len(),
        2
    );
    assert!(found(format!("title:\"{title}\" {all}")).contains(&own));
    assert_eq!(found(format!("sku:{sku} {all}")), [own.as_str()]);
    assert!(found(format!("updated_at:>='{}' {all}", iso(updated))).contains(&own));
    assert!(!found(format!("updated_at:>'{}' {all}", iso(updated))).contains(&own));
}

#[test]
fn nodes_are_in_the_order_of_ids_with_null_for_unknown_ones() {
    let mut shop = Shop::small();
    let catalog = &shop.catalog;
    let product = catalog.products.values().next().unwrap();
    let variant = &product.variants[0];
    let level = &variant.item.levels[0];
    let (code, automatic) = (
        catalog
            .discounts
            .values()
            .find(|each| each.kind.has_codes())
            .unwrap()
            .id,
        catalog
            .discounts
            .values()
            .find(|each| !each.kind.has_codes())
            .unwrap()
            .id,
    );
    let metafield = product.metafields[0].id;
    let requested = [
        (gid("Product", product.id), Some("Product")),
        (gid("Product", 1), None),
        (gid("ProductVariant", variant.id), Some("ProductVariant")),
        (gid("InventoryItem", variant.item.id), Some("InventoryItem")),
        (
            level_gid(level.location, variant.item.id).to_string(),
            Some("InventoryLevel"),
        ),
        (gid("Location", level.location), Some("Location")),
        (
            gid("Collection", *catalog.collections.keys().next().unwrap()),
            Some("Collection"),
        ),
        (gid("DiscountNode", code), Some("DiscountNode")),
        (gid("DiscountCodeNode", code), Some("DiscountCodeNode")),
        (gid("DiscountAutomaticNode", code), None),
        (
            gid("DiscountAutomaticNode", automatic),
            Some("DiscountAutomaticNode"),
        ),
        (gid("DiscountCodeNode", automatic), None),
        (gid("Metafield", metafield), Some("Metafield")),
        (gid("Shop", catalog.shop.id), Some("Shop")),
        (gid("Order", 1), None),
        (gid("Product", product.id), Some("Product")),
    ];
    let ids: Vec<&str> = requested.iter().map(|(id, _)| id.as_str()).collect();
    let data = shop.query(
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        json!({ "ids": ids }),
    );
    let expected: Vec<Value> = requested
        .iter()
        .map(|(id, name)| name.map_or(Value::Null, |name| json!({"__typename": name, "id": id})))
        .collect();
    assert_eq!(data["nodes"], json!(expected));
    for (id, name) in &requested {
        let data = shop.query(
            "query($id: ID!) { node(id: $id) { __typename } }",
            json!({ "id": id }),
        );
        assert_eq!(data["node"]["__typename"].as_str(), *name, "{id}");
    }
}

#[test]
fn all_kinds_of_discount_are_found_under_each_of_their_ids() {
    let mut shop = Shop::small();
    for kind in DiscountKind::ALL {
        let discount = shop
            .catalog
            .discounts
            .values()
            .find(|each| each.kind == kind)
            .unwrap();
        let (id, title, status) = (discount.id, discount.title.clone(), discount.status(NOW));
        for form in ["DiscountNode", kind.node_type()] {
            let query = format!(
                "{{ discountNode(id: \"{}\") {{ id discount {{ __typename ... on {} {{ title status }} }} }} }}",
                gid(form, id),
                kind.type_name()
            );
            let data = shop.query(&query, EMPTY());
            let expected = json!({
                "id": gid("DiscountNode", id),
                "discount": {"__typename": kind.type_name(), "title": title, "status": status},
            });
            assert_eq!(data["discountNode"], expected);
        }
    }
    let data = shop.query("{ codeDiscountNodes(first: 250) { nodes { id codeDiscount { __typename } } } automaticDiscountNodes(first: 250) { nodes { id } } discountNodes(first: 250) { nodes { id } } }", EMPTY());
    let size = |name: &str| data[name]["nodes"].as_array().unwrap().len();
    assert_eq!(
        (
            size("codeDiscountNodes"),
            size("automaticDiscountNodes"),
            size("discountNodes")
        ),
        (8, 8, 16)
    );
}

#[test]
fn metafields_are_selected_by_namespace_or_keys() {
    let mut shop = Shop::small();
    let fields = shop
        .catalog
        .products
        .values()
        .next()
        .unwrap()
        .metafields
        .clone();
    let (custom, other) = (&fields[0], fields.last().unwrap());
    assert_ne!(custom.namespace, other.namespace);
    let id = shop.product(0);
    let key = format!("{}.{}", other.namespace, other.key);
    let query = format!(
        "{{ product(id: \"{id}\") {{
            all: metafields(first: 50) {{ nodes {{ id }} }}
            custom: metafields(first: 50, namespace: \"custom\") {{ nodes {{ id namespace key }} }}
            keys: metafields(first: 50, keys: [\"{key}\"]) {{ nodes {{ id key ownerType value compareDigest }} }}
            one: metafield(namespace: \"{}\", key: \"{}\") {{ id }}
            app: metafield(key: \"{}\") {{ id }}
        }} }}",
        custom.namespace, custom.key, custom.key
    );
    let data = shop.query(&query, EMPTY());
    let product = &data["product"];
    let size = |name: &str| product[name]["nodes"].as_array().unwrap().len();
    assert_eq!(
        (size("all"), size("custom"), size("keys")),
        (fields.len(), fields.len() - 1, 1)
    );
    let found = at(product, "/keys/nodes/0");
    assert_eq!(found["id"], gid("Metafield", other.id));
    assert_eq!(
        (&found["key"], &found["ownerType"]),
        (&json!(key), &json!("PRODUCT"))
    );
    assert_eq!(found["compareDigest"].as_str().unwrap().len(), 64);
    assert_eq!(product["one"]["id"], gid("Metafield", custom.id));
    assert_eq!(product["app"], Value::Null);
}

#[test]
fn inactive_locations_and_levels_are_shown_only_on_request() {
    let mut shop = Shop::small();
    let (_, location) = shop.catalog.locations.iter_mut().next().unwrap();
    location.active = false;
    let product = shop.catalog.products.values_mut().next().unwrap();
    let item = &mut product.variants[0].item;
    item.levels[0].active = false;
    let (item, level) = (item.id, item.levels[0].location);
    let query = format!(
        "query($all: Boolean!) {{
            locations(first: 9, includeInactive: $all) {{ nodes {{ isActive }} }}
            inventoryItem(id: \"{}\") {{
                inventoryLevels(first: 9, includeInactive: $all) {{ nodes {{ isActive quantities(names: [\"available\", \"on_hand\"]) {{ name quantity }} }} }}
                inventoryLevel(locationId: \"{}\", includeInactive: $all) {{ isActive }}
            }} }}",
        gid("InventoryItem", item),
        gid("Location", level)
    );
    for (all, locations, levels) in [(false, 2, 1), (true, 3, 2)] {
        let data = shop.query(&query, json!({ "all": all }));
        let size = |path: &str| at(&data, path).as_array().unwrap().len();
        assert_eq!(size("/locations/nodes"), locations);
        assert_eq!(size("/inventoryItem/inventoryLevels/nodes"), levels);
        assert_eq!(at(&data, "/inventoryItem/inventoryLevel").is_null(), !all);
    }
}

#[test]
fn introspection_returns_the_pinned_schema() {
    let mut shop = Shop::small();
    let query = "query($name: String!) { __schema { queryType { name } } type: __type(name: $name) { kind fields { name } } shop { name } }";
    let data = shop.query(query, json!({"name": "MoneyV2"}));
    let expected = json!({
        "__schema": {"queryType": {"name": "QueryRoot"}},
        "type": {"kind": "OBJECT", "fields": [{"name": "amount"}, {"name": "currencyCode"}]},
        "shop": {"name": "Example"},
    });
    assert_eq!(data, expected);
}

#[test]
fn api_versions_and_scopes_are_listed() {
    let mut shop = Shop::small();
    let data = shop.query("{ publicApiVersions { handle supported } currentAppInstallation { accessScopes { handle } } }", EMPTY());
    let versions = data["publicApiVersions"].as_array().unwrap();
    assert!(versions.contains(&json!({"handle": "2026-10", "supported": true})));
    assert!(versions.contains(&json!({"handle": "unstable", "supported": false})));
    let scopes: Vec<Value> = super::SCOPES
        .iter()
        .map(|scope| json!({"handle": scope}))
        .collect();
    assert_eq!(
        data["currentAppInstallation"]["accessScopes"],
        json!(scopes)
    );
}
