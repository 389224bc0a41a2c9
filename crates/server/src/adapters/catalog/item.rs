//! Converts Shopify objects into mirror items: body, denormalised fields, references.
//!
//! A body contains what the client reads and nothing else: no cursor, no cost, no fetch time. The client orders all lists by
//! their contents alone, so the same object always gives the same bytes.

use serde::Serialize;
use shopify_client::model::{Collection, Discount, DiscountKind, Location, Product, Shop};
use spaces_store::to_canonical_vec;
use sync_core::{ContentHash, Item, ItemId, ItemKey, ItemKind, PortError, Section, Timestamp};

/// The key of an item by its numeric id.
pub(super) fn key(kind: ItemKind, number: u64) -> Result<ItemKey, PortError> {
    let id = ItemId::new(number).ok_or_else(|| {
        let why = format!("the {kind} id {number} is larger than any that Shopify assigns");
        PortError::fail("name an item", why)
    })?;
    Ok(ItemKey::new(kind, id))
}

/// Fields that only some kinds have.
#[derive(Default)]
struct ItemFields<'a> {
    updated_at: Option<&'a str>,
    denorm_fields: String,
    references: Vec<ItemKey>,
}

fn item<T: Serialize>(
    key: ItemKey,
    section: Section,
    body: &T,
    fields: ItemFields<'_>,
) -> Result<Item, PortError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        PortError::fail("write an item as JSON", error)
    };
    let body = to_canonical_vec(body).map_err(|error| failed(error.into()))?;
    let body = String::from_utf8(body).map_err(|error| failed(error.into()))?;
    let hash = spaces_store::ContentHash::of(body.as_bytes());
    Ok(Item {
        key,
        section,
        hash: ContentHash(*hash.as_bytes()),
        body,
        updated_at: fields.updated_at.and_then(parse_timestamp),
        denorm_fields: fields.denorm_fields,
        references: fields.references,
    })
}

fn parse_timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// The denormalised fields, those that other items repeat, as JSON text, so that different fields never give the same text.
fn denorm_fields(repeated: impl Serialize) -> Result<String, PortError> {
    serde_json::to_string(&repeated)
        .map_err(|error| PortError::fail("write the denormalised fields", error))
}

pub(super) fn shop(shop: &Shop) -> Result<Item, PortError> {
    item(ItemKey::SHOP, Section::Shop, shop, ItemFields::default())
}

/// Inventory levels repeat a location's name and whether it is active.
pub(super) fn location(location: &Location) -> Result<Item, PortError> {
    let fields = ItemFields {
        updated_at: Some(&location.updated_at),
        denorm_fields: denorm_fields((&location.name, location.is_active))?,
        references: Vec::new(),
    };
    let key = key(ItemKind::Location, location.id.number())?;
    item(key, Section::Locations, location, fields)
}

/// Collections repeat a product's title and handle. The product references its variants' inventory items, so that
/// inventory deliveries find it, and the locations of their stock.
pub(super) fn product(product: &Product) -> Result<Item, PortError> {
    let mut references = Vec::new();
    for variant in &product.variants {
        let stock = &variant.inventory_item;
        references.push(key(ItemKind::InventoryItem, stock.id.number())?);
        for level in &stock.inventory_levels {
            references.push(key(ItemKind::Location, level.location.id.number())?);
        }
    }
    references.sort_unstable();
    references.dedup();
    let fields = ItemFields {
        updated_at: Some(&product.updated_at),
        denorm_fields: denorm_fields((&product.title, &product.handle))?,
        references,
    };
    let key = key(ItemKind::Product, product.id.number())?;
    item(key, Section::Products, product, fields)
}

/// A collection references its products, because it repeats their titles and handles.
pub(super) fn collection(collection: &Collection) -> Result<Item, PortError> {
    let products = collection.products.iter();
    let references = products.map(|product| key(ItemKind::Product, product.id.number()));
    let fields = ItemFields {
        updated_at: Some(&collection.updated_at),
        denorm_fields: String::new(),
        references: references.collect::<Result<_, _>>()?,
    };
    let key = key(ItemKind::Collection, collection.id.number())?;
    item(key, Section::Collections, collection, fields)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeDiscountNode<'a> {
    id: &'a str,
    code_discount: &'a DiscountKind,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AutomaticDiscountNode<'a> {
    id: &'a str,
    automatic_discount: &'a DiscountKind,
}

/// Code discounts are placed in `codeDiscountNodes`, as in Shopify's API, and automatic ones in `automaticDiscountNodes`.
pub(super) fn discount(discount: &Discount) -> Result<Item, PortError> {
    let fields = ItemFields {
        updated_at: discount.updated_at(),
        ..ItemFields::default()
    };
    let key = key(ItemKind::Discount, discount.id.number())?;
    let (id, kind) = (discount.id.as_str(), &discount.discount);
    if discount.is_automatic() {
        let node = AutomaticDiscountNode {
            id,
            automatic_discount: kind,
        };
        item(key, Section::AutomaticDiscounts, &node, fields)
    } else {
        let node = CodeDiscountNode {
            id,
            code_discount: kind,
        };
        item(key, Section::CodeDiscounts, &node, fields)
    }
}

#[cfg(test)]
mod tests;
