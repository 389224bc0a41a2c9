//! Assembles each kind of object from its lines.

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

/// An object that bulk operations can read.
pub(super) trait BulkObject: SortLists + Sized + Send + 'static {
    const LAYOUT: Layout;
    /// The first query returns the objects, the others only further children of them.
    const QUERIES: &'static [Document];
    /// The same list, read page by page.
    const PAGED_LIST: PagedList;

    /// Assembles an object. Its nested lists are not sorted yet.
    fn assemble(object_lines: &ObjectLines<'_>, scratch: &mut String) -> Result<Self, BulkError>;

    /// Drops the metafields that the client's settings do not select.
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
                    product.metafields.nodes_mut().push(line.decode()?);
                }
                (ObjectKind::Variant, true) => {
                    let variants = product.variants.nodes_mut();
                    let item = read_variant(line, variants, scratch)?;
                    let index = variants.len() - 1;
                    aliases.extend([(line.ids.id, index), (item, index)]);
                }
                // The variant may come after its levels, so they are added below.
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
    let Some((offset, item)) = inventory_item(line.text.as_bytes()) else {
        // Its error names the missing field.
        variants.push(line.decode()?);
        return Err(unexpected_line(line));
    };
    variants.push(line.decode_with(offset, &["inventoryLevels"], scratch)?);
    Ok(item)
}

/// Adds a level to each variant that its parent stands for: variants may share an inventory item.
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
    let mut indexes = found.map(|(_, index)| *index).peekable();
    if indexes.peek().is_none() {
        let parent = parent.to_string();
        return Err(BulkError::Orphan { parent });
    }
    while let Some(index) = indexes.next() {
        let level = if indexes.peek().is_some() {
            level.clone()
        } else {
            level.take()
        };
        let levels = &mut variants[index].inventory_item.inventory_levels;
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

/// The list of a discount that an item belongs to; the queries mark it with an alias.
#[derive(Deserialize)]
struct ListAlias {
    id: crate::Gid,
    #[serde(default)]
    gets: Option<String>,
    #[serde(default)]
    buys: Option<String>,
}

impl BulkObject for Discount {
    /// A discount created between the first query and the others has children, but no line of its own.
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
                    // A discount of an unknown kind has no known list of codes.
                    if let Some(codes) = discount.codes_mut() {
                        codes.nodes_mut().push(code);
                    }
                }
                ObjectKind::Product | ObjectKind::Variant | ObjectKind::Collection => {
                    add_item(&mut discount, line)?;
                }
                _ => return Err(unexpected_line(line)),
            }
        }
        Ok(discount)
    }
}

/// Inserts empty lists where the response to a page has lists.
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

/// Adds an item to its list. An item is ignored if the discount lost that list between the queries.
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
