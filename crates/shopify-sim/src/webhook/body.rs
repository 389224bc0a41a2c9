//! Writes webhook bodies, in the shape of the former REST resources.

use serde_json::{Value, json};

use crate::catalog::discount::{Discount, RedeemCode};
use crate::catalog::gid::{gid, level_gid};
use crate::catalog::model::{
    Cents, Collection, InventoryLevel, Location, Product, Seconds, Shop, Variant, iso,
};

/// How many variants of a product are written in full.
const FULL_VARIANTS: usize = 100;

pub(crate) fn product(shop: &Shop, product: &Product) -> Value {
    let options: Vec<_> = product
        .options
        .iter()
        .enumerate()
        .map(|(index, option)| {
            let values: Vec<_> = option.values.iter().map(|value| &*value.name).collect();
            json!({"id": option.id, "product_id": product.id, "name": &*option.name, "position": index + 1, "values": values})
        })
        .collect();
    let mut newest: Vec<&Variant> = product.variants.iter().collect();
    newest.sort_by_key(|variant| std::cmp::Reverse((variant.updated_at, variant.id)));
    let gids: Vec<_> = newest
        .iter()
        .map(|variant| json!({"admin_graphql_api_id": gid("ProductVariant", variant.id), "updated_at": iso(variant.updated_at)}))
        .collect();
    let variants = product.variants.iter().enumerate().take(FULL_VARIANTS);
    json!({
        "admin_graphql_api_id": gid("Product", product.id),
        "id": product.id,
        "title": &*product.title,
        "handle": &*product.handle,
        "body_html": &*product.html,
        "vendor": &*product.vendor,
        "product_type": &*product.kind,
        "status": product.status.as_str().to_lowercase(),
        "tags": product.tags.join(", "),
        "created_at": iso(product.created_at),
        "updated_at": iso(product.updated_at),
        "published_at": product.published_at.map(iso),
        "published_scope": "global",
        "template_suffix": null,
        "options": options,
        "images": [],
        "image": null,
        "media": [],
        "category": product.category.as_ref().map(|category| json!({"admin_graphql_api_id": category.id, "full_name": category.full_name})),
        "has_variants_that_requires_components": false,
        "variants": variants.map(|(index, variant)| self::variant(shop, product, index, variant)).collect::<Vec<_>>(),
        "variant_gids": gids,
    })
}

fn variant(shop: &Shop, product: &Product, index: usize, variant: &Variant) -> Value {
    let choice = |index: usize| product.choices(variant).nth(index).map(|(_, value)| value);
    json!({
        "admin_graphql_api_id": gid("ProductVariant", variant.id),
        "id": variant.id,
        "product_id": product.id,
        "title": product.variant_title(variant),
        "price": variant.price.money(),
        "compare_at_price": variant.compare_at.map(Cents::money),
        "currency": shop.currency,
        "sku": variant.sku,
        "barcode": variant.barcode,
        "position": index + 1,
        "taxable": variant.taxable,
        "inventory_policy": if variant.oversell { "continue" } else { "deny" },
        "inventory_item_id": variant.item.id,
        "inventory_quantity": variant.quantity(),
        "old_inventory_quantity": variant.quantity(),
        "option1": choice(0),
        "option2": choice(1),
        "option3": choice(2),
        "created_at": iso(variant.created_at),
        "updated_at": iso(variant.updated_at),
    })
}

/// The body of deletions: only the id.
pub(crate) fn id_only(id: u64) -> Value {
    json!({ "id": id })
}

pub(crate) fn inventory_item(variant: &Variant) -> Value {
    let item = &variant.item;
    json!({
        "admin_graphql_api_id": gid("InventoryItem", item.id),
        "id": item.id,
        "sku": variant.sku,
        "tracked": item.tracked,
        "cost": null,
        "requires_shipping": item.requires_shipping,
        "created_at": iso(variant.created_at),
        "updated_at": iso(item.updated_at),
    })
}

pub(crate) fn inventory_item_deleted(variant: &Variant) -> Value {
    json!({"admin_graphql_api_id": gid("InventoryItem", variant.item.id), "id": variant.item.id})
}

pub(crate) fn inventory_level(item: u64, level: &InventoryLevel) -> Value {
    json!({
        "admin_graphql_api_id": level_gid(level.location, item).to_string(),
        "inventory_item_id": item,
        "location_id": level.location,
        "available": level.available,
        "updated_at": iso(level.updated_at),
    })
}

pub(crate) fn inventory_level_disconnected(item: u64, location: u64) -> Value {
    json!({"inventory_item_id": item, "location_id": location})
}

pub(crate) fn discount(discount: &Discount, now: Seconds) -> Value {
    json!({
        "admin_graphql_api_id": gid(discount.kind.node_type(), discount.id),
        "title": discount.title,
        "status": discount.status(now),
        "created_at": iso(discount.created_at),
        "updated_at": iso(discount.updated_at),
    })
}

pub(crate) fn discount_deleted(discount: &Discount, now: Seconds) -> Value {
    json!({"admin_graphql_api_id": gid(discount.kind.node_type(), discount.id), "deleted_at": iso(now)})
}

pub(crate) fn redeem_code(discount: &Discount, code: &RedeemCode) -> Value {
    json!({
        "admin_graphql_api_id": gid(discount.kind.node_type(), discount.id),
        "redeem_code": {"id": gid("DiscountRedeemCode", code.id), "code": &*code.code},
        "updated_at": iso(discount.updated_at),
    })
}

pub(crate) fn collection(collection: &Collection) -> Value {
    let rules: Vec<_> = collection
        .tag
        .iter()
        .map(|tag| json!({"column": "tag", "relation": "equals", "condition": &**tag}))
        .collect();
    json!({
        "admin_graphql_api_id": gid("Collection", collection.id),
        "id": collection.id,
        "title": collection.title,
        "handle": collection.handle,
        "body_html": collection.html,
        "rules": rules,
        "disjunctive": false,
        "sort_order": collection.sort_order.to_lowercase().replace('_', "-"),
        "template_suffix": collection.template_suffix,
        "published_scope": "global",
        "updated_at": iso(collection.updated_at),
    })
}

pub(crate) fn collection_deleted(id: u64) -> Value {
    json!({"admin_graphql_api_id": gid("Collection", id), "id": id, "published_scope": "global"})
}

pub(crate) fn location(location: &Location) -> Value {
    json!({
        "admin_graphql_api_id": gid("Location", location.id),
        "id": location.id,
        "name": location.name,
        "active": location.active,
        "legacy": false,
        "created_at": iso(location.created_at),
        "updated_at": iso(location.updated_at),
    })
}

pub(crate) fn shop(shop: &Shop) -> Value {
    json!({
        "id": shop.id,
        "name": shop.name,
        "email": shop.email,
        "domain": shop.domain,
        "myshopify_domain": shop.domain,
        "currency": shop.currency,
        "iana_timezone": shop.timezone,
        "plan_name": "basic",
        "created_at": iso(shop.created_at),
        "updated_at": iso(shop.updated_at),
    })
}

pub(crate) fn scopes(shop: &Shop, previous: &[String], current: &[String], now: Seconds) -> Value {
    json!({
        "id": shop.id,
        "shop_id": gid("Shop", shop.id),
        "previous": previous,
        "current": current,
        "updated_at": iso(now),
    })
}
