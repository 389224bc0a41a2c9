//! Tests the rules, statuses and results of bulk operations.

use super::*;
use crate::bulk::{BulkBehaviour, BulkStatus, LineOrder, write_jsonl};

const RUN: &str = "mutation Run($query: String!) { bulkOperationRunQuery(query: $query) { bulkOperation { id status } \
     userErrors { code field message } } }";
const CANCEL: &str = "mutation Cancel($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { id status } \
     userErrors { field message } } }";
const LIST: &str = "query List($query: String) { bulkOperations(first: 10, query: $query) { nodes { id status query } } }";
const SMALL: &str = "{ products { edges { node { id } } } }";

fn run(shop: &mut Shop, query: &str) -> Value {
    at(
        &shop.query(RUN, json!({ "query": query })),
        "/bulkOperationRunQuery",
    )
    .clone()
}

/// Runs the operation that was started last, as the shop does in the background, and returns the lines of its file.
fn result_lines(shop: &Shop, grouped: bool) -> Vec<Value> {
    let operation = shop.bulk.all().last().unwrap();
    let data = operation.prepared.execute_bulk(&RequestContext {
        catalog: &shop.catalog,
        subscriptions: &[],
        operations: &[],
        unpaged: true,
        scopes: &shop.scopes,
        now: NOW,
        shuffle: 0,
        version: "2026-10",
    });
    let order = LineOrder {
        grouped,
        shuffle: 0,
        levels_of_items: false,
    };
    let written = write_jsonl(data.unwrap(), order);
    let text = std::str::from_utf8(&written.text).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len() as u64, written.objects);
    lines
}

#[test]
fn every_bulk_query_of_the_client_is_executed() {
    let documents = documents_in(&crate_folder().join("../shopify-client/operations"));
    let inner = documents
        .iter()
        .filter(|(name, _)| name.starts_with("bulk_") && !name.starts_with("bulk_operation"));
    let inner: Vec<_> = inner.collect();
    assert!(inner.len() >= 9, "{}", inner.len());
    let mut shop = Shop::small();
    for (name, text) in inner {
        let query = &text[text.find("\nquery ").map_or(0, |at| at + 1)..];
        let query = &query[query.find('{').unwrap()..];
        shop.bulk = no_bulk();
        let started = run(&mut shop, query);
        assert_eq!(started["userErrors"], json!([]), "{name}");
        assert_eq!(started["bulkOperation"]["status"], "CREATED", "{name}");
        let lines = result_lines(&shop, true);
        assert!(!lines.is_empty(), "{name}");
        assert!(
            lines[0]["__parentId"].is_null() && lines[0]["id"].is_string(),
            "{name}"
        );
    }
}

#[test]
fn bulk_results_are_complete_whatever_the_page_size() {
    let mut shop = Shop::new(&CatalogSpec {
        products: 600,
        ..CatalogSpec::default()
    });
    run(
        &mut shop,
        "{ products(query: \"status:active,draft,archived,unlisted\") { edges { node { id variants { edges { node { id } } } } } } }",
    );
    let lines = result_lines(&shop, false);
    let roots = lines.iter().filter(|line| line["__parentId"].is_null());
    assert_eq!(roots.count(), 600);
    let variants: usize = shop
        .catalog
        .products
        .values()
        .map(|product| product.variants.len())
        .sum();
    assert_eq!(lines.len(), 600 + variants);
}

