//! How the parts of each kind of thing are put into it.

use serde::Deserialize;

use super::BulkError;
use super::decode::{Family, Line};
use super::documents::{self, Document};
use super::head::{Key, Kind, inventory_item};
use super::layout::Layout;
use crate::ShopClient;
use crate::catalog::{DiscountNode, PagedList};
use crate::model::{
    Collection, Connection, Discount, DiscountItems, InventoryLevel, Location, Product,
    ProductSummary, RedeemCode, Reference, SortLists, Variant,
};

/// A kind of thing that can be read in bulk.
pub(super) trait Shape: SortLists + Sized + Send + 'static {
    const LAYOUT: Layout;
    /// The first brings the things, the others only further parts of them.
    const QUERIES: &'static [Document];
    /// How it is read by pages.
    const PAGED_LIST: PagedList;

    /// Puts a thing together. The lists in it are in no order yet.
    fn assemble(family: &Family<'_>, scratch: &mut String) -> Result<Self, BulkError>;

    /// Leaves out what the client's settings do not ask for.
    fn retain_chosen_namespaces(&mut self, _shop: &ShopClient) {}
}

const fn plain(root: Kind) -> Layout {
    Layout {
        root,
        middle: None,
        later: &[],
    }
}

impl Shape for Product {
    const LAYOUT: Layout = Layout {
        root: Kind::Product,
        middle: Some(Kind::Variant),
        later: &[],
    };
    const QUERIES: &'static [Document] = &[documents::PRODUCTS];
    const PAGED_LIST: PagedList = PagedList::PRODUCTS;

