//! Resolves the fields of the query root.

use super::super::field_error::FieldError;
use super::super::object::{
    DiscountNodeKind, FieldResult, MetafieldOwner, ObjectRef, RequestContext, ResolvedValue,
    SelectedField,
};
use super::super::page::MAX_PAGE_SIZE;
use super::values::{
    DISCOUNT_SCOPES, INVENTORY_ITEM_SCOPES, INVENTORY_LEVEL_SCOPES, LOCATION_SCOPES, PRODUCT_SCOPES,
};
use super::{bulk_operation, lists, product, shop};
use crate::catalog::gid::Gid;
use crate::catalog::model::Metafield;

/// Types whose objects cannot be looked up by their id alone.
const EMBEDDED_TYPES: [&str; 6] = [
    "Domain",
    "InventoryQuantity",
    "ProductOption",
    "ProductOptionValue",
    "CollectionConditionsSource",
    "TaxonomyCategory",
];

pub(crate) fn query<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    match selected.name() {
        "shop" => Ok(ResolvedValue::node(context, Some(ObjectRef::Shop))),
        "currentAppInstallation" => Ok(ResolvedValue::node(
            context,
            Some(ObjectRef::AppInstallation),
        )),
        "publicApiVersions" => Ok(shop::versions()),
        "node" => {
            let id = selected.text("id").unwrap_or_default();
            Ok(ResolvedValue::node(context, node(context, selected, id)?))
        }
        "nodes" => nodes(context, selected),
        "webhookSubscriptions" => lists::subscriptions(context, selected),
        "webhookSubscriptionsCount" => lists::subscriptions_count(context, selected),
        "webhookSubscription" => node_of_kind(context, selected, &["WebhookSubscription"]),
        name if name.starts_with("bulkOperation") => bulk_operation::query(context, selected),
        name if name.contains("iscount") => discounts(context, selected),
        name if name.starts_with("inventory") || name.starts_with("location") => {
            inventory(context, selected)
        }
        _ => products_and_collections(context, selected),
    }
}

fn products_and_collections<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    context.require_scope(selected, PRODUCT_SCOPES)?;
    match selected.name() {
        "product" => {
            let id = id_argument(selected, &["Product"])?;
            Ok(ResolvedValue::node(context, product::at_root(context, id)))
        }
        "products" => lists::products(context, selected),
        "productsCount" => lists::products_count(context, selected),
        "productVariant" => node_of_kind(context, selected, &["ProductVariant"]),
        "productVariants" => lists::variants(context, selected),
        "productVariantsCount" => lists::variants_count(context, selected),
        "collection" => node_of_kind(context, selected, &["Collection"]),
        "collections" => lists::collections(context, selected),
        "collectionsCount" => lists::collections_count(context, selected),
        _ => Err(selected.not_simulated()),
    }
}

fn inventory<'a>(context: &'a RequestContext<'a>, selected: SelectedField<'_>) -> FieldResult<'a> {
    match selected.name() {
        "inventoryItem" => node_of_kind(context, selected, &["InventoryItem"]),
        "inventoryItems" => {
            context.require_scope(selected, INVENTORY_ITEM_SCOPES)?;
            lists::items(context, selected)
        }
        "inventoryLevel" => node_of_kind(context, selected, &["InventoryLevel"]),
        "location" if selected.text("id").is_none() => {
            context.require_scope(selected, LOCATION_SCOPES)?;
            let mut locations = context.catalog.locations.values();
            let primary = locations.find(|location| location.active);
            Ok(ResolvedValue::node(
                context,
                primary.map(ObjectRef::Location),
            ))
        }
        "location" => node_of_kind(context, selected, &["Location"]),
        "locations" => {
            context.require_scope(selected, LOCATION_SCOPES)?;
            lists::locations(context, selected)
        }
        "locationsCount" => {
            context.require_scope(selected, LOCATION_SCOPES)?;
            lists::locations_count(context, selected)
        }
        _ => Err(selected.not_simulated()),
    }
}

fn discounts<'a>(context: &'a RequestContext<'a>, selected: SelectedField<'_>) -> FieldResult<'a> {
    context.require_scope(selected, DISCOUNT_SCOPES)?;
    let form = if selected.name().starts_with("code") {
        DiscountNodeKind::Code
    } else if selected.name().starts_with("automatic") {
        DiscountNodeKind::Automatic
    } else {
        DiscountNodeKind::Any
    };
    match selected.name() {
        "discountNodes" | "codeDiscountNodes" | "automaticDiscountNodes" => {
            lists::discounts(context, form, selected)
        }
        "discountNodesCount" => lists::discounts_count(context, selected),
        "discountNode" | "codeDiscountNode" | "automaticDiscountNode" => {
            let kinds: &[_] = match form {
                DiscountNodeKind::Any => {
                    &["DiscountNode", "DiscountCodeNode", "DiscountAutomaticNode"]
                }
                DiscountNodeKind::Code => &["DiscountCodeNode", "DiscountNode"],
                DiscountNodeKind::Automatic => &["DiscountAutomaticNode", "DiscountNode"],
            };
            id_argument(selected, kinds)?;
            let id = selected.text("id").unwrap_or_default();
            let found = node(context, selected, id)?.and_then(|node| as_form(node, form));
            Ok(ResolvedValue::node(context, found))
        }
        _ => Err(selected.not_simulated()),
    }
}

