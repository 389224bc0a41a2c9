//! Stock: what is counted, where, and the places themselves.

use super::super::connection::{Opening, anywhere};
use super::super::object::{Ask, Context, Node, Object, Resolved, Tree, maybe};
use super::super::page::Place;
use super::super::refusal::Refusal;
use super::super::search::Search;
use super::filters::{self, LevelOf};
use super::values::{LEVELS, LOCATIONS, PRODUCTS, counted, moment, unsigned};
use crate::catalog::gid::{Gid, gid, level_gid};
use crate::catalog::model::{Level, Location, Product, Variant};

pub(crate) fn item<'a>(
    context: &'a Context<'a>,
    product: &'a Product,
    variant: &'a Variant,
    ask: Ask<'_>,
) -> Resolved<'a> {
    let item = &variant.item;
    Ok(match ask.name() {
        "id" => gid("InventoryItem", item.id).into(),
        "legacyResourceId" => unsigned(item.id),
        "sku" => maybe(variant.sku.as_deref()),
        "tracked" => item.tracked.into(),
        "requiresShipping" => item.requires_shipping.into(),
        "createdAt" => moment(variant.created_at),
        "updatedAt" => moment(item.updated_at),
        "locationsCount" => counted(ask, item.levels.iter().filter(|level| level.active)),
        "variants" => {
            context.need(ask, PRODUCTS)?;
            let opening = Opening::unsorted(context, ask, "ProductVariant", item.id)?;
            let only = (
                Place::Number(variant.id),
                variant.id,
                Node::Variant(product, variant),
            );
            opening.answer(std::iter::once(only))
        }
        "inventoryLevel" => {
            context.need(ask, LEVELS)?;
            let level = level_at(variant, ask);
            Tree::node(
                context,
                level.map(|level| Node::Level(product, variant, level)),
            )
        }
        "inventoryLevels" => {
            context.need(ask, LEVELS)?;
            return levels(context, product, variant, ask);
        }
        _ => return Err(ask.not_modelled()),
    })
}

fn level_at<'a>(variant: &'a Variant, ask: Ask<'_>) -> Option<&'a Level> {
    let location = ask.text("locationId").and_then(Gid::parse)?;
    let levels = variant.item.levels.iter();
    let mut seen = levels.filter(|level| level.active || ask.flag("includeInactive"));
    seen.find(|level| level.location == location.id)
}

fn levels<'a>(
    context: &'a Context<'a>,
    product: &'a Product,
    variant: &'a Variant,
    ask: Ask<'_>,
) -> Resolved<'a> {
    let opening = Opening::unsorted(context, ask, "InventoryLevel", variant.item.id)?;
    let search = Search::parse(ask.text("query"), filters::LEVEL).map_err(Refusal::bad_request)?;
    let inactive = ask.flag("includeInactive");
    let item = variant.item.id;
    let seen = variant
        .item
        .levels
        .iter()
        .filter(|level| (level.active || inactive) && search.matches(&LevelOf { item, level }));
    Ok(opening.answer(seen.map(|level| {
        let place = anywhere(context, level.location);
        (place, level.location, Node::Level(product, variant, level))
    })))
}

pub(crate) fn level<'a>(
    context: &'a Context<'a>,
    product: &'a Product,
    variant: &'a Variant,
    level: &'a Level,
    ask: Ask<'_>,
) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => level_gid(level.location, variant.item.id)
            .to_string()
            .into(),
        "isActive" => level.active.into(),
        "updatedAt" => moment(level.updated_at),
        "item" => Tree::node(context, Some(Node::Item(product, variant))),
        "location" => {
            context.need(ask, LOCATIONS)?;
            let location = context.catalog.locations.get(&level.location);
            Tree::node(context, location.map(Node::Location))
        }
        "quantities" => {
            let names = ask.texts("names").unwrap_or_default().into_iter();
            let quantities = names.map(|name| {
                let node = Node::Quantity(level, quantity_name(name)?);
                Ok(Tree::Node(Object { context, node }))
            });
            Tree::List(quantities.collect::<Result<_, Refusal>>()?)
        }
        _ => return Err(ask.not_modelled()),
    })
}

/// The states that stock can be in.
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

fn quantity_name(name: &str) -> Result<&'static str, Refusal> {
    let known = QUANTITIES.into_iter().find(|known| *known == name);
    known.ok_or_else(|| Refusal::bad_request(format!("The quantity name `{name}` is not valid.")))
}

pub(crate) fn quantity<'a>(level: &Level, name: &'static str, ask: Ask<'_>) -> Resolved<'a> {
    Ok(match ask.name() {
        "name" => name.into(),
        "quantity" => maybe(level.quantity(name)),
        "updatedAt" => moment(level.updated_at),
        _ => return Err(ask.not_modelled()),
    })
}

pub(crate) fn location<'a>(
    context: &Context<'_>,
    location: &'a Location,
    ask: Ask<'_>,
) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => gid("Location", location.id).into(),
        "legacyResourceId" => unsigned(location.id),
        "name" => location.name.as_str().into(),
        "isActive" => location.active.into(),
        "hasActiveInventory" => has_stock(context, location.id).into(),
        // Fulfilment services are not modelled, so no location is one's.
        "isFulfillmentService" => false.into(),
        "createdAt" => moment(location.created_at),
        "updatedAt" => moment(location.updated_at),
        _ => return Err(ask.not_modelled()),
    })
}

fn has_stock(context: &Context<'_>, location: u64) -> bool {
    let products = context.catalog.products.values();
    products
        .flat_map(|product| &product.variants)
        .flat_map(|variant| &variant.item.levels)
        .any(|level| level.location == location && level.active)
}
