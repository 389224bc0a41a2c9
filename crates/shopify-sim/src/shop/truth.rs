//! Writes the whole catalogue as JSON, directly from the model, for tests to compare copies with.

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::catalog::discount::{CustomerGets, Discount, DiscountEffect, DiscountKind};
use crate::catalog::model::{
    Cents, Collection, InventoryLevel, Location, Metafield, Product, Seconds, Shop, Variant, iso,
};

/// Objects are in the order of their ids. Ids are numbers, timestamps ISO 8601, money decimal strings.
pub(super) fn truth(catalog: &Catalog, now: Seconds) -> Value {
    let lists = parts(catalog, now).map(|(name, items)| (name.to_owned(), items.collect()));
    let mut truth: serde_json::Map<String, Value> = lists.into_iter().collect();
    truth.insert("shop".to_owned(), shop(&catalog.shop));
    truth.into()
}

/// The same as text, with at most one product as a tree in memory.
pub(super) fn text(catalog: &Catalog, now: Seconds) -> String {
    let mut text = format!("{{\"shop\":{}", shop(&catalog.shop));
    for (name, items) in parts(catalog, now) {
        text.extend([",\"", name, "\":["]);
        for (index, item) in items.enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&item.to_string());
        }
        text.push(']');
    }
    text.push('}');
    text
}

type Items<'a> = Box<dyn Iterator<Item = Value> + 'a>;

fn parts(catalog: &Catalog, now: Seconds) -> [(&'static str, Items<'_>); 4] {
    let products = catalog.products.values();
    let discounts = catalog.discounts.values();
    let collections = catalog.collections.values();
    [
        (
            "locations",
            Box::new(catalog.locations.values().map(location)),
        ),
        (
            "products",
            Box::new(products.map(move |each| product(catalog, each))),
        ),
        (
            "discounts",
            Box::new(discounts.map(move |each| discount(each, now))),
        ),
        (
            "collections",
            Box::new(collections.map(move |each| collection(catalog, each))),
        ),
    ]
}

fn shop(shop: &Shop) -> Value {
    json!({
        "id": shop.id,
        "name": shop.name,
        "myshopify_domain": shop.domain,
        "currency_code": shop.currency,
        "iana_timezone": shop.timezone,
    })
}

fn location(location: &Location) -> Value {
    json!({
        "id": location.id,
        "name": location.name,
        "is_active": location.active,
        "created_at": iso(location.created_at),
        "updated_at": iso(location.updated_at),
    })
}

fn product(catalog: &Catalog, product: &Product) -> Value {
    let options = product.options.iter().map(|option| {
        let values = option.values.iter().map(|value| &*value.name);
        json!({"id": option.id, "name": &*option.name, "values": values.collect::<Vec<_>>()})
    });
    let mut variants: Vec<(usize, &Variant)> = product.variants.iter().enumerate().collect();
    variants.sort_by_key(|(_, variant)| variant.id);
    let variants = variants
        .into_iter()
        .map(|(index, each)| variant(catalog, product, index, each));
    json!({
        "id": product.id,
        "title": product.title,
        "handle": product.handle,
        "description": product.description(),
        "description_html": product.html,
        "product_type": &*product.kind,
        "vendor": &*product.vendor,
        "tags": product.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(),
        "status": product.status.as_str(),
        "category": product.category.as_ref().map(|category| category.full_name.as_str()),
        "is_gift_card": product.gift_card,
        "created_at": iso(product.created_at),
        "updated_at": iso(product.updated_at),
        "published_at": product.published_at.map(iso),
        "total_inventory": product.total_inventory(),
        "tracks_inventory": product.tracks_inventory(),
        "options": options.collect::<Value>(),
        "metafields": metafields(&product.metafields),
        "variants": variants.collect::<Value>(),
    })
}

fn metafields(fields: &[Metafield]) -> Value {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|field| field.id);
    let fields = fields.into_iter().map(|field| {
        json!({
            "id": field.id,
            "namespace": &*field.namespace,
            "key": &*field.key,
            "type": &*field.kind,
            "value": field.value,
            "updated_at": iso(field.updated_at),
        })
    });
    fields.collect()
}

