//! Holds a shop's catalogue and its indexes.

pub(crate) mod change;
pub(crate) mod csv;
pub(crate) mod discount;
pub(crate) mod generate;
pub(crate) mod gid;
mod marketing;
pub(crate) mod model;
mod products;
mod random;
pub(crate) mod spec;

use std::collections::HashMap;

use indexmap::IndexSet;

use discount::Discount;
use model::{ById, Collection, Location, Product, Shop, Variant};

/// The ids of objects that are created while the simulator runs follow this number.
const CREATED: u64 = 8_900_000_000_000;

/// The catalogue of a shop.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) shop: Shop,
    pub(crate) products: ById<Product>,
    pub(crate) collections: ById<Collection>,
    pub(crate) discounts: ById<Discount>,
    pub(crate) locations: ById<Location>,
    product_of_variant: HashMap<u64, u64>,
    variant_of_item: HashMap<u64, u64>,
    last_id: u64,
}

impl Catalog {
    fn new(shop: Shop) -> Self {
        Self {
            shop,
            products: ById::new(),
            collections: ById::new(),
            discounts: ById::new(),
            locations: ById::new(),
            product_of_variant: HashMap::new(),
            variant_of_item: HashMap::new(),
            last_id: CREATED,
        }
    }

    /// An unused numeric id.
    pub(crate) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn index(&mut self, product: &Product) {
        for variant in &product.variants {
            self.product_of_variant.insert(variant.id, product.id);
            self.variant_of_item.insert(variant.item.id, variant.id);
        }
    }

    fn unindex(&mut self, product: &Product) {
        for variant in &product.variants {
            self.product_of_variant.remove(&variant.id);
            self.variant_of_item.remove(&variant.item.id);
        }
    }

    /// The variant with this id, and its product.
    pub(crate) fn variant(&self, id: u64) -> Option<(&Product, &Variant)> {
        let product = self.products.get(self.product_of_variant.get(&id)?)?;
        let variant = product.variants.iter().find(|variant| variant.id == id)?;
        Some((product, variant))
    }

    /// The variant of the inventory item with this id, and its product.
    pub(crate) fn item(&self, id: u64) -> Option<(&Product, &Variant)> {
        self.variant(*self.variant_of_item.get(&id)?)
    }

    /// The products that match a smart collection's condition now.
    fn smart_collection_members(&self, collection: &Collection) -> IndexSet<u64> {
        let Some(tag) = &collection.tag else {
            return collection.products.clone();
        };
        let tagged = self
            .products
            .values()
            .filter(|product| product.tags.contains(tag));
        tagged.map(|product| product.id).collect()
    }
}
