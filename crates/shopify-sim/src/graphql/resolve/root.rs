//! The fields of the query root.

use super::super::bulk;
use super::super::object::{Ask, Context, DiscountForm, Node, Resolved, Tree};
use super::super::page::MOST;
use super::super::refusal::Refusal;
use super::values::{DISCOUNTS, ITEMS, LEVELS, LOCATIONS, PRODUCTS};
use super::{lists, product, shop};
use crate::catalog::gid::Gid;
use crate::catalog::model::Metafield;

/// Nodes that the catalogue holds, but that cannot be looked up by their ids alone.
const WITHIN_OTHERS: [&str; 6] = [
    "Domain",
    "InventoryQuantity",
    "ProductOption",
    "ProductOptionValue",
    "CollectionConditionsSource",
    "TaxonomyCategory",
];

pub(crate) fn query<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    match ask.name() {
        "shop" => Ok(Tree::node(context, Some(Node::Shop))),
        "currentAppInstallation" => Ok(Tree::node(context, Some(Node::Installation))),
        "publicApiVersions" => Ok(shop::versions()),
        "node" => {
            let id = ask.text("id").unwrap_or_default();
            Ok(Tree::node(context, node(context, ask, id)?))
        }
        "nodes" => nodes(context, ask),
        "webhookSubscriptions" => lists::subscriptions(context, ask),
        "webhookSubscriptionsCount" => lists::subscriptions_count(context, ask),
        "webhookSubscription" => one(context, ask, &["WebhookSubscription"]),
        name if name.starts_with("bulkOperation") => bulk::query(context, ask),
        name if name.contains("iscount") => discounts(context, ask),
        name if name.starts_with("inventory") || name.starts_with("location") => {
            stock(context, ask)
        }
        _ => goods(context, ask),
    }
}

fn goods<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    context.need(ask, PRODUCTS)?;
    match ask.name() {
        "product" => {
            let id = number(ask, &["Product"])?;
            Ok(Tree::node(context, product::at_root(context, id)))
        }
        "products" => lists::products(context, ask),
        "productsCount" => lists::products_count(context, ask),
        "productVariant" => one(context, ask, &["ProductVariant"]),
        "productVariants" => lists::variants(context, ask),
        "productVariantsCount" => lists::variants_count(context, ask),
        "collection" => one(context, ask, &["Collection"]),
        "collections" => lists::collections(context, ask),
        "collectionsCount" => lists::collections_count(context, ask),
        _ => Err(ask.not_modelled()),
    }
}

fn stock<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    match ask.name() {
        "inventoryItem" => one(context, ask, &["InventoryItem"]),
        "inventoryItems" => {
            context.need(ask, ITEMS)?;
            lists::items(context, ask)
        }
        "inventoryLevel" => one(context, ask, &["InventoryLevel"]),
        "location" if ask.text("id").is_none() => {
            context.need(ask, LOCATIONS)?;
            let mut locations = context.catalog.locations.values();
            let primary = locations.find(|location| location.active);
            Ok(Tree::node(context, primary.map(Node::Location)))
        }
        "location" => one(context, ask, &["Location"]),
        "locations" => {
            context.need(ask, LOCATIONS)?;
            lists::locations(context, ask)
        }
        "locationsCount" => {
            context.need(ask, LOCATIONS)?;
            lists::locations_count(context, ask)
        }
        _ => Err(ask.not_modelled()),
    }
}

fn discounts<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    context.need(ask, DISCOUNTS)?;
    let form = if ask.name().starts_with("code") {
        DiscountForm::Code
    } else if ask.name().starts_with("automatic") {
        DiscountForm::Automatic
    } else {
        DiscountForm::Any
    };
    match ask.name() {
        "discountNodes" | "codeDiscountNodes" | "automaticDiscountNodes" => {
            lists::discounts(context, form, ask)
        }
        "discountNodesCount" => lists::discounts_count(context, ask),
        "discountNode" | "codeDiscountNode" | "automaticDiscountNode" => {
            let kinds: &[_] = match form {
                DiscountForm::Any => &["DiscountNode", "DiscountCodeNode", "DiscountAutomaticNode"],
                DiscountForm::Code => &["DiscountCodeNode", "DiscountNode"],
                DiscountForm::Automatic => &["DiscountAutomaticNode", "DiscountNode"],
            };
            number(ask, kinds)?;
            let id = ask.text("id").unwrap_or_default();
            let found = node(context, ask, id)?.and_then(|node| as_form(node, form));
            Ok(Tree::node(context, found))
        }
        _ => Err(ask.not_modelled()),
    }
}