fn variant(catalog: &Catalog, product: &Product, index: usize, variant: &Variant) -> Value {
    let selected = product
        .choices(variant)
        .map(|(name, value)| json!({"name": name, "value": value}));
    let mut levels: Vec<_> = variant.item.levels.iter().collect();
    levels.sort_by_key(|level| level.location);
    json!({
        "id": variant.id,
        "title": product.variant_title(variant),
        "position": index + 1,
        "sku": variant.sku,
        "barcode": variant.barcode,
        "price": variant.price.money(),
        "compare_at_price": variant.compare_at.map(Cents::money),
        "available_for_sale": variant.for_sale(),
        "inventory_policy": if variant.oversell { "CONTINUE" } else { "DENY" },
        "inventory_quantity": variant.quantity(),
        "taxable": variant.taxable,
        "created_at": iso(variant.created_at),
        "updated_at": iso(variant.updated_at),
        "selected_options": selected.collect::<Value>(),
        "inventory_item_id": variant.item.id,
        "tracked": variant.item.tracked,
        "requires_shipping": variant.item.requires_shipping,
        "metafields": metafields(&variant.metafields),
        "levels": levels.into_iter().map(|each| level(catalog, each)).collect::<Value>(),
    })
}

fn level(catalog: &Catalog, level: &InventoryLevel) -> Value {
    let name = catalog
        .locations
        .get(&level.location)
        .map(|location| location.name.as_str());
    json!({
        "location_id": level.location,
        "location_name": name,
        "is_active": level.active,
        "available": level.quantity("available"),
        "committed": level.quantity("committed"),
        "incoming": level.quantity("incoming"),
        "on_hand": level.quantity("on_hand"),
        "damaged": level.quantity("damaged"),
        "quality_control": level.quantity("quality_control"),
        "reserved": level.quantity("reserved"),
        "safety_stock": level.quantity("safety_stock"),
        "updated_at": iso(level.updated_at),
    })
}

fn discount(discount: &Discount, now: Seconds) -> Value {
    let (quantity, effect) = match &discount.gets {
        CustomerGets::Effect(effect) => (None, effect),
        CustomerGets::OnQuantity { quantity, effect } => (Some(*quantity), effect),
    };
    // Free shipping and discounts of apps have neither a percentage nor an amount.
    let (percentage, amount) = match (discount.kind, effect) {
        (
            DiscountKind::CodeFreeShipping
            | DiscountKind::AutomaticFreeShipping
            | DiscountKind::CodeApp
            | DiscountKind::AutomaticApp,
            _,
        ) => (None, None),
        (_, DiscountEffect::Percentage(share)) => (Some(*share), None),
        (_, DiscountEffect::Amount { amount, .. }) => (None, Some(amount.decimal())),
    };
    let mut codes: Vec<_> = discount.codes.iter().collect();
    codes.sort_by_key(|code| code.id);
    json!({
        "id": discount.id,
        "kind": discount.kind.type_name(),
        "title": discount.title,
        "status": discount.status(now),
        "discount_class": discount.class(),
        "starts_at": iso(discount.starts_at),
        "ends_at": discount.ends_at.map(iso),
        "created_at": iso(discount.created_at),
        "updated_at": iso(discount.updated_at),
        "codes": codes.iter().map(|code| &*code.code).collect::<Vec<_>>(),
        "percentage": percentage,
        "amount": amount,
        "on_quantity": quantity,
        "usage_count": discount.used,
        "usage_limit": discount.usage_limit,
        "tags": discount.tags,
    })
}

fn collection(catalog: &Catalog, collection: &Collection) -> Value {
    let mut members: Vec<_> = collection
        .products
        .iter()
        .filter_map(|id| catalog.products.get(id))
        .collect();
    members.sort_by_key(|product| product.id);
    let members = members
        .into_iter()
        .map(|product| json!({"id": product.id, "title": product.title, "handle": product.handle}));
    json!({
        "id": collection.id,
        "title": collection.title,
        "handle": collection.handle,
        "description_html": collection.html,
        "sort_order": collection.sort_order,
        "updated_at": iso(collection.updated_at),
        "metafields": metafields(&collection.metafields),
        "products": members.collect::<Value>(),
    })
}
