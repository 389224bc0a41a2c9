//! Reads the whole catalogue of a fake shop and compares it with what the client should return.

use futures::TryStreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shopify_client::model::{Collection, Discount, Location, Product};
use shopify_client::{Error, ShopClient};

use crate::catalogue::{Lengths, collection, discount, gid, location, product};
use crate::fake::{FakeState, number};

/// The objects of a shop, as the client should return them.
#[derive(Serialize)]
pub(crate) struct CatalogContents {
    pub(crate) products: Vec<Product>,
    pub(crate) collections: Vec<Collection>,
    pub(crate) discounts: Vec<Discount>,
    pub(crate) locations: Vec<Location>,
}

pub(crate) fn models<T: DeserializeOwned>(objects: &[Value]) -> Vec<T> {
    let model = |object| serde_json::from_value(with_connections(object)).unwrap();
    objects.iter().map(model).collect()
}

impl CatalogContents {
    pub(crate) fn of(state: &FakeState) -> Self {
        let discounts: Vec<_> = state.discounts.iter().cloned().map(canonical).collect();
        Self {
            products: models(&state.products),
            collections: models(&state.collections),
            discounts: models(&discounts),
            locations: models(&state.locations),
        }
    }

    pub(crate) async fn read(client: &ShopClient) -> Result<Self, Error> {
        Ok(Self {
            products: client.products().try_collect().await?,
            collections: client.collections().try_collect().await?,
            discounts: client.discounts().try_collect().await?,
            locations: client.locations().try_collect().await?,
        })
    }
}

/// The first difference between two values.
pub(crate) fn difference(one: &impl Serialize, other: &impl Serialize) -> Option<String> {
    fn within(path: &str, one: &Value, other: &Value) -> Option<String> {
        match (one, other) {
            (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => a
                .iter()
                .find_map(|(name, value)| within(&format!("{path}.{name}"), value, &b[name])),
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => (0..a.len())
                .find_map(|index| within(&format!("{path}[{index}]"), &a[index], &b[index])),
            (Value::Array(a), Value::Array(b)) => {
                Some(format!("{path}: {} and {}", a.len(), b.len()))
            }
            _ => (one != other).then(|| format!("{path}: {one} and {other}")),
        }
    }
    let one = serde_json::to_value(one).unwrap();
    within("", &one, &serde_json::to_value(other).unwrap())
}

#[track_caller]
pub(crate) fn expect_error<T>(result: Result<T, Error>) -> Error {
    result.err().expect("an error was expected")
}

#[track_caller]
pub(crate) fn assert_same(one: &impl Serialize, other: &impl Serialize) {
    if let Some(difference) = difference(one, other) {
        panic!("{difference}");
    }
}

/// A shop in which every list is longer than a page.
pub(crate) fn large_catalog() -> FakeState {
    let lengths = |n| match n {
        1 => Lengths {
            variants: 160,
            levels: 2,
            metafields: 140,
        },
        2 => Lengths {
            variants: 3,
            levels: 115,
            metafields: 0,
        },
        _ => Lengths {
            variants: 1,
            levels: 1,
            metafields: 1,
        },
    };
    FakeState {
        products: (1..=45).map(|n| product(n, lengths(n))).collect(),
        collections: (1..=60)
            .map(|n| {
                collection(
                    n,
                    if n == 1 { 520 } else { 1 },
                    if n == 1 { 130 } else { 1 },
                )
            })
            .collect(),
        discounts: (1..=60)
            .map(|n| discount(n, usize::try_from(n).unwrap(), if n < 9 { 280 } else { 1 }))
            .collect(),
        locations: (1..=260).map(location).collect(),
        ..FakeState::default()
    }
}

/// Replaces the arrays that stand for lists with complete connections, from which a model deserialises.
pub(crate) fn with_connections(object: &Value) -> Value {
    const LISTS: [&str; 8] = [
        "metafields",
        "variants",
        "inventoryLevels",
        "products",
        "codes",
        "productVariants",
        "collections",
        "nodes",
    ];
    match object {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::Array(nodes) if LISTS.contains(&name.as_str()) => {
                    let nodes: Vec<_> = nodes.iter().map(with_connections).collect();
                    let page = json!({ "hasNextPage": false, "endCursor": null });
                    (name.clone(), json!({ "nodes": nodes, "pageInfo": page }))
                }
                other => (name.clone(), with_connections(other)),
            })
            .collect(),
        Value::Array(values) => values.iter().map(with_connections).collect(),
        other => other.clone(),
    }
}

/// Replaces the id of a discount with the one that the client returns.
pub(crate) fn canonical(mut discount: Value) -> Value {
    let name = discount["discount"]["__typename"].as_str().unwrap();
    let kind = if name.starts_with("DiscountAutomatic") {
        "DiscountAutomaticNode"
    } else {
        "DiscountCodeNode"
    };
    discount["id"] = gid(kind, number(&discount["id"])).into();
    discount
}
