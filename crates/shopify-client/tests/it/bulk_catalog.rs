//! Generates a catalogue in two forms: the nodes of pages and the lines of a bulk result.

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

/// The format of the lines of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineFormat {
    /// The parent of a level is the inventory item instead of the variant.
    pub(crate) by_item: bool,
    /// `id` first and `__parentId` last, as Shopify does, instead of alphabetically.
    pub(crate) shopify_order: bool,
}

pub(crate) const SHOPIFY_FORMAT: LineFormat = LineFormat {
    by_item: false,
    shopify_order: true,
};

fn gid(kind: &str, number: u64) -> String {
    format!("gid://shopify/{kind}/{number}")
}

fn page(nodes: Vec<Value>) -> Value {
    let nodes = Value::Array(nodes);
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": false, "endCursor": null } })
}

fn text(random: &mut impl Rng) -> String {
    let texts = [
        "plain",
        "",
        "\"__parentId\":\"gid://shopify/Product/1\"",
        "ü \u{1F980} \u{2028} \\ / \n\t",
        "\"inventoryItem\":{\"id\":\"x\"}",
        "}{][",
    ];
    (*texts.choose(random).unwrap()).to_owned()
}

fn metafield(random: &mut impl Rng, number: u64) -> Value {
    let namespace = *["custom", "other"].choose(random).unwrap();
    json!({
        "id": gid("Metafield", number), "namespace": namespace, "key": format!("k{}", number % 5),
        "type": "json", "value": text(random), "updatedAt": "2026-11-01T00:00:00Z",
    })
}

fn level(random: &mut impl Rng, item: u64, location: u64) -> Value {
    json!({
        "id": format!("gid://shopify/InventoryLevel/{location}?inventory_item_id={item}"),
        "isActive": random.random::<bool>(), "updatedAt": "2026-11-01T00:00:00Z",
        "location": { "id": gid("Location", location), "name": text(random), "isActive": true },
        "quantities": [
            { "name": "on_hand", "quantity": random.random_range(-3..9) },
            { "name": "available", "quantity": 2 },
        ],
    })
}

fn variant(random: &mut impl Rng, number: u64, item: u64, position: u64, levels: u64) -> Value {
    // The levels depend on the item only, so they are equal in all variants that share it.
    let mut of_item = ChaCha8Rng::seed_from_u64(item);
    let levels = (1..=levels).map(|place| level(&mut of_item, item, place));
    let mut levels: Vec<Value> = levels.collect();
    levels.shuffle(random);
    json!({
        "id": gid("ProductVariant", number), "legacyResourceId": number.to_string(), "title": text(random),
        "sku": null, "barcode": "4006381333931", "position": position, "price": "10.00", "compareAtPrice": null,
        "availableForSale": true, "inventoryPolicy": "DENY", "inventoryQuantity": 3, "taxable": false,
        "selectedOptions": [{ "name": "Size", "value": text(random) }], "updatedAt": "2026-11-01T00:00:00Z",
        "inventoryItem": {
            "id": gid("InventoryItem", item), "legacyResourceId": item.to_string(), "sku": null, "tracked": true,
            "requiresShipping": true, "updatedAt": "2026-11-01T00:00:00Z", "inventoryLevels": page(levels),
        },
    })
}

/// A product as a node of a page.
pub(crate) fn product(random: &mut impl Rng, number: u64, variants: u64) -> Value {
    let metafields = random.random_range(0..4);
    let metafields = (0..metafields)
        .map(|place| metafield(random, number * 100 + place))
        .collect();
    let variants = (0..variants).map(|place| {
        // Variants may share an inventory item.
        let item = number * 100
            + if place > 0 && random.random_bool(0.2) {
                place - 1
            } else {
                place
            };
        let levels = item % 4;
        variant(random, number * 100 + place, item, place % 3 + 1, levels)
    });
    let variants: Vec<Value> = variants.collect();
    json!({
        "id": gid("Product", number), "legacyResourceId": number.to_string(), "title": text(random),
        "handle": format!("p{number}"), "description": text(random), "descriptionHtml": "<p>x</p>",
        "productType": "", "category": { "id": "gid://shopify/TaxonomyCategory/aa-1-1", "fullName": "A > B" },
        "vendor": text(random), "tags": ["b", "a"], "status": "ACTIVE", "isGiftCard": false,
        "createdAt": "2026-11-01T00:00:00Z", "updatedAt": "2026-11-01T00:00:00Z", "publishedAt": null,
        "onlineStoreUrl": null, "totalInventory": 3, "tracksInventory": true, "hasOnlyDefaultVariant": false,
        "options": [{ "id": gid("ProductOption", number), "name": "Size", "position": 1,
            "optionValues": [{ "id": gid("ProductOptionValue", number), "name": "XL" }] }],
        "priceRangeV2": { "minVariantPrice": { "amount": "10.0", "currencyCode": "EUR" },
            "maxVariantPrice": { "amount": "10.0", "currencyCode": "EUR" } },
        "metafields": page(metafields),
        "variants": page(variants),
    })
}

