//! The connections of the root, and the counts that go with them.

use super::super::connection::{Opening, anywhere};
use super::super::object::{Ask, Context, DiscountForm, Node, Resolved};
use super::super::page::Place;
use super::super::refusal::Refusal;
use super::super::search::Search;
use super::filters::{self, DiscountAt, ItemOf, VariantOf};
use super::product::variant_place;
use super::values::counted;
use crate::catalog::discount::Discount;
use crate::catalog::model::{Collection, Location, Product, Status, Variant};
use crate::webhook::subscription::Subscription;

/// Reads the arguments that connections and counts share.
fn search(ask: Ask<'_>, fields: &[&str]) -> Result<Search, Refusal> {
    filters::no_saved_search(ask)?;
    Search::parse(ask.text("query"), fields).map_err(Refusal::bad_request)
}

/// Which products are meant: the active ones unless the filter `status` is named, as its documentation says.
struct Products {
    search: Search,
    active_only: bool,
}

impl Products {
    fn read(ask: Ask<'_>) -> Result<Self, Refusal> {
        let search = search(ask, filters::PRODUCT)?;
        Ok(Self {
            active_only: !search.names("status"),
            search,
        })
    }

    fn holds(&self, product: &Product) -> bool {
        (!self.active_only || product.status == Status::Active) && self.search.matches(&product)
    }
}

pub(super) fn products<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    let sort = ask.text("sortKey").unwrap_or("ID");
    let opening = Opening::new(context, ask, "Product", 0, sort)?;
    let wanted = Products::read(ask)?;
    let all = &context.catalog.products;
    let lowest = wanted.search.lowest_id();
    if sort == "ID" {
        return Ok(opening.by_id(all, lowest, |product| {
            wanted
                .holds(product)
                .then_some(Node::Product(product, false))
        }));
    }
    let found = all.range(lowest..).map(|(_, product)| product);
    let found = found.filter(|product| wanted.holds(product));
    Ok(opening.answer(found.map(|product| {
        let place = product_place(context, product, sort);
        (place, product.id, Node::Product(product, false))
    })))
}

fn product_place(context: &Context<'_>, product: &Product, sort: &str) -> Place {
    match sort {
        "TITLE" => Place::Text(product.title.to_lowercase()),
        "VENDOR" => Place::Text(product.vendor.to_lowercase()),
        "PRODUCT_TYPE" => Place::Text(product.kind.to_lowercase()),
        "CREATED_AT" => Place::Signed(product.created_at),
        "UPDATED_AT" => Place::Signed(product.updated_at),
        "PUBLISHED_AT" => Place::Signed(product.published_at.unwrap_or(i64::MAX)),
        "INVENTORY_TOTAL" => Place::Signed(product.total_inventory().into()),
        _ => anywhere(context, product.id),
    }
}

pub(super) fn products_count<'a>(context: &Context<'_>, ask: Ask<'_>) -> Resolved<'a> {
    let wanted = Products::read(ask)?;
    let products = context.catalog.products.values();
    Ok(counted(
        ask,
        products.filter(|product| wanted.holds(product)),
    ))
}

fn all_variants<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a Product, &'a Variant)> {
    let products = context.catalog.products.values();
    products.flat_map(|product| {
        let variants = product.variants.iter();
        variants.map(move |variant| (product, variant))
    })
}

pub(super) fn variants<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    let sort = ask.text("sortKey").unwrap_or("ID");
    let opening = Opening::new(context, ask, "ProductVariant", 0, sort)?;
    let search = search(ask, filters::VARIANT)?;
    let found = all_variants(context)
        .filter(|(product, variant)| search.matches(&VariantOf { product, variant }));
    Ok(opening.answer(found.map(|(product, variant)| {
        let place = variant_place(context, product, variant, sort);
        (place, variant.id, Node::Variant(product, variant))
    })))
}

pub(super) fn variants_count<'a>(context: &Context<'_>, ask: Ask<'_>) -> Resolved<'a> {
    // "No supported search fields", says the schema.
    search(ask, &[])?;
    Ok(counted(ask, all_variants(context)))
}

pub(super) fn items<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    let opening = Opening::unsorted(context, ask, "InventoryItem", 0)?;
    let search = search(ask, filters::ITEM)?;
    let found = all_variants(context).filter(|(_, variant)| search.matches(&ItemOf(variant)));
    Ok(opening.answer(found.map(|(product, variant)| {
        let place = anywhere(context, variant.item.id);
        (place, variant.item.id, Node::Item(product, variant))
    })))
}

fn location_place(context: &Context<'_>, location: &Location, sort: &str) -> Place {
    match sort {
        "ID" => Place::Number(location.id),
        "NAME" => Place::Text(location.name.to_lowercase()),
        _ => anywhere(context, location.id),
    }
}

pub(super) fn locations<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    let sort = ask.text("sortKey").unwrap_or("NAME");
    let opening = Opening::new(context, ask, "Location", 0, sort)?;
    let search = search(ask, filters::LOCATION)?;
    let inactive = ask.flag("includeInactive");
    let found = context.catalog.locations.values();
    let found = found.filter(|location| (location.active || inactive) && search.matches(location));
    Ok(opening.answer(found.map(|location| {
        let place = location_place(context, location, sort);
        (place, location.id, Node::Location(location))
    })))
}

pub(super) fn locations_count<'a>(context: &Context<'_>, ask: Ask<'_>) -> Resolved<'a> {
    let search = search(ask, filters::LOCATION)?;
    let found = context.catalog.locations.values();
    let found = found.filter(|location| location.active && search.matches(location));
    Ok(counted(ask, found))
}

