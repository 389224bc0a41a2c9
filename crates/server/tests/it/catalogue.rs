//! Tests that the document contains the whole catalogue, at the paths that its readers expect.

use serde_json::Value;
use shopify_sim::CatalogSpec;

use crate::support::World;

/// A catalogue with more than one page of every connection.
pub(crate) fn many_pages() -> CatalogSpec {
    CatalogSpec {
        products: 130,
        big_products: 1,
        locations: 30,
        variants_with_many_levels: 3,
        many_levels: 30,
        many_metafields: 60,
        discounts: 16,
        many_codes: 400,
        collections: 12,
        big_collection: 120,
        ids_above_2_53: 3,
        ..CatalogSpec::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_equals_the_shop_item_by_item() {
    let world = World::builder().catalog(many_pages()).installed().await;
    world.document_matches_shop().await.unwrap();
    let truth = world.shop.truth();
    assert_eq!(truth["products"].as_array().unwrap().len(), 130);
    let most = |list: &str, part: &str| {
        let items = truth[list].as_array().unwrap().iter();
        items.map(|item| item[part].as_array().unwrap().len()).max()
    };
    // The shop has as many items as would be truncated without paging.
    assert_eq!(most("products", "variants"), Some(2_048));
    assert!(most("products", "metafields") >= Some(60));
    assert_eq!(most("discounts", "codes"), Some(400));
    assert!(most("collections", "products") >= Some(120));
    let mut kinds: Vec<_> = truth["discounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| &each["kind"])
        .collect();
    kinds.sort_by_key(|kind| kind.as_str());
    kinds.dedup();
    assert_eq!(kinds.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_with_all_edge_cases_is_complete() {
    let world = World::builder()
        .catalog(CatalogSpec::edge_cases())
        .set("SHOPSYNC__SHOPIFY__CALLBACK_WAIT", "5m")
        .installed()
        .await;
    world.document_matches_shop().await.unwrap();
    world.sync().await;
    assert_eq!(world.app.put_count(), 1);
}

/// Every path of the query that first produced the document, with `*` for each item of a list.
const PATHS: &[&str] = &[
    "data.shop.name",
    "data.shop.primaryDomain.url",
    "data.products.edges.*.node.title",
    "data.products.edges.*.node.description",
    "data.products.edges.*.node.handle",
    "data.products.edges.*.node.productType",
    "data.products.edges.*.node.vendor",
    "data.products.edges.*.node.tags",
    "data.products.edges.*.node.status",
    "data.products.edges.*.node.variants.edges.*.node.title",
    "data.products.edges.*.node.variants.edges.*.node.price",
    "data.products.edges.*.node.variants.edges.*.node.availableForSale",
    "data.products.edges.*.node.variants.edges.*.node.inventoryItem.inventoryLevels.edges.*.node.quantities.*.name",
    "data.products.edges.*.node.variants.edges.*.node.inventoryItem.inventoryLevels.edges.*.node.quantities.*.quantity",
    "data.products.edges.*.node.variants.edges.*.node.inventoryItem.inventoryLevels.edges.*.node.location.name",
    "data.products.edges.*.node.metafields.edges.*.node.key",
    "data.products.edges.*.node.metafields.edges.*.node.value",
    "data.products.pageInfo.hasNextPage",
    "data.products.pageInfo.endCursor",
    "data.codeDiscountNodes.edges.*.node.codeDiscount.title",
    "data.codeDiscountNodes.edges.*.node.codeDiscount.codes.edges.*.node.code",
    "data.codeDiscountNodes.edges.*.node.codeDiscount.customerGets.value",
    "data.codeDiscountNodes.edges.*.node.codeDiscount.startsAt",
    "data.codeDiscountNodes.edges.*.node.codeDiscount.endsAt",
    "data.codeDiscountNodes.pageInfo.hasNextPage",
    "data.codeDiscountNodes.pageInfo.endCursor",
    "data.collections.edges.*.node.title",
    "data.collections.edges.*.node.handle",
    "data.collections.edges.*.node.products.edges.*.node.title",
    "data.collections.pageInfo.hasNextPage",
    "data.collections.pageInfo.endCursor",
];

/// Returns all values at a path; a missing member is an error.
fn at<'v>(value: &'v Value, path: &str) -> Result<Vec<&'v Value>, String> {
    let mut found = vec![value];
    for step in path.split('.') {
        let mut next = Vec::new();
        for value in found {
            match step {
                "*" => next.extend(value.as_array().ok_or("no list")?),
                // Only these kinds reduce a price.
                "customerGets" if !is_priced(value) => {}
                _ => next.push(
                    value
                        .get(step)
                        .ok_or_else(|| format!("{path}: no {step} in {value}"))?,
                ),
            }
        }
        found = next;
    }
    Ok(found)
}

fn is_priced(discount: &Value) -> bool {
    let kind = discount["__typename"].as_str().unwrap_or_default();
    matches!(kind, "DiscountCodeBasic" | "DiscountCodeBxgy")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_that_readers_expect_exists() {
    let world = World::builder().installed().await;
    let document = world.document().await;
    for path in PATHS {
        let found = at(&document, path).unwrap();
        assert!(!found.is_empty(), "{path}");
    }
    let values = at(
        &document,
        "data.codeDiscountNodes.edges.*.node.codeDiscount.customerGets.value",
    );
    let values = values.unwrap();
    let has = |path: &str| values.iter().any(|value| value.pointer(path).is_some());
    assert!(has("/percentage") || has("/amount/amount"), "{values:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_contains_nothing_volatile() {
    let world = World::builder().installed().await;
    let text = world.document().await.to_string();
    for word in [
        "extensions",
        "throttleStatus",
        "cursor\":\"",
        "asyncUsageCount",
    ] {
        assert!(!text.contains(word), "{word}");
    }
    let document = world.document().await;
    assert_eq!(document.as_object().unwrap().len(), 1);
}
