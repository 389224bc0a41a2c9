//! How the parts of each kind of thing are put into it.

use serde::Deserialize;

use super::BulkError;
use super::decode::{Line, ObjectLines};
use super::documents::{self, Document};
use super::layout::Layout;
use super::line_ids::{ObjectId, ObjectKind, inventory_item};
use crate::ShopClient;
use crate::catalog::{DiscountNode, PagedList};
use crate::model::{
    Collection, Connection, Discount, DiscountItems, InventoryLevel, Location, Product,
    ProductSummary, RedeemCode, Reference, SortLists, Variant,
};

/// A kind of thing that can be read in bulk.
pub(super) trait BulkObject: SortLists + Sized + Send + 'static {
    const LAYOUT: Layout;
    /// The first brings the things, the others only further parts of them.
    const QUERIES: &'static [Document];
    /// How it is read by pages.
    const PAGED_LIST: PagedList;

    /// Puts a thing together. The lists in it are in no order yet.
    fn assemble(object_lines: &ObjectLines<'_>, scratch: &mut String) -> Result<Self, BulkError>;

    /// Leaves out what the client's settings do not ask for.
    fn retain_chosen_namespaces(&mut self, _shop: &ShopClient) {}
}

const fn flat_layout(root: ObjectKind) -> Layout {
    Layout {
        root,
        intermediate: None,
        optional_children: &[],
    }
}

impl BulkObject for Product {
    const LAYOUT: Layout = Layout {
        root: ObjectKind::Product,
        intermediate: Some(ObjectKind::Variant),
        optional_children: &[],
    };
    const QUERIES: &'static [Document] = &[documents::PRODUCTS];
    const PAGED_LIST: PagedList = PagedList::PRODUCTS;

    fn assemble(object_lines: &ObjectLines<'_>, scratch: &mut String) -> Result<Self, BulkError> {
        let lists = ["metafields", "variants"];
        let mut product: Self = object_lines.root.decode_with(1, &lists, scratch)?;
        let mut aliases = Vec::new();
        for line in object_lines.children {
            match (line.kind(), object_lines.is_direct_child(line)) {
                (ObjectKind::Metafield, true) => {
                    product.metafields.nodes_mut().push(line.decode()?)
                }
                (ObjectKind::Variant, true) => {
                    let variants = product.variants.nodes_mut();
                    let item = read_variant(line, variants, scratch)?;
                    let place = variants.len() - 1;
                    aliases.extend([(line.ids.id, place), (item, place)]);
                }
                // Its variant may come after it.
                (ObjectKind::InventoryLevel, false) => {}
                _ => return Err(unexpected_line(line)),
            }
        }
        aliases.sort_unstable();
        let levels = |line: &&Line<'_>| line.kind() == ObjectKind::InventoryLevel;
        for line in object_lines.children.iter().filter(levels) {
            add_level(line, &aliases, product.variants.nodes_mut())?;
        }
        Ok(product)
    }

    fn retain_chosen_namespaces(&mut self, shop: &ShopClient) {
        shop.retain_chosen_namespaces(&mut self.metafields);
    }
}

fn read_variant(
    line: &Line<'_>,
    variants: &mut Vec<Variant>,
    scratch: &mut String,
) -> Result<ObjectId, BulkError> {
    let Some((place, item)) = inventory_item(line.text.as_bytes()) else {
        // Says what is missing.
        variants.push(line.decode()?);
        return Err(unexpected_line(line));
    };
    variants.push(line.decode_with(place, &["inventoryLevels"], scratch)?);
    Ok(item)
}

/// Puts a level into every variant that its parent means: one inventory item may serve several.
fn add_level(
    line: &Line<'_>,
    aliases: &[(ObjectId, usize)],
    variants: &mut [Variant],
) -> Result<(), BulkError> {
    let parent = line.ids.parent.unwrap_or(line.ids.id);
    let begin = aliases.partition_point(|(alias, _)| *alias < parent);
    let found = aliases[begin..]
        .iter()
        .take_while(|(alias, _)| *alias == parent);
    let mut level: Option<InventoryLevel> = Some(line.decode()?);
    let mut places = found.map(|(_, place)| *place).peekable();
    if places.peek().is_none() {
        let parent = parent.to_string();
        return Err(BulkError::Orphan { parent });
    }
    while let Some(place) = places.next() {
        let level = if places.peek().is_some() {
            level.clone()
        } else {
            level.take()
        };
        let levels = &mut variants[place].inventory_item.inventory_levels;
        levels.nodes_mut().extend(level);
    }
    Ok(())
}

impl BulkObject for Collection {
    const LAYOUT: Layout = flat_layout(ObjectKind::Collection);
    const QUERIES: &'static [Document] = &[documents::COLLECTIONS];
    const PAGED_LIST: PagedList = PagedList::COLLECTIONS;

    fn assemble(object_lines: &ObjectLines<'_>, scratch: &mut String) -> Result<Self, BulkError> {
        let lists = ["products", "metafields"];
        let mut collection: Self = object_lines.root.decode_with(1, &lists, scratch)?;
        for line in object_lines.children {
            match line.kind() {
                ObjectKind::Metafield => collection.metafields.nodes_mut().push(line.decode()?),
                ObjectKind::Product => {
                    let product: ProductSummary = line.decode()?;
                    collection.products.nodes_mut().push(product);
                }
                _ => return Err(unexpected_line(line)),
            }
        }
        Ok(collection)
    }

