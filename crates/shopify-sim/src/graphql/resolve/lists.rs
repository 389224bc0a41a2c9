//! Resolves the root's connections and their counts.

use super::super::field_error::FieldError;
use super::super::object::{
    DiscountNodeKind, FieldResult, ObjectRef, RequestContext, SelectedField,
};
use super::super::page::SortKey;
use super::super::paginator::{Paginator, unordered_key};
use super::super::search::Search;
use super::filters::{self, SearchableDiscount, SearchableInventoryItem, SearchableVariant};
use super::sort::{
    collection_sort_key, discount_sort_key, location_sort_key, product_sort_key, variant_sort_key,
};
use super::values::count;
use crate::catalog::discount::Discount;
use crate::catalog::model::{Collection, Product, ProductStatus, Variant};
use crate::webhook::subscription::Subscription;

/// Parses the arguments that connections and their counts share.
fn search(selected: SelectedField<'_>, fields: &[&str]) -> Result<Search, FieldError> {
    filters::reject_saved_search(selected)?;
    Search::parse(selected.text("query"), fields).map_err(FieldError::bad_request)
}

/// The filter of products: only active ones unless `query` mentions `status`, as Shopify documents.
struct ProductFilter {
    search: Search,
    active_only: bool,
}

impl ProductFilter {
    fn read(selected: SelectedField<'_>) -> Result<Self, FieldError> {
        let search = search(selected, filters::PRODUCT)?;
        Ok(Self {
            active_only: !search.mentions_field("status"),
            search,
        })
    }

    fn matches(&self, product: &Product) -> bool {
        (!self.active_only || product.status == ProductStatus::Active)
            && self.search.matches(&product)
    }
}

pub(super) fn products<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let sort = selected.text("sortKey").unwrap_or("ID");
    let paginator = Paginator::new(context, selected, "Product", 0, sort)?;
    let filter = ProductFilter::read(selected)?;
    let all = &context.catalog.products;
    let min_id = filter.search.min_id();
    if sort == "ID" {
        return Ok(paginator.paginate_by_id(all, min_id, |product| {
            filter
                .matches(product)
                .then_some(ObjectRef::Product(product, false))
        }));
    }
    let found = all.range(min_id..).map(|(_, product)| product);
    let found = found.filter(|product| filter.matches(product));
    Ok(paginator.paginate(found.map(|product| {
        let sort_key = product_sort_key(context, product, sort);
        (sort_key, product.id, ObjectRef::Product(product, false))
    })))
}

pub(super) fn products_count<'a>(
    context: &RequestContext<'_>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let filter = ProductFilter::read(selected)?;
    let products = context.catalog.products.values();
    Ok(count(
        selected,
        products.filter(|product| filter.matches(product)),
    ))
}

fn all_variants<'a>(
    context: &RequestContext<'a>,
) -> impl Iterator<Item = (&'a Product, &'a Variant)> {
    let products = context.catalog.products.values();
    products.flat_map(|product| {
        let variants = product.variants.iter();
        variants.map(move |variant| (product, variant))
    })
}

pub(super) fn variants<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let sort = selected.text("sortKey").unwrap_or("ID");
    let paginator = Paginator::new(context, selected, "ProductVariant", 0, sort)?;
    let search = search(selected, filters::VARIANT)?;
    let found = all_variants(context)
        .filter(|(product, variant)| search.matches(&SearchableVariant { product, variant }));
    Ok(paginator.paginate(found.map(|(product, variant)| {
        let sort_key = variant_sort_key(context, product, variant, sort);
        (sort_key, variant.id, ObjectRef::Variant(product, variant))
    })))
}

pub(super) fn variants_count<'a>(
    context: &RequestContext<'_>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    // The schema says "No supported search fields".
    search(selected, &[])?;
    Ok(count(selected, all_variants(context)))
}

pub(super) fn items<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let paginator = Paginator::unsorted(context, selected, "InventoryItem", 0)?;
    let search = search(selected, filters::ITEM)?;
    let found = all_variants(context)
        .filter(|(_, variant)| search.matches(&SearchableInventoryItem(variant)));
    Ok(paginator.paginate(found.map(|(product, variant)| {
        let sort_key = unordered_key(context, variant.item.id);
        (
            sort_key,
            variant.item.id,
            ObjectRef::InventoryItem(product, variant),
        )
    })))
}

pub(super) fn locations<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let sort = selected.text("sortKey").unwrap_or("NAME");
    let paginator = Paginator::new(context, selected, "Location", 0, sort)?;
    let search = search(selected, filters::LOCATION)?;
    let inactive = selected.flag("includeInactive");
    let found = context.catalog.locations.values();
    let found = found.filter(|location| (location.active || inactive) && search.matches(location));
    Ok(paginator.paginate(found.map(|location| {
        let sort_key = location_sort_key(context, location, sort);
        (sort_key, location.id, ObjectRef::Location(location))
    })))
}