    fn assemble(family: &Family<'_>, scratch: &mut String) -> Result<Self, BulkError> {
        let lists = ["metafields", "variants"];
        let mut product: Self = family.root.decode_with(1, &lists, scratch)?;
        let mut names = Vec::new();
        for line in family.parts {
            match (line.kind(), family.owns(line)) {
                (Kind::Metafield, true) => product.metafields.nodes_mut().push(line.decode()?),
                (Kind::Variant, true) => {
                    let variants = product.variants.nodes_mut();
                    let item = read_variant(line, variants, scratch)?;
                    let place = variants.len() - 1;
                    names.extend([(line.head.id, place), (item, place)]);
                }
                // Its variant may come after it.
                (Kind::InventoryLevel, false) => {}
                _ => return Err(misplaced(line)),
            }
        }
        names.sort_unstable();
        let levels = |line: &&Line<'_>| line.kind() == Kind::InventoryLevel;
        for line in family.parts.iter().filter(levels) {
            put_level(line, &names, product.variants.nodes_mut())?;
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
) -> Result<Key, BulkError> {
    let Some((place, item)) = inventory_item(line.text.as_bytes()) else {
        // Says what is missing.
        variants.push(line.decode()?);
        return Err(misplaced(line));
    };
    variants.push(line.decode_with(place, &["inventoryLevels"], scratch)?);
    Ok(item)
}

/// Puts a level into every variant that its parent means: one inventory item may serve several.
fn put_level(
    line: &Line<'_>,
    names: &[(Key, usize)],
    variants: &mut [Variant],
) -> Result<(), BulkError> {
    let parent = line.head.parent.unwrap_or(line.head.id);
    let begin = names.partition_point(|(name, _)| *name < parent);
    let found = names[begin..]
        .iter()
        .take_while(|(name, _)| *name == parent);
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

impl Shape for Collection {
    const LAYOUT: Layout = plain(Kind::Collection);
    const QUERIES: &'static [Document] = &[documents::COLLECTIONS];
    const PAGED_LIST: PagedList = PagedList::COLLECTIONS;

    fn assemble(family: &Family<'_>, scratch: &mut String) -> Result<Self, BulkError> {
        let lists = ["products", "metafields"];
        let mut collection: Self = family.root.decode_with(1, &lists, scratch)?;
        for line in family.parts {
            match line.kind() {
                Kind::Metafield => collection.metafields.nodes_mut().push(line.decode()?),
                Kind::Product => {
                    let product: ProductSummary = line.decode()?;
                    collection.products.nodes_mut().push(product);
                }
                _ => return Err(misplaced(line)),
            }
        }
        Ok(collection)
    }

    fn retain_chosen_namespaces(&mut self, shop: &ShopClient) {
        shop.retain_chosen_namespaces(&mut self.metafields);
    }
}

impl Shape for Location {
    const LAYOUT: Layout = plain(Kind::Location);
    const QUERIES: &'static [Document] = &[documents::LOCATIONS];
    const PAGED_LIST: PagedList = PagedList::LOCATIONS;

    fn assemble(family: &Family<'_>, _scratch: &mut String) -> Result<Self, BulkError> {
        match family.parts.first() {
            None => family.root.decode(),
            Some(line) => Err(misplaced(line)),
        }
    }
}

/// Which of a discount's lists an item is in; the queries name them by an alias.
#[derive(Deserialize)]
struct Listing {
    id: crate::Gid,
    #[serde(default)]
    gets: Option<String>,
    #[serde(default)]
    buys: Option<String>,
}

impl Shape for Discount {
    /// A discount that is made between the first query and the others brings parts of something unknown.
    const LAYOUT: Layout = Layout {
        root: Kind::Discount,
        middle: None,
        later: &[Kind::Product, Kind::Variant, Kind::Collection],
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

    fn assemble(family: &Family<'_>, _scratch: &mut String) -> Result<Self, BulkError> {
        let mut root: serde_json::Value = family.root.decode()?;
        if let Some(fields) = root.get_mut("discount").and_then(|it| it.as_object_mut()) {
            open_lists(fields);
        }
        let answer: DiscountNode =
            serde_path_to_error::deserialize(root).map_err(|error| BulkError::InvalidObject {
                id: family.root.head.id.to_string(),
                path: error.path().to_string(),
                source: Box::new(error.into_inner()),
            })?;
        let mut discount = Self::from(answer);
        for line in family.parts {
            match line.kind() {
                Kind::RedeemCode => {
                    let code: RedeemCode = line.decode()?;
                    // A kind of discount that this version does not know has lists that it does not know either.
                    if let Some(codes) = discount.codes_mut() {
                        codes.nodes_mut().push(code);
                    }
                }
                Kind::Product | Kind::Variant | Kind::Collection => put_item(&mut discount, line)?,
                _ => return Err(misplaced(line)),
            }
        }
        Ok(discount)
    }
}

/// Puts empty lists where the answer to a page has lists.
fn open_lists(discount: &mut serde_json::Map<String, serde_json::Value>) {
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
fn put_item(discount: &mut Discount, line: &Line<'_>) -> Result<(), BulkError> {
    let listed: Listing = line.decode()?;
    let items = match (&listed.gets, &listed.buys) {
        (Some(_), None) => discount.customer_gets_items_mut(),
        (None, Some(_)) => discount.customer_buys_items_mut(),
        _ => return Err(misplaced(line)),
    };
    let list: Option<&mut Connection<Reference>> = match (items, line.kind()) {
        (Some(DiscountItems::DiscountProducts(items)), Kind::Product) => Some(&mut items.products),
        (Some(DiscountItems::DiscountProducts(items)), Kind::Variant) => {
            Some(&mut items.product_variants)
        }
        (Some(DiscountItems::DiscountCollections(items)), Kind::Collection) => {
            Some(&mut items.collections)
        }
        _ => None,
    };
    if let Some(list) = list {
        list.nodes_mut().push(Reference { id: listed.id });
    }
    Ok(())
}

fn misplaced(line: &Line<'_>) -> BulkError {
    BulkError::UnexpectedKind {
        kind: line.kind().name(),
    }
}
