//! Resolves fields of products, variants and metafields.

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::super::object::{
    FieldResult, MetafieldOwner, Object, ObjectRef, RequestContext, ResolvedValue, SelectedField,
    or_null,
};
use super::super::page::{MAX_PAGE_SIZE, SortKey};
use super::super::paginator::{Paginator, unordered_key};
use super::lists;
use super::sort::{display_name, variant_sort_key};
use super::values::{INVENTORY_ITEM_SCOPES, count, money, timestamp, truncate, unsigned_int64};
use crate::catalog::gid::{Gid, gid};
use crate::catalog::model::{Category, Cents, Metafield, Product, ProductOption, Variant};

/// The maximum number of variants of a product, and the maximum page size of variants below `product(id:)`.
const MAX_VARIANTS: usize = 2_048;

pub(crate) fn product<'a>(
    context: &'a RequestContext<'a>,
    product: &'a Product,
    at_root: bool,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let shop = &context.catalog.shop;
    Ok(match selected.name() {
        "id" => gid("Product", product.id).into(),
        "legacyResourceId" => unsigned_int64(product.id),
        "title" => (&*product.title).into(),
        "handle" => (&*product.handle).into(),
        "description" => truncate(selected, product.description()).into(),
        "descriptionHtml" => (&*product.html).into(),
        "productType" => (&*product.kind).into(),
        "vendor" => (&*product.vendor).into(),
        "tags" => ResolvedValue::texts(product.tags.iter().map(|tag| &**tag)),
        "status" => product.status.as_str().into(),
        "category" => product
            .category
            .as_deref()
            .map_or(ResolvedValue::Null, category),
        "isGiftCard" => product.gift_card.into(),
        "createdAt" => timestamp(product.created_at),
        "updatedAt" => timestamp(product.updated_at),
        "publishedAt" => or_null(product.published_at.map(timestamp)),
        "onlineStoreUrl" => or_null(product.online_url(&shop.domain)),
        "totalInventory" => product.total_inventory().into(),
        "tracksInventory" => product.tracks_inventory().into(),
        "hasOnlyDefaultVariant" => product.only_default_variant().into(),
        "hasOutOfStockVariants" => product.variants.iter().any(is_sold_out).into(),
        // Bundles and templates are not simulated.
        "hasVariantsThatRequiresComponents" => false.into(),
        "templateSuffix" => ResolvedValue::Null,
        "options" => options(product, selected),
        "priceRangeV2" => price_range(context, product),
        "variantsCount" => count(selected, product.variants.iter()),
        "metafield" => one_metafield(
            context,
            selected,
            &product.metafields,
            MetafieldOwner::PRODUCT,
        ),
        "metafields" => {
            return metafields(
                context,
                selected,
                product.id,
                &product.metafields,
                MetafieldOwner::PRODUCT,
            );
        }
        "variants" => return variants(context, product, at_root, selected),
        "collections" => return lists::collections_of(context, product, selected),
        "inCollection" => in_collection(context, product, selected).into(),
        _ => return Err(selected.not_simulated()),
    })
}

fn is_sold_out(variant: &Variant) -> bool {
    variant.item.tracked && variant.quantity() <= 0
}

fn in_collection(
    context: &RequestContext<'_>,
    product: &Product,
    selected: SelectedField<'_>,
) -> bool {
    let id = selected.text("id").and_then(Gid::parse).map(|gid| gid.id);
    id.and_then(|id| context.catalog.collections.get(&id))
        .is_some_and(|collection| collection.products.contains(&product.id))
}

fn category(category: &Category) -> ResolvedValue<'_> {
    let name = category.full_name.rsplit(" > ").next();
    ResolvedValue::Object(
        "TaxonomyCategory",
        vec![
            ("id", category.id.as_str().into()),
            ("name", name.unwrap_or_default().into()),
            ("fullName", category.full_name.as_str().into()),
        ],
    )
}

