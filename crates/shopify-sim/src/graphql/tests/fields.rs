//! Tests that every field of the schema is either resolved as the schema says or reported as not simulated.

use apollo_compiler::schema::ExtendedType;
use serde_json::{Value, json};

use super::{ADMIN, EMPTY, Shop};
use crate::catalog::discount::DiscountKind;
use crate::catalog::gid::{gid, level_gid};

/// For each type, queries that reach an object of it, with `%` in place of its selection set.
fn paths(shop: &Shop) -> Vec<(&'static str, String)> {
    let catalog = &shop.catalog;
    let product = catalog.products.values().next().unwrap();
    let variant = &product.variants[0];
    let node = |kind: &'static str, id: String| {
        let path = format!("{{ node(id: \"{id}\") {{ ... on {kind} {{ % }} }} }}");
        (kind, path)
    };
    let mut paths = vec![
        ("QueryRoot", "{ % }".to_owned()),
        node("Shop", gid("Shop", catalog.shop.id)),
        node("AppInstallation", gid("AppInstallation", catalog.shop.id)),
        node("Product", gid("Product", product.id)),
        node("ProductVariant", gid("ProductVariant", variant.id)),
        node("InventoryItem", gid("InventoryItem", variant.item.id)),
        node(
            "InventoryLevel",
            level_gid(variant.item.levels[0].location, variant.item.id).to_string(),
        ),
        node("Location", gid("Location", variant.item.levels[0].location)),
        node("Metafield", gid("Metafield", product.metafields[0].id)),
        node(
            "WebhookSubscription",
            gid("WebhookSubscription", shop.subscriptions[0].id),
        ),
    ];
    for collection in catalog.collections.keys() {
        paths.push(node("Collection", gid("Collection", *collection)));
    }
    paths.extend(paths_to_discounts(shop));
    paths
}

/// The leaves of `kind` without required arguments, and the objects that have such leaves, up to `depth` levels down.
fn selections(kind: &str, depth: usize) -> Vec<String> {
    let schema = &ADMIN.pinned.schema;
    let Some(ExtendedType::Object(object)) = schema.types.get(kind) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, field) in &object.fields {
        if field.arguments.iter().any(|each| each.is_required()) {
            continue;
        }
        let first = field.arguments.iter().any(|each| each.name == "first");
        let arguments = if first { "(first: 2)" } else { "" };
        let inner = field.ty.inner_named_type();
        match schema.types.get(inner) {
            Some(ExtendedType::Object(_)) if depth > 0 && !inner.starts_with("Customer") => {
                let inside = selections(inner, depth - 1).into_iter();
                found.extend(inside.map(|inside| format!("{name}{arguments} {{ {inside} }}")));
            }
            Some(ExtendedType::Union(_) | ExtendedType::Interface(_)) => {
                found.push(format!("{name} {{ __typename }}"));
            }
            Some(ExtendedType::Object(_)) => {}
            _ => found.push(format!("{name}{arguments}")),
        }
    }
    found
}

#[test]
fn every_field_is_resolved_as_the_schema_says_or_reported_as_not_simulated() {
    let mut shop = Shop::small();
    shop.query(
        "mutation { webhookSubscriptionCreate(topic: SHOP_UPDATE, webhookSubscription: {uri: \"https://a.example\"}) { userErrors { message } } }",
        EMPTY(),
    );
    let (mut resolved, mut not_simulated) = (0, 0);
    for (kind, path) in paths(&shop) {
        for selection in selections(kind, 2) {
            let query = path.replace('%', &selection);
            let executed = shop.try_execute(&query, EMPTY());
            let executed = executed.unwrap_or_else(|errors| panic!("{query}: {errors:?}"));
            if executed.errors.is_empty() {
                resolved += 1;
                continue;
            }
            not_simulated += 1;
            for error in &executed.errors {
                assert_eq!(
                    error["extensions"]["code"], "NOT_SIMULATED",
                    "{query}: {error}"
                );
            }
        }
    }
    assert!(
        resolved > 800,
        "{resolved} resolved, {not_simulated} not simulated"
    );
}

#[test]
fn discounts_lack_only_ids_and_timeline_comments() {
    let mut shop = Shop::small();
    let known = json!(["hasTimelineComment", "id"]);
    for (kind, path) in paths_to_discounts(&shop) {
        for selection in selections(kind, 0) {
            let executed = shop
                .try_execute(&path.replace('%', &selection), EMPTY())
                .unwrap();
            let is_known = known
                .as_array()
                .unwrap()
                .contains(&Value::from(selection.as_str()));
            assert_eq!(executed.errors.is_empty(), !is_known, "{kind}.{selection}");
        }
    }
}

fn paths_to_discounts(shop: &Shop) -> Vec<(&'static str, String)> {
    let names: Vec<_> = DiscountKind::ALL
        .iter()
        .map(|kind| kind.type_name())
        .collect();
    let discounts = shop.catalog.discounts.values();
    let paths = discounts.map(|discount| {
        let id = gid("DiscountNode", discount.id);
        let kind = discount.kind.type_name();
        (
            kind,
            format!("{{ discountNode(id: \"{id}\") {{ discount {{ ... on {kind} {{ % }} }} }} }}"),
        )
    });
    let paths: Vec<_> = paths.collect();
    assert!(
        names
            .iter()
            .all(|name| paths.iter().any(|(kind, _)| kind == name))
    );
    paths
}