#[test]
fn queries_that_shopify_does_not_run_are_invalid() {
    let within = |list: &str, more: &str| format!("{list} {{ edges {{ node {{ id {more} }} }} }}");
    let deep = ["metafields", "variants", "products", "collections"];
    let deep = deep
        .iter()
        .fold(String::new(), |more, list| within(list, &more));
    let deep = &*format!("{{ {deep} }}");
    let many = "{ products { edges { node { id a: metafields { edges { node { id } } } b: metafields { edges { node { id } } } \
         c: metafields { edges { node { id } } } d: metafields { edges { node { id } } } e: metafields { edges { node { id } } } \
         } } } }";
    for (query, expected) in [
        ("{ products { edges { node", "Invalid bulk query"),
        ("{ nothing }", "Invalid bulk query"),
        ("{ shop { name } }", "at least one connection"),
        (
            "{ products { edges { node { id } } } shop { name } }",
            "multiple top level",
        ),
        (
            "query A($a: Int) { products(first: $a) { edges { node { id } } } }",
            "no variables",
        ),
        (
            "mutation { bulkOperationCancel(id: \"x\") { userErrors { message } } }",
            "are queries",
        ),
        ("{ products { nodes { id } } }", "edges"),
        (
            "{ products { edges { node { title variants { edges { node { id } } } } } } }",
            "must select `id`",
        ),
        (deep, "deeper than 2"),
        (many, "more than 5"),
    ] {
        let mut shop = Shop::small();
        let response = run(&mut shop, query);
        let error = at(&response, "/userErrors/0");
        assert_eq!(error["code"], "INVALID", "{query}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(expected), "{query}: {message}");
        assert!(response["bulkOperation"].is_null() && shop.bulk.all().is_empty());
    }
}

#[test]
fn five_operations_run_at_a_time_and_an_ended_one_frees_its_place() {
    let mut shop = Shop::small();
    for _ in 0..5 {
        assert_eq!(run(&mut shop, SMALL)["userErrors"], json!([]));
    }
    assert_eq!(
        run(&mut shop, SMALL)["userErrors"][0]["code"],
        "LIMIT_REACHED"
    );
    let id = gid("BulkOperation", shop.bulk.all()[1].id);
    let canceled = shop.query(CANCEL, json!({ "id": id }));
    assert_eq!(
        at(&canceled, "/bulkOperationCancel/bulkOperation/status"),
        "CANCELED"
    );
    assert_eq!(run(&mut shop, SMALL)["userErrors"], json!([]));
    let again = shop.query(CANCEL, json!({ "id": id }));
    assert!(at(&again, "/bulkOperationCancel/userErrors/0/message").is_string());

    let running = shop.query(
        LIST,
        json!({ "query": "status:created operation_type:query" }),
    );
    assert_eq!(
        at(&running, "/bulkOperations/nodes")
            .as_array()
            .unwrap()
            .len(),
        5
    );
    let canceled = shop.query(LIST, json!({ "query": "status:canceled OR status:failed" }));
    assert_eq!(at(&canceled, "/bulkOperations/nodes/0/query"), SMALL);
}

#[test]
fn a_result_file_is_available_for_seven_days() {
    let mut shop = Shop::small();
    run(&mut shop, SMALL);
    let id = shop.bulk.all()[0].id;
    let text = "{\"id\":\"x\"}\n";
    let done = crate::bulk::ResultFile {
        text: text.into(),
        objects: 1,
        roots: 1,
    };
    let days = |days: i64| NOW - days * 24 * 60 * 60;
    for (at_day, status) in [(6, "COMPLETED"), (8, "EXPIRED")] {
        let mut shop = Shop::small();
        run(&mut shop, SMALL);
        assert!(
            shop.bulk
                .advance(id, BulkStatus::Completed, done.clone(), days(at_day))
        );
        let query = "query One($id: ID!) { bulkOperation(id: $id) { status url fileSize objectCount partialDataUrl } }";
        let shown = shop.query(query, json!({ "id": gid("BulkOperation", id) }));
        let shown = at(&shown, "/bulkOperation");
        assert_eq!(shown["status"], status);
        assert_eq!(shown["url"].is_string(), status == "COMPLETED");
        assert_eq!(shown["objectCount"], "1");
        assert!(shown["partialDataUrl"].is_null());
    }
}

#[test]
fn an_app_without_approval_is_denied() {
    let mut shop = Shop::small();
    shop.bulk.behaviour = BulkBehaviour {
        enabled: false,
        ..BulkBehaviour::default()
    };
    let errors = shop.query_errors(RUN, json!({ "query": SMALL }));
    assert_eq!(at(&errors[0], "/extensions/code"), "ACCESS_DENIED");
}

#[test]
fn a_missing_scope_fails_the_operation_itself() {
    let mut shop = Shop::small();
    shop.scopes = vec!["read_locations".to_owned()];
    run(&mut shop, SMALL);
    let operation = shop.bulk.all().last().unwrap();
    let failed = operation.prepared.execute_bulk(&RequestContext {
        catalog: &shop.catalog,
        subscriptions: &[],
        operations: &[],
        unpaged: true,
        scopes: &operation.scopes,
        now: NOW,
        shuffle: 0,
        version: "2026-10",
    });
    assert_eq!(failed, Err("ACCESS_DENIED"));
}