fn options<'a>(product: &'a Product, selected: SelectedField<'_>) -> ResolvedValue<'a> {
    let first = selected
        .number("first")
        .and_then(|first| usize::try_from(first).ok());
    let options = product.options.iter().enumerate();
    let options = options.take(first.unwrap_or(usize::MAX));
    ResolvedValue::List(
        options
            .map(|(index, each)| option(product, index, each))
            .collect(),
    )
}

fn option<'a>(product: &'a Product, index: usize, option: &'a ProductOption) -> ResolvedValue<'a> {
    let names = option.values.iter().map(|value| &*value.name);
    let values = option.values.iter().enumerate().map(|(number, value)| {
        let is_used = |variant: &Variant| usize::from(variant.choices[index]) == number;
        ResolvedValue::Object(
            "ProductOptionValue",
            vec![
                ("id", gid("ProductOptionValue", value.id).into()),
                ("name", (&*value.name).into()),
                ("hasVariants", product.variants.iter().any(is_used).into()),
            ],
        )
    });
    ResolvedValue::Object(
        "ProductOption",
        vec![
            ("id", gid("ProductOption", option.id).into()),
            ("name", (&*option.name).into()),
            ("position", (index + 1).into()),
            ("values", ResolvedValue::texts(names)),
            ("optionValues", ResolvedValue::List(values.collect())),
        ],
    )
}

fn price_range<'a>(context: &'a RequestContext<'a>, product: &Product) -> ResolvedValue<'a> {
    let (lowest, highest) = product.price_range();
    ResolvedValue::Object(
        "ProductPriceRangeV2",
        vec![
            ("minVariantPrice", money(context, lowest)),
            ("maxVariantPrice", money(context, highest)),
        ],
    )
}

fn variants<'a>(
    context: &'a RequestContext<'a>,
    product: &'a Product,
    at_root: bool,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let sort = selected.text("sortKey").unwrap_or("POSITION");
    let max = if at_root { MAX_VARIANTS } else { MAX_PAGE_SIZE };
    let paginator =
        Paginator::with_max(context, selected, "ProductVariant", product.id, sort, max)?;
    let all = product.variants.iter().enumerate();
    Ok(paginator.paginate(all.map(|(position, variant)| {
        let sort_key = match sort {
            "POSITION" => SortKey::Number(position as u64),
            _ => variant_sort_key(context, product, variant, sort),
        };
        (sort_key, variant.id, ObjectRef::Variant(product, variant))
    })))
}

pub(crate) fn variant<'a>(
    context: &'a RequestContext<'a>,
    product: &'a Product,
    variant: &'a Variant,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => gid("ProductVariant", variant.id).into(),
        "legacyResourceId" => unsigned_int64(variant.id),
        "title" => product.variant_title(variant).into(),
        "displayName" => display_name(product, variant).into(),
        "sku" => or_null(variant.sku.as_deref()),
        "barcode" => or_null(variant.barcode.as_deref()),
        "position" => position(product, variant).into(),
        "price" => variant.price.money().into(),
        "compareAtPrice" => or_null(variant.compare_at.map(Cents::money)),
        "availableForSale" => variant.for_sale().into(),
        "inventoryPolicy" => if variant.oversell { "CONTINUE" } else { "DENY" }.into(),
        "inventoryQuantity" => variant.quantity().into(),
        "taxable" => variant.taxable.into(),
        "requiresComponents" => false.into(),
        "selectedOptions" => {
            let choices = product.choices(variant);
            let choices = choices.map(|(name, value)| {
                ResolvedValue::Node(Object {
                    context,
                    node: ObjectRef::SelectedOption(name, value),
                })
            });
            ResolvedValue::List(choices.collect())
        }
        "createdAt" => timestamp(variant.created_at),
        "updatedAt" => timestamp(variant.updated_at),
        "product" => ResolvedValue::node(context, Some(ObjectRef::Product(product, false))),
        "inventoryItem" => {
            context.require_scope(selected, INVENTORY_ITEM_SCOPES)?;
            ResolvedValue::node(context, Some(ObjectRef::InventoryItem(product, variant)))
        }
        "metafields" => {
            return metafields(
                context,
                selected,
                variant.id,
                &variant.metafields,
                MetafieldOwner::VARIANT,
            );
        }
        _ => return Err(selected.not_simulated()),
    })
}

