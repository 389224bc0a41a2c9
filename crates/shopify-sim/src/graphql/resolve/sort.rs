//! Computes the sort keys of objects, by the names of the schema's enums such as `ProductSortKeys`.

use super::super::object::RequestContext;
use super::super::page::SortKey;
use super::super::paginator::unordered_key;
use crate::catalog::discount::Discount;
use crate::catalog::model::{Collection, Location, Product, Variant};

pub(super) fn product_sort_key(
    context: &RequestContext<'_>,
    product: &Product,
    sort: &str,
) -> SortKey {
    match sort {
        "TITLE" => SortKey::Text(product.title.to_lowercase()),
        "VENDOR" => SortKey::Text(product.vendor.to_lowercase()),
        "PRODUCT_TYPE" => SortKey::Text(product.kind.to_lowercase()),
        "CREATED_AT" => SortKey::Signed(product.created_at),
        "UPDATED_AT" => SortKey::Signed(product.updated_at),
        "PUBLISHED_AT" => SortKey::Signed(product.published_at.unwrap_or(i64::MAX)),
        "INVENTORY_TOTAL" => SortKey::Signed(product.total_inventory().into()),
        _ => unordered_key(context, product.id),
    }
}

/// The sort key of a variant, for orders other than its position in the product.
pub(super) fn variant_sort_key(
    context: &RequestContext<'_>,
    product: &Product,
    variant: &Variant,
    sort: &str,
) -> SortKey {
    match sort {
        "ID" => SortKey::Number(variant.id),
        "SKU" => SortKey::Text(variant.sku.as_deref().unwrap_or_default().to_lowercase()),
        "TITLE" | "NAME" => SortKey::Text(product.variant_title(variant).to_lowercase()),
        "FULL_TITLE" => SortKey::Text(display_name(product, variant).to_lowercase()),
        "INVENTORY_QUANTITY" => SortKey::Signed(variant.quantity().into()),
        _ => unordered_key(context, variant.id),
    }
}

pub(super) fn display_name(product: &Product, variant: &Variant) -> String {
    format!("{} - {}", product.title, product.variant_title(variant))
}

pub(super) fn location_sort_key(
    context: &RequestContext<'_>,
    location: &Location,
    sort: &str,
) -> SortKey {
    match sort {
        "ID" => SortKey::Number(location.id),
        "NAME" => SortKey::Text(location.name.to_lowercase()),
        _ => unordered_key(context, location.id),
    }
}

pub(super) fn collection_sort_key(
    context: &RequestContext<'_>,
    collection: &Collection,
    sort: &str,
) -> SortKey {
    match sort {
        "ID" => SortKey::Number(collection.id),
        "TITLE" => SortKey::Text(collection.title.to_lowercase()),
        "UPDATED_AT" => SortKey::Signed(collection.updated_at),
        _ => unordered_key(context, collection.id),
    }
}

pub(super) fn discount_sort_key(
    context: &RequestContext<'_>,
    discount: &Discount,
    sort: &str,
) -> SortKey {
    match sort {
        "ID" => SortKey::Number(discount.id),
        "TITLE" => SortKey::Text(discount.title.to_lowercase()),
        "CREATED_AT" => SortKey::Signed(discount.created_at),
        "UPDATED_AT" => SortKey::Signed(discount.updated_at),
        "STARTS_AT" => SortKey::Signed(discount.starts_at),
        "ENDS_AT" => SortKey::Signed(discount.ends_at.unwrap_or(i64::MAX)),
        _ => unordered_key(context, discount.id),
    }
}