/// The discount as the asked form, if it is one of that form.
fn as_form(node: Node<'_>, form: DiscountForm) -> Option<Node<'_>> {
    let Node::DiscountAs(discount, _) = node else {
        return None;
    };
    let fits = match form {
        DiscountForm::Any => true,
        DiscountForm::Code => discount.kind.has_codes(),
        DiscountForm::Automatic => !discount.kind.has_codes(),
    };
    fits.then_some(Node::DiscountAs(discount, form))
}

/// The number in the argument `id`, which must be the id of one of `kinds`.
fn number(ask: Ask<'_>, kinds: &[&str]) -> Result<u64, Refusal> {
    let id = ask.text("id").unwrap_or_default();
    let gid = Gid::parse(id).filter(|gid| kinds.contains(&gid.kind));
    gid.map(|gid| gid.id).ok_or_else(|| Refusal::wrong_kind(id))
}

fn one<'a>(context: &'a Context<'a>, ask: Ask<'_>, kinds: &[&str]) -> Resolved<'a> {
    number(ask, kinds)?;
    let id = ask.text("id").unwrap_or_default();
    Ok(Tree::node(context, node(context, ask, id)?))
}

fn nodes<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    let ids = ask.texts("ids").unwrap_or_default();
    if ids.len() > MOST {
        return Err(Refusal::too_many(ids.len(), MOST));
    }
    let found = ids.into_iter().map(|id| {
        let found = node(context, ask, id)?;
        Ok(Tree::node(context, found))
    });
    Ok(Tree::List(found.collect::<Result<_, Refusal>>()?))
}

/// The node with this id, if the token may see it; `None` when there is none.
fn node<'a>(context: &'a Context<'a>, ask: Ask<'_>, id: &str) -> Result<Option<Node<'a>>, Refusal> {
    let Some(gid) = Gid::parse(id) else {
        return Ok(None);
    };
    let scopes = match gid.kind {
        "Product" | "ProductVariant" | "Collection" | "Metafield" => PRODUCTS,
        "InventoryItem" => ITEMS,
        "InventoryLevel" => LEVELS,
        "Location" => LOCATIONS,
        "DiscountNode" | "DiscountCodeNode" | "DiscountAutomaticNode" => DISCOUNTS,
        kind if WITHIN_OTHERS.contains(&kind) => {
            return Err(Refusal::not_modelled(&format!("{} of {kind}", ask.name())));
        }
        _ => &[],
    };
    if !scopes.is_empty() {
        context.need(ask, scopes)?;
    }
    Ok(find(context, &gid))
}

fn find<'a>(context: &'a Context<'a>, gid: &Gid<'_>) -> Option<Node<'a>> {
    let catalog = context.catalog;
    let discount = |form| {
        let discount = catalog.discounts.get(&gid.id)?;
        as_form(Node::DiscountAs(discount, form), form)
    };
    let of_shop = gid.id == catalog.shop.id;
    match gid.kind {
        "Product" => {
            let product = catalog.products.get(&gid.id)?;
            Some(Node::Product(product, false))
        }
        "ProductVariant" => {
            let (product, variant) = catalog.variant(gid.id)?;
            Some(Node::Variant(product, variant))
        }
        "InventoryItem" => {
            let (product, variant) = catalog.item(gid.id)?;
            Some(Node::Item(product, variant))
        }
        "InventoryLevel" => {
            let (product, variant) = catalog.item(gid.inventory_item()?)?;
            let mut levels = variant.item.levels.iter();
            let level = levels.find(|level| level.location == gid.id)?;
            Some(Node::Level(product, variant, level))
        }
        "Location" => catalog.locations.get(&gid.id).map(Node::Location),
        "Collection" => catalog.collections.get(&gid.id).map(Node::Collection),
        "DiscountNode" => discount(DiscountForm::Any),
        "DiscountCodeNode" => discount(DiscountForm::Code),
        "DiscountAutomaticNode" => discount(DiscountForm::Automatic),
        "Metafield" => metafield(context, gid.id),
        "Shop" => of_shop.then_some(Node::Shop),
        "AppInstallation" => of_shop.then_some(Node::Installation),
        "WebhookSubscription" => {
            let mut subscriptions = context.subscriptions.iter();
            let found = subscriptions.find(|each| each.id == gid.id)?;
            Some(Node::Subscription(found))
        }
        _ => None,
    }
}

/// Metafields have no index: looking one up by its id alone is rare.
fn metafield<'a>(context: &'a Context<'a>, id: u64) -> Option<Node<'a>> {
    let catalog = context.catalog;
    let within = |fields: &'a [Metafield], owner| {
        let field = fields.iter().find(|field| field.id == id)?;
        Some(Node::Metafield(field, owner))
    };
    let of_products = catalog.products.values().find_map(|product| {
        let of_variant = || {
            let mut variants = product.variants.iter();
            variants.find_map(|variant| within(&variant.metafields, product::Owner::VARIANT))
        };
        within(&product.metafields, product::Owner::PRODUCT).or_else(of_variant)
    });
    of_products.or_else(|| {
        let mut collections = catalog.collections.values();
        collections.find_map(|each| within(&each.metafields, product::Owner::COLLECTION))
    })
}