    fn retain_chosen_namespaces(&mut self, shop: &ShopClient) {
        shop.retain_chosen_namespaces(&mut self.metafields);
    }
}

impl BulkObject for Location {
    const LAYOUT: Layout = flat_layout(ObjectKind::Location);
    const QUERIES: &'static [Document] = &[documents::LOCATIONS];
    const PAGED_LIST: PagedList = PagedList::LOCATIONS;

    fn assemble(object_lines: &ObjectLines<'_>, _scratch: &mut String) -> Result<Self, BulkError> {
        match object_lines.children.first() {
            None => object_lines.root.decode(),
            Some(line) => Err(unexpected_line(line)),
        }
    }
}

/// Which of a discount's lists an item is in; the queries name them by an alias.
#[derive(Deserialize)]
struct ListAlias {
    id: crate::Gid,
    #[serde(default)]
    gets: Option<String>,
    #[serde(default)]
    buys: Option<String>,
}

impl BulkObject for Discount {
    /// A discount that is made between the first query and the others brings parts of something unknown.
    const LAYOUT: Layout = Layout {
        root: ObjectKind::Discount,
        intermediate: None,
        optional_children: &[
            ObjectKind::Product,
            ObjectKind::Variant,
            ObjectKind::Collection,
        ],
    };
    const QUERIES: &'static [Document] = &[
        documents::DISCOUNTS,
        documents::DISCOUNT_GETS_PRODUCTS,
        documents::DISCOUNT_GETS_VARIANTS,
        documents::DISCOUNT_GETS_COLLECTIONS,
        documents::DISCOUNT_BUYS_PRODUCTS,
        documents::DISCOUNT_BUYS_COLLECTIONS,
    ];
    const PAGED_LIST: PagedList = PagedList::DISCOUNTS;

    fn assemble(object_lines: &ObjectLines<'_>, _scratch: &mut String) -> Result<Self, BulkError> {
        let mut root: serde_json::Value = object_lines.root.decode()?;
        if let Some(fields) = root.get_mut("discount").and_then(|it| it.as_object_mut()) {
            insert_empty_lists(fields);
        }
        let node: DiscountNode =
            serde_path_to_error::deserialize(root).map_err(|error| BulkError::InvalidObject {
                id: object_lines.root.ids.id.to_string(),
                path: error.path().to_string(),
                source: Box::new(error.into_inner()),
            })?;
        let mut discount = Self::from(node);
        for line in object_lines.children {
            match line.kind() {
                ObjectKind::RedeemCode => {
                    let code: RedeemCode = line.decode()?;
                    // A kind of discount that this version does not know has lists that it does not know either.
                    if let Some(codes) = discount.codes_mut() {
                        codes.nodes_mut().push(code);
                    }
                }
                ObjectKind::Product | ObjectKind::Variant | ObjectKind::Collection => {
                    add_item(&mut discount, line)?
                }
                _ => return Err(unexpected_line(line)),
            }
        }
        Ok(discount)
    }
}

/// Puts empty lists where the answer to a page has lists.
fn insert_empty_lists(discount: &mut serde_json::Map<String, serde_json::Value>) {
    let empty = || serde_json::json!({ "nodes": [], "pageInfo": { "hasNextPage": false } });
    let kind = discount.get("__typename").and_then(|name| name.as_str());
    let with_codes = [
        "DiscountCodeBasic",
        "DiscountCodeBxgy",
        "DiscountCodeFreeShipping",
        "DiscountCodeApp",
    ];
    if kind.is_some_and(|kind| with_codes.contains(&kind)) {
        discount.insert("codes".to_owned(), empty());
    }
    for side in ["customerGets", "customerBuys"] {
        let items = discount.get_mut(side).and_then(|it| it.get_mut("items"));
        let Some(items) = items.and_then(|items| items.as_object_mut()) else {
            continue;
        };
        let lists: &[&str] = match items.get("__typename").and_then(|name| name.as_str()) {
            Some("DiscountProducts") => &["products", "productVariants"],
            Some("DiscountCollections") => &["collections"],
            _ => &[],
        };
        for list in lists {
            items.insert((*list).to_owned(), empty());
        }
    }
}

/// An item whose list the discount no longer has was changed between the queries.
fn add_item(discount: &mut Discount, line: &Line<'_>) -> Result<(), BulkError> {
    let listed: ListAlias = line.decode()?;
    let items = match (&listed.gets, &listed.buys) {
        (Some(_), None) => discount.customer_gets_items_mut(),
        (None, Some(_)) => discount.customer_buys_items_mut(),
        _ => return Err(unexpected_line(line)),
    };
    let list: Option<&mut Connection<Reference>> = match (items, line.kind()) {
        (Some(DiscountItems::DiscountProducts(items)), ObjectKind::Product) => {
            Some(&mut items.products)
        }
        (Some(DiscountItems::DiscountProducts(items)), ObjectKind::Variant) => {
            Some(&mut items.product_variants)
        }
        (Some(DiscountItems::DiscountCollections(items)), ObjectKind::Collection) => {
            Some(&mut items.collections)
        }
        _ => None,
    };
    if let Some(list) = list {
        list.nodes_mut().push(Reference { id: listed.id });
    }
    Ok(())
}

fn unexpected_line(line: &Line<'_>) -> BulkError {
    BulkError::UnexpectedKind {
        kind: line.kind().name(),
    }
}