/// The discount as a node of type `form`, if it is of that type.
fn as_form(node: ObjectRef<'_>, form: DiscountNodeKind) -> Option<ObjectRef<'_>> {
    let ObjectRef::DiscountNode(discount, _) = node else {
        return None;
    };
    let fits = match form {
        DiscountNodeKind::Any => true,
        DiscountNodeKind::Code => discount.kind.has_codes(),
        DiscountNodeKind::Automatic => !discount.kind.has_codes(),
    };
    fits.then_some(ObjectRef::DiscountNode(discount, form))
}

/// The numeric id in the argument `id`, which must be of one of the types `kinds`.
fn id_argument(selected: SelectedField<'_>, kinds: &[&str]) -> Result<u64, FieldError> {
    let id = selected.text("id").unwrap_or_default();
    let gid = Gid::parse(id).filter(|gid| kinds.contains(&gid.kind));
    gid.map(|gid| gid.id)
        .ok_or_else(|| FieldError::invalid_id(id))
}

fn node_of_kind<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
    kinds: &[&str],
) -> FieldResult<'a> {
    id_argument(selected, kinds)?;
    let id = selected.text("id").unwrap_or_default();
    Ok(ResolvedValue::node(context, node(context, selected, id)?))
}

fn nodes<'a>(context: &'a RequestContext<'a>, selected: SelectedField<'_>) -> FieldResult<'a> {
    let ids = selected.texts("ids").unwrap_or_default();
    if ids.len() > MAX_PAGE_SIZE {
        return Err(FieldError::too_many(ids.len(), MAX_PAGE_SIZE));
    }
    let found = ids.into_iter().map(|id| {
        let found = node(context, selected, id)?;
        Ok(ResolvedValue::node(context, found))
    });
    Ok(ResolvedValue::List(
        found.collect::<Result<_, FieldError>>()?,
    ))
}

/// The node with this id, if the token may read it; `None` if it does not exist.
fn node<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
    id: &str,
) -> Result<Option<ObjectRef<'a>>, FieldError> {
    let Some(gid) = Gid::parse(id) else {
        return Ok(None);
    };
    let scopes = match gid.kind {
        "Product" | "ProductVariant" | "Collection" | "Metafield" => PRODUCT_SCOPES,
        "InventoryItem" => INVENTORY_ITEM_SCOPES,
        "InventoryLevel" => INVENTORY_LEVEL_SCOPES,
        "Location" => LOCATION_SCOPES,
        "DiscountNode" | "DiscountCodeNode" | "DiscountAutomaticNode" => DISCOUNT_SCOPES,
        kind if EMBEDDED_TYPES.contains(&kind) => {
            return Err(FieldError::not_simulated(&format!(
                "{} of {kind}",
                selected.name()
            )));
        }
        _ => &[],
    };
    if !scopes.is_empty() {
        context.require_scope(selected, scopes)?;
    }
    Ok(find(context, &gid))
}

fn find<'a>(context: &'a RequestContext<'a>, gid: &Gid<'_>) -> Option<ObjectRef<'a>> {
    let catalog = context.catalog;
    let discount = |form| {
        let discount = catalog.discounts.get(&gid.id)?;
        as_form(ObjectRef::DiscountNode(discount, form), form)
    };
    let of_shop = gid.id == catalog.shop.id;
    match gid.kind {
        "Product" => {
            let product = catalog.products.get(&gid.id)?;
            Some(ObjectRef::Product(product, false))
        }
        "ProductVariant" => {
            let (product, variant) = catalog.variant(gid.id)?;
            Some(ObjectRef::Variant(product, variant))
        }
        "InventoryItem" => {
            let (product, variant) = catalog.item(gid.id)?;
            Some(ObjectRef::InventoryItem(product, variant))
        }
        "InventoryLevel" => {
            let (product, variant) = catalog.item(gid.inventory_item()?)?;
            let mut levels = variant.item.levels.iter();
            let level = levels.find(|level| level.location == gid.id)?;
            Some(ObjectRef::InventoryLevel(product, variant, level))
        }
        "Location" => catalog.locations.get(&gid.id).map(ObjectRef::Location),
        "Collection" => catalog.collections.get(&gid.id).map(ObjectRef::Collection),
        "DiscountNode" => discount(DiscountNodeKind::Any),
        "DiscountCodeNode" => discount(DiscountNodeKind::Code),
        "DiscountAutomaticNode" => discount(DiscountNodeKind::Automatic),
        "Metafield" => metafield(context, gid.id),
        "Shop" => of_shop.then_some(ObjectRef::Shop),
        "AppInstallation" => of_shop.then_some(ObjectRef::AppInstallation),
        "WebhookSubscription" => {
            let mut subscriptions = context.subscriptions.iter();
            let found = subscriptions.find(|each| each.id == gid.id)?;
            Some(ObjectRef::WebhookSubscription(found))
        }
        _ => None,
    }
}

/// Finds a metafield by a scan: metafields have no index, since looking one up by its id alone is rare.
fn metafield<'a>(context: &'a RequestContext<'a>, id: u64) -> Option<ObjectRef<'a>> {
    let catalog = context.catalog;
    let find_in = |fields: &'a [Metafield], owner| {
        let field = fields.iter().find(|field| field.id == id)?;
        Some(ObjectRef::Metafield(field, owner))
    };
    let of_products = catalog.products.values().find_map(|product| {
        let of_variant = || {
            let mut variants = product.variants.iter();
            variants.find_map(|variant| find_in(&variant.metafields, MetafieldOwner::VARIANT))
        };
        find_in(&product.metafields, MetafieldOwner::PRODUCT).or_else(of_variant)
    });
    of_products.or_else(|| {
        let mut collections = catalog.collections.values();
        collections.find_map(|each| find_in(&each.metafields, MetafieldOwner::COLLECTION))
    })
}