pub(super) fn locations_count<'a>(
    context: &RequestContext<'_>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let search = search(selected, filters::LOCATION)?;
    let found = context.catalog.locations.values();
    let found = found.filter(|location| location.active && search.matches(location));
    Ok(count(selected, found))
}

/// The collections that match `filter`: those of the shop, or those of one product.
fn filtered_collections<'a>(
    context: &'a RequestContext<'a>,
    parent: u64,
    selected: SelectedField<'_>,
    holds: impl Fn(&Collection) -> bool,
) -> FieldResult<'a> {
    let sort = selected.text("sortKey").unwrap_or("ID");
    let paginator = Paginator::new(context, selected, "Collection", parent, sort)?;
    let search = search(selected, filters::COLLECTION)?;
    let all = &context.catalog.collections;
    let is_match = |collection: &&Collection| holds(collection) && search.matches(collection);
    if sort == "ID" {
        return Ok(
            paginator.paginate_by_id(all, search.min_id(), |collection| {
                is_match(&collection).then_some(ObjectRef::Collection(collection))
            }),
        );
    }
    Ok(
        paginator.paginate(all.values().filter(is_match).map(|collection| {
            let sort_key = collection_sort_key(context, collection, sort);
            (sort_key, collection.id, ObjectRef::Collection(collection))
        })),
    )
}

pub(super) fn collections<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    filtered_collections(context, 0, selected, |_| true)
}

pub(super) fn collections_of<'a>(
    context: &'a RequestContext<'a>,
    product: &Product,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    filtered_collections(context, product.id, selected, |collection| {
        collection.products.contains(&product.id)
    })
}

pub(super) fn collections_count<'a>(
    context: &RequestContext<'_>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let search = search(selected, filters::COLLECTION)?;
    let found = context.catalog.collections.values();
    Ok(count(selected, found.filter(|each| search.matches(each))))
}

fn is_of_kind(discount: &Discount, form: DiscountNodeKind) -> bool {
    match form {
        DiscountNodeKind::Any => true,
        DiscountNodeKind::Code => discount.kind.has_codes(),
        DiscountNodeKind::Automatic => !discount.kind.has_codes(),
    }
}

pub(super) fn discounts<'a>(
    context: &'a RequestContext<'a>,
    form: DiscountNodeKind,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let of = match form {
        DiscountNodeKind::Any => "DiscountNode",
        DiscountNodeKind::Code => "DiscountCodeNode",
        DiscountNodeKind::Automatic => "DiscountAutomaticNode",
    };
    let sort = selected.text("sortKey").unwrap_or("ID");
    let paginator = Paginator::new(context, selected, of, 0, sort)?;
    let search = search(selected, filters::DISCOUNT)?;
    let now = context.now;
    let is_match = |discount: &&Discount| {
        is_of_kind(discount, form) && search.matches(&SearchableDiscount { discount, now })
    };
    let all = &context.catalog.discounts;
    if sort == "ID" {
        return Ok(paginator.paginate_by_id(all, search.min_id(), |discount| {
            is_match(&discount).then_some(ObjectRef::DiscountNode(discount, form))
        }));
    }
    Ok(
        paginator.paginate(all.values().filter(is_match).map(|discount| {
            let sort_key = discount_sort_key(context, discount, sort);
            (
                sort_key,
                discount.id,
                ObjectRef::DiscountNode(discount, form),
            )
        })),
    )
}

pub(super) fn discounts_count<'a>(
    context: &RequestContext<'_>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let search = search(selected, filters::DISCOUNT)?;
    let now = context.now;
    let found = context.catalog.discounts.values();
    let found = found.filter(|discount| search.matches(&SearchableDiscount { discount, now }));
    Ok(count(selected, found))
}

pub(super) fn subscriptions<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let sort = selected.text("sortKey").unwrap_or("CREATED_AT");
    let paginator = Paginator::new(context, selected, "WebhookSubscription", 0, sort)?;
    let search = search(selected, filters::SUBSCRIPTION)?;
    let topics = selected.texts("topics");
    let (format, uri) = (selected.text("format"), selected.text("uri"));
    let is_match = |each: &&Subscription| {
        topics
            .as_ref()
            .is_none_or(|topics| topics.contains(&each.topic.as_str()))
            && format.is_none_or(|format| format == each.format)
            && uri.is_none_or(|uri| uri == each.uri)
            && search.matches(each)
    };
    Ok(
        paginator.paginate(context.subscriptions.iter().filter(is_match).map(|each| {
            let sort_key = match sort {
                "ID" => SortKey::Number(each.id),
                _ => SortKey::Signed(each.created_at),
            };
            (sort_key, each.id, ObjectRef::WebhookSubscription(each))
        })),
    )
}

pub(super) fn subscriptions_count<'a>(
    context: &RequestContext<'_>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let search = search(selected, filters::SUBSCRIPTION)?;
    let found = context.subscriptions.iter();
    Ok(count(selected, found.filter(|each| search.matches(each))))
}
