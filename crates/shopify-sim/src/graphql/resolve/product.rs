//! Products, variants and metafields.

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::super::connection::{Opening, anywhere};
use super::super::object::{Ask, Context, Node, Object, Resolved, Tree, maybe};
use super::super::page::{MOST, Place};
use super::lists;
use super::values::{ITEMS, counted, moment, money, truncated, unsigned};
use crate::catalog::gid::{Gid, gid};
use crate::catalog::model::{Category, Cents, Metafield, Product, ProductOption, Variant};

/// How many variants a product has at most, and gives at once when it is asked for by `product(id:)`.
const MOST_VARIANTS: usize = 2_048;

/// What a metafield belongs to, and whether its key is told with its namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    kind: &'static str,
    qualified: bool,
}

impl Owner {
    pub(super) const PRODUCT: Self = Self::new("PRODUCT");
    pub(super) const VARIANT: Self = Self::new("PRODUCTVARIANT");
    pub(super) const COLLECTION: Self = Self::new("COLLECTION");

    const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            qualified: false,
        }
    }
}

pub(crate) fn product<'a>(
    context: &'a Context<'a>,
    product: &'a Product,
    at_root: bool,
    ask: Ask<'_>,
) -> Resolved<'a> {
    let shop = &context.catalog.shop;
    Ok(match ask.name() {
        "id" => gid("Product", product.id).into(),
        "legacyResourceId" => unsigned(product.id),
        "title" => (&*product.title).into(),
        "handle" => (&*product.handle).into(),
        "description" => truncated(ask, product.description()).into(),
        "descriptionHtml" => (&*product.html).into(),
        "productType" => (&*product.kind).into(),
        "vendor" => (&*product.vendor).into(),
        "tags" => Tree::texts(product.tags.iter().map(|tag| &**tag)),
        "status" => product.status.as_str().into(),
        "category" => product.category.as_deref().map_or(Tree::Null, category),
        "isGiftCard" => product.gift_card.into(),
        "createdAt" => moment(product.created_at),
        "updatedAt" => moment(product.updated_at),
        "publishedAt" => maybe(product.published_at.map(moment)),
        "onlineStoreUrl" => maybe(product.online_url(&shop.domain)),
        "totalInventory" => product.total_inventory().into(),
        "tracksInventory" => product.tracks_inventory().into(),
        "hasOnlyDefaultVariant" => product.only_default_variant().into(),
        "hasOutOfStockVariants" => product.variants.iter().any(is_sold_out).into(),
        // Bundles and templates are not modelled, so no product has any.
        "hasVariantsThatRequiresComponents" => false.into(),
        "templateSuffix" => Tree::Null,
        "options" => options(product, ask),
        "priceRangeV2" => price_range(context, product),
        "variantsCount" => counted(ask, product.variants.iter()),
        "metafield" => one_metafield(context, ask, &product.metafields, Owner::PRODUCT),
        "metafields" => {
            return metafields(
                context,
                ask,
                product.id,
                &product.metafields,
                Owner::PRODUCT,
            );
        }
        "variants" => return variants(context, product, at_root, ask),
        "collections" => return lists::collections_of(context, product, ask),
        "inCollection" => in_collection(context, product, ask).into(),
        _ => return Err(ask.not_modelled()),
    })
}

fn is_sold_out(variant: &Variant) -> bool {
    variant.item.tracked && variant.quantity() <= 0
}

fn in_collection(context: &Context<'_>, product: &Product, ask: Ask<'_>) -> bool {
    let id = ask.text("id").and_then(Gid::parse).map(|gid| gid.id);
    id.and_then(|id| context.catalog.collections.get(&id))
        .is_some_and(|collection| collection.products.contains(&product.id))
}

fn category(category: &Category) -> Tree<'_> {
    let name = category.full_name.rsplit(" > ").next();
    Tree::Object(
        "TaxonomyCategory",
        vec![
            ("id", category.id.as_str().into()),
            ("name", name.unwrap_or_default().into()),
            ("fullName", category.full_name.as_str().into()),
        ],
    )
}

