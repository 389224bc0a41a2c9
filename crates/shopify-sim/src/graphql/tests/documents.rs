//! Tests that the client's operations and other real documents are executed without errors.

use serde_json::{Value, json};

use super::{ADMIN, Shop, crate_folder, data, documents_in, request};
use crate::catalog::gid::gid;

/// The value for a variable, by its name; ids depend on the operation's object.
fn value(shop: &Shop, operation: &str, name: &str) -> Option<Value> {
    let catalog = &shop.catalog;
    let products = || catalog.products.keys().map(|id| gid("Product", *id));
    let items = || {
        let variants = catalog.products.values().flat_map(|each| &each.variants);
        variants.map(|variant| gid("InventoryItem", variant.item.id))
    };
    let collections = || catalog.collections.keys().map(|id| gid("Collection", *id));
    let discounts = || {
        let all = catalog.discounts.values();
        all.map(|each| gid(each.kind.node_type(), each.id))
    };
    let locations = || catalog.locations.keys().map(|id| gid("Location", *id));
    let ids: Vec<String> = match operation {
        name if name.contains("inventory") => items().take(3).collect(),
        name if name.starts_with("product") => products().take(3).collect(),
        name if name.starts_with("collection") => collections().take(3).collect(),
        name if name.starts_with("discount") => discounts().collect(),
        name if name.starts_with("location") => locations().collect(),
        name if name.starts_with("webhook") => vec![gid("WebhookSubscription", 1)],
        _ => Vec::new(),
    };
    Some(match name {
        "id" | "inventoryItemId" => json!(ids.first()?),
        "ids" => json!(ids),
        "includeInactive" => json!(true),
        "locationId" => json!(locations().next()?),
        "topic" => json!("PRODUCTS_UPDATE"),
        "topics" => json!(["PRODUCTS_UPDATE"]),
        "sub" | "subscription" => json!({"uri": "https://app.example/webhook"}),
        "metafieldNamespace" | "namespace" => json!("custom"),
        "query" if operation.starts_with("product") => {
            json!("status:active,archived,draft,unlisted")
        }
        name if name.ends_with("fter") || name == "query" || name == "sortKey" => return None,
        // The other variables are page sizes.
        _ => json!(3),
    })
}

fn execute_all(documents: &[(String, String)]) {
    let mut shop = Shop::small();
    for (name, text) in documents {
        // Bulk queries and queries of bulk operations are tested in `bulk`.
        if name.starts_with("bulk") {
            continue;
        }
        let declared = text.split(['(', ')']).nth(1).filter(|_| text.contains('$'));
        let names = declared.unwrap_or("").split('$').skip(1);
        let names = names.filter_map(|part| part.split(':').next());
        let given =
            names.filter_map(|variable| Some((variable.to_owned(), value(&shop, name, variable)?)));
        let variables = Value::Object(given.collect());
        let prepared = ADMIN.prepare(&request(text, variables.clone()));
        let prepared = prepared.unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        let requested = prepared.requested_cost();
        assert!((1..=1_000).contains(&requested), "{name} costs {requested}");
        let executed = shop.try_execute(text, variables).unwrap();
        assert_eq!(executed.errors, Vec::<Value>::new(), "{name}");
        let root = data(&executed);
        let root = root.as_object().unwrap();
        assert!(
            root.values().all(|value| !value.is_null()),
            "{name}: {root:?}"
        );
        assert!(executed.actual_cost <= requested, "{name}");
    }
}

#[test]
fn every_operation_of_the_client_is_executed() {
    let documents = documents_in(&crate_folder().join("../shopify-client/operations"));
    assert!(documents.len() > 20, "{}", documents.len());
    execute_all(&documents);
}

#[test]
fn every_document_of_a_catalogue_reader_is_executed() {
    let documents = documents_in(&crate_folder().join("src/graphql/tests/documents"));
    assert!(documents.len() > 10, "{}", documents.len());
    execute_all(&documents);
}

#[test]
fn the_schema_has_everything_that_the_simulator_supports() {
    let mut shop = Shop::small();
    for (_, text) in documents_in(&crate_folder().join("operations")) {
        for operation in ["Surface", "Subscribe", "Bulk"] {
            let id = shop.product(0);
            let variables = json!({
                "id": id, "ids": [id], "topic": "SHOP_UPDATE", "query": "", "sub": {},
            });
            let mut requested = request(&text, variables);
            requested.operation_name = Some(operation.to_owned());
            let prepared = ADMIN.prepare(&requested).unwrap();
            assert_eq!(prepared.operation_name(), Some(operation));
            assert_eq!(prepared.is_mutation(), operation != "Surface");
        }
    }
    assert!(!shop.query("{ shop { name } }", json!({})).is_null());
}
