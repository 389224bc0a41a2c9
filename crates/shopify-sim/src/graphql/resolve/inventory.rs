//! Resolves fields of inventory items, inventory levels and locations.

use super::super::field_error::FieldError;
use super::super::object::{
    FieldResult, Object, ObjectRef, RequestContext, ResolvedValue, SelectedField, or_null,
};
use super::super::page::SortKey;
use super::super::paginator::{Paginator, unordered_key};
use super::super::search::Search;
use super::filters::{self, SearchableInventoryLevel};
use super::values::{
    INVENTORY_LEVEL_SCOPES, LOCATION_SCOPES, PRODUCT_SCOPES, count, timestamp, unsigned_int64,
};
use crate::catalog::gid::{Gid, gid, level_gid};
use crate::catalog::model::{InventoryLevel, Location, Product, Variant};

pub(crate) fn item<'a>(
    context: &'a RequestContext<'a>,
    product: &'a Product,
    variant: &'a Variant,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let item = &variant.item;
    Ok(match selected.name() {
        "id" => gid("InventoryItem", item.id).into(),
        "legacyResourceId" => unsigned_int64(item.id),
        "sku" => or_null(variant.sku.as_deref()),
        "tracked" => item.tracked.into(),
        "requiresShipping" => item.requires_shipping.into(),
        "createdAt" => timestamp(variant.created_at),
        "updatedAt" => timestamp(item.updated_at),
        "locationsCount" => count(selected, item.levels.iter().filter(|level| level.active)),
        "variants" => {
            context.require_scope(selected, PRODUCT_SCOPES)?;
            let paginator = Paginator::unsorted(context, selected, "ProductVariant", item.id)?;
            let only = (
                SortKey::Number(variant.id),
                variant.id,
                ObjectRef::Variant(product, variant),
            );
            paginator.paginate(std::iter::once(only))
        }
        "inventoryLevel" => {
            context.require_scope(selected, INVENTORY_LEVEL_SCOPES)?;
            let level = level_at(variant, selected);
            ResolvedValue::node(
                context,
                level.map(|level| ObjectRef::InventoryLevel(product, variant, level)),
            )
        }
        "inventoryLevels" => {
            context.require_scope(selected, INVENTORY_LEVEL_SCOPES)?;
            return levels(context, product, variant, selected);
        }
        _ => return Err(selected.not_simulated()),
    })
}

fn level_at<'a>(variant: &'a Variant, selected: SelectedField<'_>) -> Option<&'a InventoryLevel> {
    let location = selected.text("locationId").and_then(Gid::parse)?;
    let levels = variant.item.levels.iter();
    let mut seen = levels.filter(|level| level.active || selected.flag("includeInactive"));
    seen.find(|level| level.location == location.id)
}

fn levels<'a>(
    context: &'a RequestContext<'a>,
    product: &'a Product,
    variant: &'a Variant,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let paginator = Paginator::unsorted(context, selected, "InventoryLevel", variant.item.id)?;
    let search =
        Search::parse(selected.text("query"), filters::LEVEL).map_err(FieldError::bad_request)?;
    let inactive = selected.flag("includeInactive");
    let item = variant.item.id;
    let seen = variant.item.levels.iter().filter(|level| {
        (level.active || inactive) && search.matches(&SearchableInventoryLevel { item, level })
    });
    Ok(paginator.paginate(seen.map(|level| {
        let sort_key = unordered_key(context, level.location);
        (
            sort_key,
            level.location,
            ObjectRef::InventoryLevel(product, variant, level),
        )
    })))
}

pub(crate) fn level<'a>(
    context: &'a RequestContext<'a>,
    product: &'a Product,
    variant: &'a Variant,
    level: &'a InventoryLevel,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => level_gid(level.location, variant.item.id)
            .to_string()
            .into(),
        "isActive" => level.active.into(),
        "updatedAt" => timestamp(level.updated_at),
        "item" => ResolvedValue::node(context, Some(ObjectRef::InventoryItem(product, variant))),
        "location" => {
            context.require_scope(selected, LOCATION_SCOPES)?;
            let location = context.catalog.locations.get(&level.location);
            ResolvedValue::node(context, location.map(ObjectRef::Location))
        }
        "quantities" => {
            let names = selected.texts("names").unwrap_or_default().into_iter();
            let quantities = names.map(|name| {
                let node = ObjectRef::InventoryQuantity(level, quantity_name(name)?);
                Ok(ResolvedValue::Node(Object { context, node }))
            });
            ResolvedValue::List(quantities.collect::<Result<_, FieldError>>()?)
        }
        _ => return Err(selected.not_simulated()),
    })
}

/// The names of inventory quantities.
const QUANTITIES: [&str; 8] = [
    "available",
    "committed",
    "incoming",
    "on_hand",
    "damaged",
    "quality_control",
    "reserved",
    "safety_stock",
];

fn quantity_name(name: &str) -> Result<&'static str, FieldError> {
    let known = QUANTITIES.into_iter().find(|known| *known == name);
    known
        .ok_or_else(|| FieldError::bad_request(format!("The quantity name `{name}` is not valid.")))
}

pub(crate) fn quantity<'a>(
    level: &InventoryLevel,
    name: &'static str,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "name" => name.into(),
        "quantity" => or_null(level.quantity(name)),
        "updatedAt" => timestamp(level.updated_at),
        _ => return Err(selected.not_simulated()),
    })
}

pub(crate) fn location<'a>(
    context: &RequestContext<'_>,
    location: &'a Location,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => gid("Location", location.id).into(),
        "legacyResourceId" => unsigned_int64(location.id),
        "name" => location.name.as_str().into(),
        "isActive" => location.active.into(),
        "hasActiveInventory" => has_stock(context, location.id).into(),
        // Fulfilment services are not simulated.
        "isFulfillmentService" => false.into(),
        "createdAt" => timestamp(location.created_at),
        "updatedAt" => timestamp(location.updated_at),
        _ => return Err(selected.not_simulated()),
    })
}

fn has_stock(context: &RequestContext<'_>, location: u64) -> bool {
    let products = context.catalog.products.values();
    products
        .flat_map(|product| &product.variants)
        .flat_map(|variant| &variant.item.levels)
        .any(|level| level.location == location && level.active)
}
