//! Tests that pages of any size together return every node once, in order.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Shop, at};
use crate::catalog::gid::gid;
use crate::catalog::spec::CatalogSpec;

const ALL: &str = "status:active,archived,draft,unlisted";

/// A connection to page through: its field with all arguments but those of paging, the query around it, and the JSON
/// pointer to its parent.
struct PagedConnection {
    field: String,
    enclosing: (String, &'static str),
    path: &'static str,
}

fn paged_connections(shop: &Shop) -> Vec<PagedConnection> {
    let catalog = &shop.catalog;
    let root = |field: String| PagedConnection {
        path: "",
        enclosing: (String::new(), ""),
        field,
    };
    let within = |enclosing: String, closing, path, field: &str| PagedConnection {
        field: field.to_owned(),
        enclosing: (enclosing, closing),
        path,
    };
    let mut connections = Vec::new();
    for sort in [
        "ID",
        "TITLE",
        "UPDATED_AT",
        "VENDOR",
        "INVENTORY_TOTAL",
        "RELEVANCE",
    ] {
        connections.push(root(format!("products(query: \"{ALL}\", sortKey: {sort}")));
    }
    for field in [
        "productVariants(sortKey: SKU",
        "inventoryItems(query: \"\"",
        "locations(includeInactive: true",
        "collections(sortKey: TITLE",
        "discountNodes(sortKey: CREATED_AT",
        "automaticDiscountNodes(sortKey: ID",
    ] {
        connections.push(root(field.to_owned()));
    }
    let product = format!("product(id: \"{}\") {{", shop.product(0));
    for field in [
        "variants(sortKey: POSITION",
        "variants(sortKey: TITLE",
        "metafields(namespace: \"custom\"",
    ] {
        connections.push(within(product.clone(), "}", "/product", field));
    }
    let item = catalog.products.values().next().unwrap().variants[0]
        .item
        .id;
    let item = format!("inventoryItem(id: \"{}\") {{", gid("InventoryItem", item));
    connections.push(within(
        item,
        "}",
        "/inventoryItem",
        "inventoryLevels(includeInactive: true",
    ));
    let collection = catalog.collections.keys().next().unwrap();
    let collection = format!("collection(id: \"{}\") {{", gid("Collection", *collection));
    for sort in ["COLLECTION_DEFAULT", "MANUAL", "PRICE", "BEST_SELLING"] {
        let field = format!("products(sortKey: {sort}");
        connections.push(within(collection.clone(), "}", "/collection", &field));
    }
    let discount = catalog.discounts.values().next().unwrap();
    let enclosing = format!(
        "discountNode(id: \"{}\") {{ discount {{ ... on DiscountCodeBasic {{",
        gid("DiscountNode", discount.id)
    );
    connections.push(within(
        enclosing,
        "}}}",
        "/discountNode/discount",
        "codes(sortKey: CODE",
    ));
    connections
}

/// All ids, in the order of the pages.
fn collect_pages(
    shop: &mut Shop,
    connection: &PagedConnection,
    size: usize,
    forward: bool,
    reverse: bool,
) -> Vec<String> {
    let (count, cursor) = if forward {
        ("first", "after")
    } else {
        ("last", "before")
    };
    let query = format!(
        "query($cursor: String) {{ {} it: {}, {count}: {size}, {cursor}: $cursor, reverse: {reverse}) {{ nodes {{ id }} edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} {} }}",
        connection.enclosing.0, connection.field, connection.enclosing.1
    );
    let mut ids: Vec<String> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let data = shop.query(&query, json!({ "cursor": cursor }));
        let page = at(&data, &format!("{}/it", connection.path));
        let nodes = at(page, "/nodes").as_array().unwrap();
        let shown: Vec<String> = nodes
            .iter()
            .map(|node| node["id"].as_str().unwrap().to_owned())
            .collect();
        assert!(shown.len() <= size);
        let edges = at(page, "/edges").as_array().unwrap();
        assert!(edges.iter().map(|edge| &edge["node"]).eq(nodes));
        let info = at(page, "/pageInfo");
        assert_eq!(
            edges.first().map(|edge| &edge["cursor"]),
            info.get("startCursor").filter(|it| !it.is_null())
        );
        ids = if forward {
            [ids, shown].concat()
        } else {
            [shown, ids].concat()
        };
        let (more, next) = if forward {
            ("hasNextPage", "endCursor")
        } else {
            ("hasPreviousPage", "startCursor")
        };
        if !info[more].as_bool().unwrap() {
            return ids;
        }
        cursor = info[next].clone();
    }
}