pub(crate) fn choice<'a>(
    name: &'a str,
    value: &'a str,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    match selected.name() {
        "name" => Ok(name.into()),
        "value" => Ok(value.into()),
        _ => Err(selected.not_simulated()),
    }
}

fn position(product: &Product, variant: &Variant) -> usize {
    let mut variants = product.variants.iter();
    variants
        .position(|each| each.id == variant.id)
        .map_or(0, |index| index + 1)
}

fn one_metafield<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
    all: &'a [Metafield],
    owner: MetafieldOwner,
) -> ResolvedValue<'a> {
    // Without a namespace the app's own is meant, which is empty in the simulated shop.
    let is_match = selected.text("namespace").zip(selected.text("key"));
    let found = all
        .iter()
        .find(|field| is_match == Some((&field.namespace, &field.key)));
    ResolvedValue::node(
        context,
        found.map(|field| ObjectRef::Metafield(field, owner)),
    )
}

pub(super) fn metafields<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
    parent: u64,
    all: &'a [Metafield],
    owner: MetafieldOwner,
) -> FieldResult<'a> {
    let paginator = Paginator::unsorted(context, selected, "Metafield", parent)?;
    let namespace = selected.text("namespace");
    let keys = selected.texts("keys");
    let owner = MetafieldOwner {
        qualified: keys.is_some(),
        ..owner
    };
    let is_match = |field: &&Metafield| {
        let named = |key: &&str| {
            key.split_once('.') == Some((&*field.namespace, &*field.key))
                || (namespace.is_some() && **key == *field.key)
        };
        namespace.is_none_or(|namespace| namespace == &*field.namespace)
            && keys.as_ref().is_none_or(|keys| keys.iter().any(named))
    };
    Ok(paginator.paginate(all.iter().filter(is_match).map(|field| {
        let sort_key = unordered_key(context, field.id);
        (sort_key, field.id, ObjectRef::Metafield(field, owner))
    })))
}

pub(crate) fn metafield<'a>(
    field: &'a Metafield,
    owner: MetafieldOwner,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => gid("Metafield", field.id).into(),
        "legacyResourceId" => unsigned_int64(field.id),
        "namespace" => (&*field.namespace).into(),
        "key" if owner.qualified => format!("{}.{}", field.namespace, field.key).into(),
        "key" => (&*field.key).into(),
        "type" => (&*field.kind).into(),
        "value" => (&*field.value).into(),
        "jsonValue" => ResolvedValue::Json(json_value(field)),
        "sizeInBytes" => field.value.len().into(),
        "compareDigest" => hex::encode(digest(&SHA256, field.value.as_bytes())).into(),
        "ownerType" => owner.kind.into(),
        "createdAt" => timestamp(field.created_at),
        "updatedAt" => timestamp(field.updated_at),
        _ => return Err(selected.not_simulated()),
    })
}

/// The value as JSON; text types stay text even if they look like JSON.
fn json_value(field: &Metafield) -> Value {
    let is_text = field.kind.contains("text_field") || &*field.kind == "id";
    let parsed = (!is_text).then(|| serde_json::from_str(&field.value).ok());
    parsed.flatten().unwrap_or_else(|| (&*field.value).into())
}

/// The product `id`, as a field of the root selects it.
pub(super) fn at_root<'a>(context: &'a RequestContext<'a>, id: u64) -> Option<ObjectRef<'a>> {
    let product = context.catalog.products.get(&id)?;
    Some(ObjectRef::Product(product, true))
}
