//! Tests requested and actual costs.

use serde_json::{Value, json};

use super::{ADMIN, EMPTY, Shop, document, request};

fn requested(query: &str, variables: Value) -> u64 {
    ADMIN
        .prepare(&request(query, variables))
        .unwrap()
        .requested_cost()
}

#[test]
fn known_documents_have_their_known_costs() {
    // The cost that a live shop reported.
    let sample = "query($id: ID!) { product(id: $id) { variants(first: 250) { nodes { inventoryItem { id tracked } } } } }";
    let product = json!({"id": "gid://shopify/Product/1"});
    assert_eq!(requested(sample, product.clone()), 25);
    assert_eq!(requested(&document("seed"), EMPTY()), 499);
    let page = |first, variants, levels, metafields| {
        let variables = json!({
            "first": first, "variantsFirst": variants, "levelsFirst": levels, "metafieldsFirst": metafields,
        });
        requested(&document("products_page"), variables)
    };
    assert_eq!(page(20, 50, 10, 25), 687);
    assert_eq!(page(50, 25, 5, 25), 716);
    assert_eq!(page(50, 50, 10, 25), 961);
    assert_eq!(page(50, 100, 10, 50), 1_206);
    assert_eq!(page(5, 10, 5, 10), 218);
    assert_eq!(requested(&document("product_by_id"), product), 247);
    let discounts = json!({"first": 50, "codesFirst": 10, "itemsFirst": 25});
    assert_eq!(requested(&document("discount_nodes_page"), discounts), 366);
    let collections = json!({"first": 50, "productsFirst": 250, "metafieldsFirst": 25});
    assert_eq!(requested(&document("collections_page"), collections), 163);
    assert_eq!(requested(&document("product_updated_ids"), EMPTY()), 13);
}

#[test]
fn mutations_cost_ten_points_a_field() {
    let delete = "webhookSubscriptionDelete(id: \"gid://shopify/WebhookSubscription/1\") { userErrors { message } }";
    let two = format!("mutation {{ a: {delete} b: {delete} }}");
    assert_eq!(requested(&two, EMPTY()), 20);
    let executed = Shop::small().try_execute(&two, EMPTY()).unwrap();
    assert_eq!(executed.actual_cost, 20);
}

#[test]
fn absent_objects_cost_nothing() {
    let mut shop = Shop::small();
    let mut actual = |query: &str| shop.try_execute(query, EMPTY()).unwrap().actual_cost;
    assert_eq!(
        actual("{ product(id: \"gid://shopify/Product/1\") { id } }"),
        0
    );
    assert_eq!(
        actual("{ products(first: 250, query: \"id:1\") { nodes { id } } }"),
        2
    );
    // Three variants exist of the hundred requested.
    let page = "{ products(first: 1) { nodes { variants(first: 100) { nodes { id } } } } }";
    assert_eq!(requested(page, EMPTY()), 2 + (1 + 2 + 9));
    assert_eq!(actual(page), 2 + (1 + 2 + 2));
}

#[test]
fn fields_that_are_skipped_cost_nothing() {
    let query =
        "query($more: Boolean!) { shop { name primaryDomain @include(if: $more) { url } } }";
    assert_eq!(requested(query, json!({"more": true})), 2);
    assert_eq!(requested(query, json!({"more": false})), 1);
}