fn options<'a>(product: &'a Product, ask: Ask<'_>) -> Tree<'a> {
    let first = ask
        .number("first")
        .and_then(|first| usize::try_from(first).ok());
    let options = product.options.iter().enumerate();
    let options = options.take(first.unwrap_or(usize::MAX));
    Tree::List(
        options
            .map(|(place, each)| option(product, place, each))
            .collect(),
    )
}

fn option<'a>(product: &'a Product, place: usize, option: &'a ProductOption) -> Tree<'a> {
    let names = option.values.iter().map(|value| &*value.name);
    let values = option.values.iter().enumerate().map(|(number, value)| {
        let is_used = |variant: &Variant| usize::from(variant.choices[place]) == number;
        Tree::Object(
            "ProductOptionValue",
            vec![
                ("id", gid("ProductOptionValue", value.id).into()),
                ("name", (&*value.name).into()),
                ("hasVariants", product.variants.iter().any(is_used).into()),
            ],
        )
    });
    Tree::Object(
        "ProductOption",
        vec![
            ("id", gid("ProductOption", option.id).into()),
            ("name", (&*option.name).into()),
            ("position", (place + 1).into()),
            ("values", Tree::texts(names)),
            ("optionValues", Tree::List(values.collect())),
        ],
    )
}

fn price_range<'a>(context: &'a Context<'a>, product: &Product) -> Tree<'a> {
    let (lowest, highest) = product.price_range();
    Tree::Object(
        "ProductPriceRangeV2",
        vec![
            ("minVariantPrice", money(context, lowest)),
            ("maxVariantPrice", money(context, highest)),
        ],
    )
}

fn variants<'a>(
    context: &'a Context<'a>,
    product: &'a Product,
    at_root: bool,
    ask: Ask<'_>,
) -> Resolved<'a> {
    let sort = ask.text("sortKey").unwrap_or("POSITION");
    let most = if at_root { MOST_VARIANTS } else { MOST };
    let opening = Opening::at_most(context, ask, "ProductVariant", product.id, sort, most)?;
    let all = product.variants.iter().enumerate();
    Ok(opening.answer(all.map(|(position, variant)| {
        let place = match sort {
            "POSITION" => Place::Number(position as u64),
            _ => variant_place(context, product, variant, sort),
        };
        (place, variant.id, Node::Variant(product, variant))
    })))
}

/// Where a variant stands in an order that is not that of its product.
pub(super) fn variant_place(
    context: &Context<'_>,
    product: &Product,
    variant: &Variant,
    sort: &str,
) -> Place {
    match sort {
        "ID" => Place::Number(variant.id),
        "SKU" => Place::Text(variant.sku.as_deref().unwrap_or_default().to_lowercase()),
        "TITLE" | "NAME" => Place::Text(product.variant_title(variant).to_lowercase()),
        "FULL_TITLE" => Place::Text(display_name(product, variant).to_lowercase()),
        "INVENTORY_QUANTITY" => Place::Signed(variant.quantity().into()),
        _ => anywhere(context, variant.id),
    }
}

fn display_name(product: &Product, variant: &Variant) -> String {
    format!("{} - {}", product.title, product.variant_title(variant))
}

pub(crate) fn variant<'a>(
    context: &'a Context<'a>,
    product: &'a Product,
    variant: &'a Variant,
    ask: Ask<'_>,
) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => gid("ProductVariant", variant.id).into(),
        "legacyResourceId" => unsigned(variant.id),
        "title" => product.variant_title(variant).into(),
        "displayName" => display_name(product, variant).into(),
        "sku" => maybe(variant.sku.as_deref()),
        "barcode" => maybe(variant.barcode.as_deref()),
        "position" => position(product, variant).into(),
        "price" => variant.price.money().into(),
        "compareAtPrice" => maybe(variant.compare_at.map(Cents::money)),
        "availableForSale" => variant.for_sale().into(),
        "inventoryPolicy" => if variant.oversell { "CONTINUE" } else { "DENY" }.into(),
        "inventoryQuantity" => variant.quantity().into(),
        "taxable" => variant.taxable.into(),
        "requiresComponents" => false.into(),
        "selectedOptions" => {
            let choices = product.choices(variant);
            let choices = choices.map(|(name, value)| {
                Tree::Node(Object {
                    context,
                    node: Node::Choice(name, value),
                })
            });
            Tree::List(choices.collect())
        }
        "createdAt" => moment(variant.created_at),
        "updatedAt" => moment(variant.updated_at),
        "product" => Tree::node(context, Some(Node::Product(product, false))),
        "inventoryItem" => {
            context.need(ask, ITEMS)?;
            Tree::node(context, Some(Node::Item(product, variant)))
        }
        "metafields" => {
            return metafields(
                context,
                ask,
                variant.id,
                &variant.metafields,
                Owner::VARIANT,
            );
        }
        _ => return Err(ask.not_modelled()),
    })
}