fn shop() -> Shop {
    Shop::new(&CatalogSpec {
        products: 40,
        big_products: 0,
        variants_per_product: 6,
        locations: 7,
        many_levels: 7,
        variants_with_many_levels: 1,
        metafields_per_product: 9,
        discounts: 20,
        many_codes: 30,
        collections: 11,
        big_collection: 25,
        ..CatalogSpec::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn pages_of_any_size_together_show_everything_once(
        size in 1..30_usize, shuffle in 0..3_u64, forward: bool, reverse: bool,
    ) {
        let mut shop = shop();
        shop.shuffle = shuffle;
        for connection in paged_connections(&shop) {
            let mut whole = collect_pages(&mut shop, &connection, 250, true, false);
            prop_assert!(whole.len() >= 3, "{} has only {}", connection.field, whole.len());
            if reverse {
                whole.reverse();
            }
            let paged = collect_pages(&mut shop, &connection, size, forward, reverse);
            prop_assert_eq!(paged, whole, "{}", connection.field);
        }
    }
}

#[test]
fn shuffling_changes_only_unspecified_orders() {
    let mut shop = shop();
    let all = paged_connections(&shop);
    let before: Vec<_> = all
        .iter()
        .map(|connection| collect_pages(&mut shop, connection, 250, true, false))
        .collect();
    shop.shuffle = 3;
    for (connection, before) in all.iter().zip(before) {
        let after = collect_pages(&mut shop, connection, 250, true, false);
        let promised = ![
            "RELEVANCE",
            "BEST_SELLING",
            "inventory",
            "metafields",
            "COLLECTION_DEFAULT",
        ]
        .iter()
        .any(|free| connection.field.contains(free));
        if promised {
            assert_eq!(after, before, "{}", connection.field);
        } else if !connection.field.contains("COLLECTION_DEFAULT") {
            assert_ne!(after, before, "{}", connection.field);
        }
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(after), sorted(before), "{}", connection.field);
    }
}

#[test]
fn a_cursor_is_valid_only_for_its_connection_and_sort_order() {
    let mut shop = shop();
    let page = |sort: &str| {
        format!(
            "query($after: String) {{ products(first: 2, after: $after, sortKey: {sort}) {{ pageInfo {{ endCursor }} }} }}"
        )
    };
    let data = shop.query(&page("ID"), json!({}));
    let cursor = at(&data, "/products/pageInfo/endCursor").clone();
    shop.query(&page("ID"), json!({"after": cursor}));
    let others = [
        page("TITLE"),
        page("ID").replace("sortKey", "reverse: true, sortKey"),
        page("ID").replace("products", "collections"),
        format!(
            "query($after: String) {{ product(id: \"{}\") {{ variants(first: 1, after: $after) {{ nodes {{ id }} }} }} }}",
            shop.product(0)
        ),
    ];
    for other in others {
        let errors = shop.query_errors(&other, json!({"after": cursor}));
        assert_eq!(
            errors[0]["message"], "Invalid cursor for current pagination sort.",
            "{other}"
        );
        assert_eq!(errors[0]["extensions"]["code"], "BAD_REQUEST");
    }
}

#[test]
fn paging_continues_after_a_deleted_product() {
    let mut shop = shop();
    let query = format!(
        "query($after: String) {{ products(first: 10, after: $after, query: \"{ALL}\") {{ nodes {{ id }} pageInfo {{ endCursor }} }} }}"
    );
    let first = shop.query(&query, json!({}));
    let ids: Vec<u64> = shop.catalog.products.keys().copied().collect();
    shop.catalog.products.remove(&ids[9]);
    let after = at(&first, "/products/pageInfo/endCursor").clone();
    let second = shop.query(&query, json!({ "after": after }));
    assert_eq!(
        at(&second, "/products/nodes/0/id"),
        &json!(gid("Product", ids[10]))
    );
}

#[test]
fn a_single_product_allows_all_variants_in_one_page_and_a_list_does_not() {
    let mut shop = Shop::new(&CatalogSpec {
        products: 2,
        big_products: 1,
        ..CatalogSpec::default()
    });
    let id = shop.product(0);
    let query = format!(
        "{{ product(id: \"{id}\") {{ variantsCount {{ count precision }} variants(first: 2048) {{ nodes {{ id position }} pageInfo {{ hasNextPage }} }} }} }}"
    );
    let data = shop.query(&query, json!({}));
    let nodes = at(&data, "/product/variants/nodes").as_array().unwrap();
    assert_eq!(nodes.len(), 2_048);
    assert_eq!(nodes[2_047]["position"], 2_048);
    assert_eq!(at(&data, "/product/variants/pageInfo/hasNextPage"), false);
    assert_eq!(
        at(&data, "/product/variantsCount"),
        &json!({"count": 2048, "precision": "EXACT"})
    );
    for query in [
        query.replace("2048", "2049"),
        format!(
            "{{ nodes(ids: [\"{id}\"]) {{ ... on Product {{ variants(first: 251) {{ nodes {{ id }} }} }} }} }}"
        ),
        "{ products(first: 1) { nodes { variants(first: 251) { nodes { id } } } } }".to_owned(),
    ] {
        let errors = shop.query_errors(&query, json!({}));
        assert!(
            errors[0]["message"]
                .as_str()
                .unwrap()
                .contains("cannot exceed"),
            "{errors:?}"
        );
    }
}
