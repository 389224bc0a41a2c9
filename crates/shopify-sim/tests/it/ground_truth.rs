//! Tests that GraphQL responses match the model.

use serde_json::{Value, json};
use shopify_sim::CatalogSpec;

use crate::world::World;

const PRODUCTS: &str = r#"query Products($after: String) {
  products(first: 7, after: $after, sortKey: ID, query: "status:active,archived,draft,unlisted") {
    pageInfo { hasNextPage endCursor }
    nodes {
      id title handle description descriptionHtml productType vendor tags status
      createdAt updatedAt publishedAt totalInventory
      variants(first: 20) { nodes {
        id title sku barcode price compareAtPrice position availableForSale inventoryPolicy
        inventoryQuantity taxable selectedOptions { name value }
        inventoryItem { id tracked inventoryLevels(first: 5) { nodes {
          location { id name } quantities(names: ["available", "committed", "incoming", "on_hand"]) { name quantity }
        } } }
      } }
      metafields(first: 10) { nodes { id namespace key type value } }
    }
  }
}"#;

const DISCOUNTS: &str = "query Discounts($after: String) {
  discountNodes(first: 5, after: $after, sortKey: ID) {
    pageInfo { hasNextPage endCursor }
    nodes { id discount {
      __typename
      ... on DiscountCodeBasic { title status startsAt endsAt codes(first: 10) { nodes { code } } }
      ... on DiscountCodeBxgy { title status startsAt endsAt codes(first: 10) { nodes { code } } }
      ... on DiscountCodeFreeShipping { title status startsAt endsAt codes(first: 10) { nodes { code } } }
      ... on DiscountCodeApp { title status startsAt endsAt codes(first: 10) { nodes { code } } }
      ... on DiscountAutomaticBasic { title status startsAt endsAt }
      ... on DiscountAutomaticBxgy { title status startsAt endsAt }
      ... on DiscountAutomaticFreeShipping { title status startsAt endsAt }
      ... on DiscountAutomaticApp { title status startsAt endsAt }
    } }
  }
}";

const COLLECTIONS: &str = "query Collections($after: String) {
  collections(first: 3, after: $after, sortKey: ID) {
    pageInfo { hasNextPage endCursor }
    nodes { id title handle descriptionHtml products(first: 30) { nodes { id title handle } } }
  }
}";

const LOCATIONS: &str = "query Locations($after: String) {
  locations(first: 2, after: $after, sortKey: ID, includeInactive: true) {
    pageInfo { hasNextPage endCursor } nodes { id name isActive }
  }
}";