/// Removes a list from an object.
fn take(fields: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    let mut list = fields.remove(name).unwrap();
    let Value::Array(nodes) = list["nodes"].take() else {
        panic!("no list of {name}")
    };
    nodes
}

fn line(object: Value, parent: Option<&str>, format: LineFormat) -> String {
    let Value::Object(mut fields) = object else {
        panic!("no object")
    };
    if !format.shopify_order {
        if let Some(parent) = parent {
            fields.insert("__parentId".to_owned(), parent.into());
        }
        return Value::Object(fields).to_string();
    }
    let id = fields.remove("id").unwrap();
    let rest = Value::Object(fields).to_string();
    let mut line = format!(r#"{{"id":{id},{}"#, &rest[1..]);
    if let Some(parent) = parent {
        line.pop();
        line.push_str(r#","__parentId":""#);
        line.push_str(parent);
        line.push_str(r#""}"#);
    }
    line
}

/// The lines of a product, each child after its parent.
pub(crate) fn product_lines(product: &Value, format: LineFormat) -> Vec<String> {
    let mut fields = product.as_object().unwrap().clone();
    let id = fields["id"].as_str().unwrap().to_owned();
    let (metafields, variants) = (
        take(&mut fields, "metafields"),
        take(&mut fields, "variants"),
    );
    let mut lines = vec![line(fields.into(), None, format)];
    lines.extend(
        metafields
            .into_iter()
            .map(|field| line(field, Some(&id), format)),
    );
    for mut variant in variants {
        let item = variant["inventoryItem"].as_object_mut().unwrap();
        let levels = take(item, "inventoryLevels");
        let parent = if format.by_item {
            &item["id"]
        } else {
            &variant["id"]
        };
        let parent = parent.as_str().unwrap().to_owned();
        lines.push(line(variant, Some(&id), format));
        lines.extend(
            levels
                .into_iter()
                .map(|level| line(level, Some(&parent), format)),
        );
    }
    lines
}

/// Products in ascending order of their numbers.
pub(crate) fn products(random: &mut impl Rng, count: u64) -> Vec<Value> {
    (1..=count)
        .map(|number| {
            let variants = random.random_range(0..5);
            product(random, number * 7, variants)
        })
        .collect()
}

/// A result with the counts that Shopify states.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    pub(crate) text: String,
    pub(crate) objects: usize,
    pub(crate) roots: usize,
}

impl Export {
    pub(crate) fn of(lines: &[String]) -> Self {
        let roots = lines
            .iter()
            .filter(|line| !line.contains(r#""__parentId":"#));
        Self {
            text: lines.join("\n") + if lines.is_empty() { "" } else { "\n" },
            objects: lines.len(),
            roots: roots.count(),
        }
    }

    pub(crate) fn grouped(products: &[Value], format: LineFormat) -> Self {
        let lines: Vec<String> = products
            .iter()
            .flat_map(|product| product_lines(product, format))
            .collect();
        let mut export = Self::of(&lines);
        export.roots = products.len();
        export
    }

    pub(crate) fn shuffled(&self, random: &mut impl Rng) -> Self {
        let mut lines: Vec<&str> = self.text.lines().collect();
        lines.shuffle(random);
        let mut shuffled = self.clone();
        shuffled.text = lines.join("\n") + if lines.is_empty() { "" } else { "\n" };
        shuffled
    }
}
