//! Resolves fields of collections.

use super::super::object::{
    FieldResult, MetafieldOwner, Object, ObjectRef, RequestContext, ResolvedValue, SelectedField,
    or_null,
};
use super::super::page::SortKey;
use super::super::paginator::{Paginator, unordered_key};
use super::product::metafields;
use super::values::{PRODUCT_SCOPES, count, timestamp, truncate, unsigned_int64};
use crate::catalog::gid::{Gid, gid};
use crate::catalog::model::{Collection, Product, plain_text};

pub(crate) fn collection<'a>(
    context: &'a RequestContext<'a>,
    collection: &'a Collection,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => gid("Collection", collection.id).into(),
        "legacyResourceId" => unsigned_int64(collection.id),
        "title" => collection.title.as_str().into(),
        "handle" => collection.handle.as_str().into(),
        "description" => truncate(selected, plain_text(&collection.html)).into(),
        "descriptionHtml" => collection.html.as_str().into(),
        "sortOrder" => collection.sort_order.into(),
        "templateSuffix" => or_null(collection.template_suffix.as_deref()),
        "updatedAt" => timestamp(collection.updated_at),
        "productsCount" => count(selected, collection.products.iter()),
        "hasProduct" => {
            let id = selected.text("id").and_then(Gid::parse).map(|gid| gid.id);
            id.is_some_and(|id| collection.products.contains(&id))
                .into()
        }
        "sources" => sources(context, collection),
        "products" => {
            context.require_scope(selected, PRODUCT_SCOPES)?;
            return products(context, collection, selected);
        }
        "metafields" => {
            let fields = &collection.metafields;
            return metafields(
                context,
                selected,
                collection.id,
                fields,
                MetafieldOwner::COLLECTION,
            );
        }
        _ => return Err(selected.not_simulated()),
    })
}

fn sources<'a>(context: &'a RequestContext<'a>, collection: &'a Collection) -> ResolvedValue<'a> {
    let node = ObjectRef::CollectionSource(collection);
    let source = collection.tag.is_some();
    let source = source.then_some(ResolvedValue::Node(Object { context, node }));
    ResolvedValue::List(source.into_iter().collect())
}

/// Resolves a field of a smart collection's condition.
pub(crate) fn source<'a>(
    collection: &'a Collection,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => gid("CollectionConditionsSource", collection.id).into(),
        "title" => collection.title.as_str().into(),
        "description" => ResolvedValue::Null,
        "shareable" => false.into(),
        "targetType" => "PRODUCTS".into(),
        _ => return Err(selected.not_simulated()),
    })
}

fn products<'a>(
    context: &'a RequestContext<'a>,
    collection: &'a Collection,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let sort = match selected.text("sortKey") {
        None | Some("COLLECTION_DEFAULT") => collection.sort_order,
        Some(sort) => sort,
    };
    let paginator = Paginator::new(context, selected, "Product", collection.id, sort)?;
    let members = collection.products.iter().enumerate();
    Ok(paginator.paginate(members.filter_map(|(position, id)| {
        let product = context.catalog.products.get(id)?;
        let sort_key = sort_key(context, product, position, sort);
        Some((sort_key, *id, ObjectRef::Product(product, false)))
    })))
}

/// The sort key of a member, for the names of sort keys and of the collections' own orders.
fn sort_key(
    context: &RequestContext<'_>,
    product: &Product,
    position: usize,
    sort: &str,
) -> SortKey {
    let title = || product.title.to_lowercase();
    let price = || product.price_range().0.0;
    match sort {
        "MANUAL" => SortKey::Number(position as u64),
        "ID" => SortKey::Number(product.id),
        "TITLE" | "ALPHA_ASC" => SortKey::Text(title()),
        "ALPHA_DESC" => SortKey::TextDescending(std::cmp::Reverse(title())),
        "CREATED" => SortKey::Signed(product.created_at),
        "CREATED_DESC" => SortKey::Signed(-product.created_at),
        "PRICE" | "PRICE_ASC" => SortKey::Signed(price()),
        "PRICE_DESC" => SortKey::Signed(-price()),
        _ => unordered_key(context, product.id),
    }
}