fn collection_place(context: &Context<'_>, collection: &Collection, sort: &str) -> Place {
    match sort {
        "ID" => Place::Number(collection.id),
        "TITLE" => Place::Text(collection.title.to_lowercase()),
        "UPDATED_AT" => Place::Signed(collection.updated_at),
        _ => anywhere(context, collection.id),
    }
}

/// The collections of the shop, or those that hold one product.
fn collections_that<'a>(
    context: &'a Context<'a>,
    parent: u64,
    ask: Ask<'_>,
    holds: impl Fn(&Collection) -> bool,
) -> Resolved<'a> {
    let sort = ask.text("sortKey").unwrap_or("ID");
    let opening = Opening::new(context, ask, "Collection", parent, sort)?;
    let search = search(ask, filters::COLLECTION)?;
    let all = &context.catalog.collections;
    let wanted = |collection: &&Collection| holds(collection) && search.matches(collection);
    if sort == "ID" {
        return Ok(opening.by_id(all, search.lowest_id(), |collection| {
            wanted(&collection).then_some(Node::Collection(collection))
        }));
    }
    Ok(
        opening.answer(all.values().filter(wanted).map(|collection| {
            let place = collection_place(context, collection, sort);
            (place, collection.id, Node::Collection(collection))
        })),
    )
}

pub(super) fn collections<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    collections_that(context, 0, ask, |_| true)
}

pub(super) fn collections_of<'a>(
    context: &'a Context<'a>,
    product: &Product,
    ask: Ask<'_>,
) -> Resolved<'a> {
    collections_that(context, product.id, ask, |collection| {
        collection.products.contains(&product.id)
    })
}

pub(super) fn collections_count<'a>(context: &Context<'_>, ask: Ask<'_>) -> Resolved<'a> {
    let search = search(ask, filters::COLLECTION)?;
    let found = context.catalog.collections.values();
    Ok(counted(ask, found.filter(|each| search.matches(each))))
}

fn discount_place(context: &Context<'_>, discount: &Discount, sort: &str) -> Place {
    match sort {
        "ID" => Place::Number(discount.id),
        "TITLE" => Place::Text(discount.title.to_lowercase()),
        "CREATED_AT" => Place::Signed(discount.created_at),
        "UPDATED_AT" => Place::Signed(discount.updated_at),
        "STARTS_AT" => Place::Signed(discount.starts_at),
        "ENDS_AT" => Place::Signed(discount.ends_at.unwrap_or(i64::MAX)),
        _ => anywhere(context, discount.id),
    }
}

fn is_of(discount: &Discount, form: DiscountForm) -> bool {
    match form {
        DiscountForm::Any => true,
        DiscountForm::Code => discount.kind.has_codes(),
        DiscountForm::Automatic => !discount.kind.has_codes(),
    }
}

pub(super) fn discounts<'a>(
    context: &'a Context<'a>,
    form: DiscountForm,
    ask: Ask<'_>,
) -> Resolved<'a> {
    let of = match form {
        DiscountForm::Any => "DiscountNode",
        DiscountForm::Code => "DiscountCodeNode",
        DiscountForm::Automatic => "DiscountAutomaticNode",
    };
    let sort = ask.text("sortKey").unwrap_or("ID");
    let opening = Opening::new(context, ask, of, 0, sort)?;
    let search = search(ask, filters::DISCOUNT)?;
    let now = context.now;
    let wanted = |discount: &&Discount| {
        is_of(discount, form) && search.matches(&DiscountAt { discount, now })
    };
    let all = &context.catalog.discounts;
    if sort == "ID" {
        return Ok(opening.by_id(all, search.lowest_id(), |discount| {
            wanted(&discount).then_some(Node::DiscountAs(discount, form))
        }));
    }
    Ok(opening.answer(all.values().filter(wanted).map(|discount| {
        let place = discount_place(context, discount, sort);
        (place, discount.id, Node::DiscountAs(discount, form))
    })))
}

pub(super) fn discounts_count<'a>(context: &Context<'_>, ask: Ask<'_>) -> Resolved<'a> {
    let search = search(ask, filters::DISCOUNT)?;
    let now = context.now;
    let found = context.catalog.discounts.values();
    let found = found.filter(|discount| search.matches(&DiscountAt { discount, now }));
    Ok(counted(ask, found))
}

pub(super) fn subscriptions<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    let sort = ask.text("sortKey").unwrap_or("CREATED_AT");
    let opening = Opening::new(context, ask, "WebhookSubscription", 0, sort)?;
    let search = search(ask, filters::SUBSCRIPTION)?;
    let topics = ask.texts("topics");
    let (format, uri) = (ask.text("format"), ask.text("uri"));
    let wanted = |each: &&Subscription| {
        topics
            .as_ref()
            .is_none_or(|topics| topics.contains(&each.topic.as_str()))
            && format.is_none_or(|format| format == each.format)
            && uri.is_none_or(|uri| uri == each.uri)
            && search.matches(each)
    };
    Ok(
        opening.answer(context.subscriptions.iter().filter(wanted).map(|each| {
            let place = match sort {
                "ID" => Place::Number(each.id),
                _ => Place::Signed(each.created_at),
            };
            (place, each.id, Node::Subscription(each))
        })),
    )
}

pub(super) fn subscriptions_count<'a>(context: &Context<'_>, ask: Ask<'_>) -> Resolved<'a> {
    let search = search(ask, filters::SUBSCRIPTION)?;
    let found = context.subscriptions.iter();
    Ok(counted(ask, found.filter(|each| search.matches(each))))
}