pub(crate) fn choice<'a>(name: &'a str, value: &'a str, ask: Ask<'_>) -> Resolved<'a> {
    match ask.name() {
        "name" => Ok(name.into()),
        "value" => Ok(value.into()),
        _ => Err(ask.not_modelled()),
    }
}

fn position(product: &Product, variant: &Variant) -> usize {
    let mut variants = product.variants.iter();
    variants
        .position(|each| each.id == variant.id)
        .map_or(0, |place| place + 1)
}

fn one_metafield<'a>(
    context: &'a Context<'a>,
    ask: Ask<'_>,
    all: &'a [Metafield],
    owner: Owner,
) -> Tree<'a> {
    // Without a namespace the app's own is meant, in which the simulated shop has nothing.
    let wanted = ask.text("namespace").zip(ask.text("key"));
    let found = all
        .iter()
        .find(|field| wanted == Some((&field.namespace, &field.key)));
    Tree::node(context, found.map(|field| Node::Metafield(field, owner)))
}

pub(super) fn metafields<'a>(
    context: &'a Context<'a>,
    ask: Ask<'_>,
    parent: u64,
    all: &'a [Metafield],
    owner: Owner,
) -> Resolved<'a> {
    let opening = Opening::unsorted(context, ask, "Metafield", parent)?;
    let namespace = ask.text("namespace");
    let keys = ask.texts("keys");
    let owner = Owner {
        qualified: keys.is_some(),
        ..owner
    };
    let wanted = |field: &&Metafield| {
        let named = |key: &&str| {
            key.split_once('.') == Some((&*field.namespace, &*field.key))
                || (namespace.is_some() && **key == *field.key)
        };
        namespace.is_none_or(|namespace| namespace == &*field.namespace)
            && keys.as_ref().is_none_or(|keys| keys.iter().any(named))
    };
    Ok(opening.answer(all.iter().filter(wanted).map(|field| {
        let place = anywhere(context, field.id);
        (place, field.id, Node::Metafield(field, owner))
    })))
}

pub(crate) fn metafield<'a>(field: &'a Metafield, owner: Owner, ask: Ask<'_>) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => gid("Metafield", field.id).into(),
        "legacyResourceId" => unsigned(field.id),
        "namespace" => (&*field.namespace).into(),
        "key" if owner.qualified => format!("{}.{}", field.namespace, field.key).into(),
        "key" => (&*field.key).into(),
        "type" => (&*field.kind).into(),
        "value" => (&*field.value).into(),
        "jsonValue" => Tree::Json(json_value(field)),
        "sizeInBytes" => field.value.len().into(),
        "compareDigest" => hex::encode(digest(&SHA256, field.value.as_bytes())).into(),
        "ownerType" => owner.kind.into(),
        "createdAt" => moment(field.created_at),
        "updatedAt" => moment(field.updated_at),
        _ => return Err(ask.not_modelled()),
    })
}

/// The value as JSON: text stays text whatever it looks like.
fn json_value(field: &Metafield) -> Value {
    let is_text = field.kind.contains("text_field") || &*field.kind == "id";
    let parsed = (!is_text).then(|| serde_json::from_str(&field.value).ok());
    parsed.flatten().unwrap_or_else(|| (&*field.value).into())
}

/// The product `id` as a field of the root asks for it.
pub(super) fn at_root<'a>(context: &'a Context<'a>, id: u64) -> Option<Node<'a>> {
    let product = context.catalog.products.get(&id)?;
    Some(Node::Product(product, true))
}