/// All nodes of a root connection, page by page.
async fn all_nodes(world: &World, query: &str, root: &str) -> Vec<Value> {
    let token = world.token();
    let (mut after, mut all) = (Value::Null, Vec::new());
    loop {
        world.clock.advance(std::time::Duration::from_secs(10));
        let mut response = world
            .graphql(&token, query, json!({ "after": after }))
            .await;
        assert_eq!(response.get("errors"), None, "{response}");
        let page = response["data"][root].take();
        all.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] == false {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// The number at the end of a global id.
fn number(gid: &Value) -> Value {
    let digits = gid.as_str().unwrap().rsplit('/').next().unwrap();
    digits.parse::<u64>().unwrap().into()
}

/// `value` with the keys of `pairs` renamed.
fn renamed(value: &Value, pairs: &[(&str, &str)]) -> Value {
    let pairs = pairs
        .iter()
        .map(|(from, to)| ((*to).to_owned(), value[*from].clone()));
    Value::Object(pairs.collect())
}

fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_key(|value| value["id"].as_u64());
    values.into()
}

fn nodes(connection: &Value, map: impl Fn(&Value) -> Value) -> Vec<Value> {
    connection["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(map)
        .collect()
}

const PRODUCT: [(&str, &str); 13] = [
    ("title", "title"),
    ("handle", "handle"),
    ("description", "description"),
    ("descriptionHtml", "description_html"),
    ("productType", "product_type"),
    ("vendor", "vendor"),
    ("tags", "tags"),
    ("status", "status"),
    ("createdAt", "created_at"),
    ("updatedAt", "updated_at"),
    ("publishedAt", "published_at"),
    ("totalInventory", "total_inventory"),
    ("id", "id"),
];

const VARIANT: [(&str, &str); 13] = [
    ("id", "id"),
    ("title", "title"),
    ("sku", "sku"),
    ("barcode", "barcode"),
    ("price", "price"),
    ("compareAtPrice", "compare_at_price"),
    ("position", "position"),
    ("availableForSale", "available_for_sale"),
    ("inventoryPolicy", "inventory_policy"),
    ("inventoryQuantity", "inventory_quantity"),
    ("taxable", "taxable"),
    ("selectedOptions", "selected_options"),
    ("inventoryItem", "inventory_item_id"),
];

/// A product of the API, in the form of the ground truth.
fn product(node: &Value) -> Value {
    let mut expected_form = renamed(node, &PRODUCT);
    expected_form["id"] = number(&node["id"]);
    expected_form["variants"] = sorted(nodes(&node["variants"], variant));
    expected_form["metafields"] = sorted(nodes(&node["metafields"], |field| {
        let mut expected_form = field.clone();
        expected_form["id"] = number(&field["id"]);
        expected_form
    }));
    expected_form
}

fn variant(node: &Value) -> Value {
    let item = &node["inventoryItem"];
    let mut expected_form = renamed(node, &VARIANT);
    expected_form["id"] = number(&node["id"]);
    expected_form["inventory_item_id"] = number(&item["id"]);
    expected_form["tracked"] = item["tracked"].clone();
    let mut levels = nodes(&item["inventoryLevels"], |level| {
        let mut expected_form = json!({
            "location_id": number(&level["location"]["id"]),
            "location_name": level["location"]["name"],
        });
        for quantity in level["quantities"].as_array().unwrap() {
            expected_form[quantity["name"].as_str().unwrap()] = quantity["quantity"].clone();
        }
        expected_form
    });
    levels.sort_by_key(|level| level["location_id"].as_u64());
    expected_form["levels"] = levels.into();
    expected_form
}

fn discount(node: &Value) -> Value {
    let pairs = [
        ("title", "title"),
        ("status", "status"),
        ("startsAt", "starts_at"),
        ("endsAt", "ends_at"),
    ];
    let mut expected_form = renamed(&node["discount"], &pairs);
    expected_form["id"] = number(&node["id"]);
    expected_form["kind"] = node["discount"]["__typename"].clone();
    let codes = &node["discount"]["codes"];
    expected_form["codes"] = if codes.is_null() {
        json!([])
    } else {
        nodes(codes, |code| code["code"].clone()).into()
    };
    expected_form
}

fn collection(node: &Value) -> Value {
    let pairs = [
        ("title", "title"),
        ("handle", "handle"),
        ("descriptionHtml", "description_html"),
    ];
    let mut expected_form = renamed(node, &pairs);
    expected_form["id"] = number(&node["id"]);
    let members = nodes(
        &node["products"],
        |member| json!({"id": number(&member["id"]), "title": member["title"], "handle": member["handle"]}),
    );
    expected_form["products"] = sorted(members);
    expected_form
}

fn location(node: &Value) -> Value {
    let mut expected_form = renamed(node, &[("name", "name"), ("isActive", "is_active")]);
    expected_form["id"] = number(&node["id"]);
    expected_form
}

/// `truth`, reduced to the keys of `expected_form`.
fn reduced(truth: &Value, expected_form: &Value) -> Value {
    match (truth, expected_form) {
        (Value::Object(truth), Value::Object(expected_form)) => {
            let common = expected_form.iter().filter_map(|(key, expected_form)| {
                Some((key.clone(), reduced(truth.get(key)?, expected_form)))
            });
            Value::Object(common.collect())
        }
        (Value::Array(truth), Value::Array(expected_form))
            if truth.len() == expected_form.len() =>
        {
            let pairs = truth.iter().zip(expected_form);
            pairs
                .map(|(truth, expected_form)| reduced(truth, expected_form))
                .collect()
        }
        _ => truth.clone(),
    }
}

async fn compare(world: &World) {
    let of = async |query, root, map: fn(&Value) -> Value| {
        let nodes = all_nodes(world, query, root).await;
        sorted(nodes.iter().map(map).collect())
    };
    let expected_form = json!({
        "products": of(PRODUCTS, "products", product).await,
        "discounts": of(DISCOUNTS, "discountNodes", discount).await,
        "collections": of(COLLECTIONS, "collections", collection).await,
        "locations": of(LOCATIONS, "locations", location).await,
    });
    let truth = reduced(&world.shop.truth(), &expected_form);
    for list in ["products", "discounts", "collections", "locations"] {
        let (expected_form, truth) = (
            expected_form[list].as_array().unwrap(),
            truth[list].as_array().unwrap(),
        );
        assert_eq!(expected_form.len(), truth.len(), "{list}");
        for (expected_form, truth) in expected_form.iter().zip(truth) {
            assert_eq!(expected_form, truth);
        }
    }
}

#[tokio::test]
async fn graphql_responses_match_the_model_before_and_after_changes() {
    let world = World::with(|builder| {
        builder.shop("other", CatalogSpec::default()) // whose objects must not be mixed in
    })
    .await;
    compare(&world).await;
    let shop = &world.shop;
    let ids = shop.product_ids();
    shop.set_price(ids[3], None, "1.05").unwrap();
    shop.delete_product(ids[4]).unwrap();
    shop.set_metafield(ids[5], "custom", "care", "Wash")
        .unwrap();
    let item = shop.products(1)[0].variants[0].inventory_item_id;
    for location in shop.location_ids() {
        shop.set_available(item, location, 11).unwrap();
    }
    shop.delete_discount(shop.discount_ids()[0]).unwrap();
    shop.create_discount(&serde_json::from_value(json!({"codes": ["X", "Y"]})).unwrap())
        .unwrap();
    let change = json!({"title": "Chosen", "products": ids[6..9]});
    shop.create_collection(&serde_json::from_value(change).unwrap())
        .unwrap();
    shop.update_location(shop.location_ids()[1], Some("Attic"), Some(false))
        .unwrap();
    compare(&world).await;
}

#[tokio::test]
async fn shuffled_results_hold_the_same_nodes() {
    let world = World::start().await;
    let query = "query Levels { products(first: 20) { nodes { id metafields(first: 10) { nodes { id } } } } }";
    let token = world.token();
    let plain = world.graphql(&token, query, json!({})).await["data"].clone();
    world.shop.shuffle(5);
    let mixed = world.graphql(&token, query, json!({})).await["data"].clone();
    assert_ne!(plain, mixed);
    world.clock.advance(std::time::Duration::from_mins(1));
    compare(&world).await;
    world.shop.shuffle(0);
    let again = world.graphql(&token, query, json!({})).await["data"].clone();
    assert_eq!(plain, again);
}
