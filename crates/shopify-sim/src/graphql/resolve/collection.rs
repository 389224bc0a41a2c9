//! Collections.

use super::super::connection::{Opening, anywhere};
use super::super::object::{Ask, Context, Node, Object, Resolved, Tree, maybe};
use super::super::page::Place;
use super::product::{Owner, metafields};
use super::values::{PRODUCTS, counted, moment, truncated, unsigned};
use crate::catalog::gid::{Gid, gid};
use crate::catalog::model::{Collection, Product, plain_text};

pub(crate) fn collection<'a>(
    context: &'a Context<'a>,
    collection: &'a Collection,
    ask: Ask<'_>,
) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => gid("Collection", collection.id).into(),
        "legacyResourceId" => unsigned(collection.id),
        "title" => collection.title.as_str().into(),
        "handle" => collection.handle.as_str().into(),
        "description" => truncated(ask, plain_text(&collection.html)).into(),
        "descriptionHtml" => collection.html.as_str().into(),
        "sortOrder" => collection.sort_order.into(),
        "templateSuffix" => maybe(collection.template_suffix.as_deref()),
        "updatedAt" => moment(collection.updated_at),
        "productsCount" => counted(ask, collection.products.iter()),
        "hasProduct" => {
            let id = ask.text("id").and_then(Gid::parse).map(|gid| gid.id);
            id.is_some_and(|id| collection.products.contains(&id))
                .into()
        }
        "sources" => sources(context, collection),
        "products" => {
            context.need(ask, PRODUCTS)?;
            return products(context, collection, ask);
        }
        "metafields" => {
            let fields = &collection.metafields;
            return metafields(context, ask, collection.id, fields, Owner::COLLECTION);
        }
        _ => return Err(ask.not_modelled()),
    })
}

fn sources<'a>(context: &'a Context<'a>, collection: &'a Collection) -> Tree<'a> {
    let node = Node::CollectionSource(collection);
    let source = collection.tag.is_some();
    let source = source.then_some(Tree::Node(Object { context, node }));
    Tree::List(source.into_iter().collect())
}

/// A smart collection's condition.
pub(crate) fn source<'a>(collection: &'a Collection, ask: Ask<'_>) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => gid("CollectionConditionsSource", collection.id).into(),
        "title" => collection.title.as_str().into(),
        "description" => Tree::Null,
        "shareable" => false.into(),
        "targetType" => "PRODUCTS".into(),
        _ => return Err(ask.not_modelled()),
    })
}

fn products<'a>(
    context: &'a Context<'a>,
    collection: &'a Collection,
    ask: Ask<'_>,
) -> Resolved<'a> {
    let sort = match ask.text("sortKey") {
        None | Some("COLLECTION_DEFAULT") => collection.sort_order,
        Some(sort) => sort,
    };
    let opening = Opening::new(context, ask, "Product", collection.id, sort)?;
    let members = collection.products.iter().enumerate();
    Ok(opening.answer(members.filter_map(|(position, id)| {
        let product = context.catalog.products.get(id)?;
        let place = place(context, product, position, sort);
        Some((place, *id, Node::Product(product, false)))
    })))
}

/// Where a member stands, by the names of sort keys and of collections' own orders.
fn place(context: &Context<'_>, product: &Product, position: usize, sort: &str) -> Place {
    let title = || product.title.to_lowercase();
    let price = || product.price_range().0.0;
    match sort {
        "MANUAL" => Place::Number(position as u64),
        "ID" => Place::Number(product.id),
        "TITLE" | "ALPHA_ASC" => Place::Text(title()),
        "ALPHA_DESC" => Place::Backwards(std::cmp::Reverse(title())),
        "CREATED" => Place::Signed(product.created_at),
        "CREATED_DESC" => Place::Signed(-product.created_at),
        "PRICE" | "PRICE_ASC" => Place::Signed(price()),
        "PRICE_DESC" => Place::Signed(-price()),
        _ => anywhere(context, product.id),
    }
}
