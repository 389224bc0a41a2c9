//! What a merchant does to a catalogue, and the events that Shopify announces for it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::discount::{DiscountKind, Effect, RedeemCode, Value as Gets};
use super::generate::handle;
use super::model::{
    Cents, Collection, InventoryItem, Level, Location, OptionValue, Product, ProductOption,
    Seconds, Status, Variant,
};
use super::{Catalog, blank_discount};
use crate::webhook::body;

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Nothing has this id.
    #[error("there is no {kind} {id}")]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// Its number.
        id: u64,
    },
    /// A value makes no sense.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> ChangeError {
    ChangeError::Invalid {
        field,
        problem: problem.into(),
    }
}

/// Fields of a product; what is absent stays as it is (or gets a plain default in a new product).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProductChange {
    /// The title.
    pub title: Option<String>,
    /// The description in HTML.
    pub description_html: Option<String>,
    /// The maker.
    pub vendor: Option<String>,
    /// What it is.
    pub product_type: Option<String>,
    /// All its tags.
    pub tags: Option<Vec<String>>,
    /// `ACTIVE`, `ARCHIVED`, `DRAFT` or `UNLISTED`.
    pub status: Option<String>,
    /// The price of every variant, such as `"12.50"`.
    pub price: Option<String>,
}

/// Fields of a discount; what is absent stays as it is (or gets a plain default in a new discount).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscountChange {
    /// Only for a new one; a code discount of ten percent if absent.
    pub kind: Option<DiscountKind>,
    /// The title.
    pub title: Option<String>,
    /// The share taken off, above 0 up to 1.
    pub percentage: Option<f64>,
    /// All its codes; codes that stay keep their id.
    pub codes: Option<Vec<String>>,
}

/// Fields of a collection; what is absent stays as it is (or is empty in a new collection).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CollectionChange {
    /// The title.
    pub title: Option<String>,
    /// The description in HTML.
    pub description_html: Option<String>,
    /// Only for a new one: makes it a smart collection of the products with this tag.
    pub tag: Option<String>,
    /// Numbers of the products in it, in the merchant's order.
    pub products: Option<Vec<u64>>,
}

/// Something Shopify tells its subscribers.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) topic: &'static str,
    pub(crate) body: Value,
}

impl Event {
    pub(crate) fn new(topic: &'static str, body: Value) -> Self {
        Self { topic, body }
    }
}

type Changed<T> = Result<(T, Vec<Event>), ChangeError>;

fn unknown(kind: &'static str, id: u64) -> ChangeError {
    ChangeError::Unknown { kind, id }
}

fn money(text: &str) -> Result<Cents, ChangeError> {
    Cents::parse(text).ok_or_else(|| invalid("price", format!("\"{text}\" is no amount of money")))
}

impl Catalog {
    /// Changes `id` by `change` and returns the product's event.
    pub(crate) fn update_product(
        &mut self,
        id: u64,
        change: &ProductChange,
        now: Seconds,
    ) -> Changed<()> {
        let product = self.products.get_mut(&id).ok_or(unknown("product", id))?;
        let price = change.price.as_deref().map(money).transpose()?;
        let status = match &change.status {
            Some(text) => Some(
                Status::parse(text)
                    .ok_or_else(|| invalid("status", format!("\"{text}\" is no status")))?,
            ),
            None => None,
        };
        if let Some(title) = &change.title {
            if title.trim().is_empty() {
                return Err(invalid("title", "it is empty"));
            }
            product.title = title.as_str().into();
        }
        if let Some(html) = &change.description_html {
            product.html = html.as_str().into();
        }
        if let Some(vendor) = &change.vendor {
            product.vendor = vendor.as_str().into();
        }
        if let Some(kind) = &change.product_type {
            product.kind = kind.as_str().into();
        }
        if let Some(tags) = &change.tags {
            product.tags = tags.iter().map(|tag| Arc::from(tag.as_str())).collect();
            product.tags.sort();
        }
        if let Some(status) = status {
            product.status = status;
            product.published_at =
                (status != Status::Draft).then(|| product.published_at.unwrap_or(now));
        }
        if let Some(price) = price {
            for variant in &mut product.variants {
                variant.price = price;
                variant.updated_at = now;
            }
        }
        product.updated_at = now;
        let event = Event::new("products/update", body::product(&self.shop, product));
        self.regroup();
        Ok(((), vec![event]))
    }

    /// Sets the price of one variant of a product, or of all.
    pub(crate) fn set_price(
        &mut self,
        id: u64,
        variant: Option<u64>,
        price: &str,
        now: Seconds,
    ) -> Changed<()> {
        let Some(chosen) = variant else {
            let change = ProductChange {
                price: Some(price.to_owned()),
                ..Default::default()
            };
            return self.update_product(id, &change, now);
        };
        let price = money(price)?;
        let product = self.products.get_mut(&id).ok_or(unknown("product", id))?;
        let variant = product
            .variants
            .iter_mut()
            .find(|variant| variant.id == chosen)
            .ok_or(unknown("variant", chosen))?;
        variant.price = price;
        variant.updated_at = now;
        product.updated_at = now;
        Ok((
            (),
            vec![Event::new(
                "products/update",
                body::product(&self.shop, product),
            )],
        ))
    }

    /// Makes a product with one variant, stocked at the first location.
    pub(crate) fn create_product(&mut self, change: &ProductChange, now: Seconds) -> Changed<u64> {
        let title = change
            .title
            .clone()
            .ok_or_else(|| invalid("title", "a new product needs one"))?;
        let id = self.new_id();
        let place = self.locations.keys().next().copied();
        let levels = place.map(|location| Level {
            location,
            active: true,
            available: 0,
            committed: 0,
            incoming: 0,
            updated_at: now,
        });
        let value = OptionValue {
            id: self.new_id(),
            name: "Default Title".into(),
        };
        let option = ProductOption {
            id: self.new_id(),
            name: "Title".into(),
            values: vec![value],
        };
        let item = InventoryItem {
            id: self.new_id(),
            tracked: true,
            requires_shipping: true,
            updated_at: now,
            levels: levels.into_iter().collect(),
        };
        let variant = Variant {
            id: self.new_id(),
            choices: [0; 3],
            sku: None,
            barcode: None,
            price: Cents(0),
            compare_at: None,
            oversell: false,
            taxable: true,
            created_at: now,
            updated_at: now,
            item,
            metafields: Vec::new(),
        };
        let product = Product {
            id,
            title: title.as_str().into(),
            handle: format!("{}-{id}", handle(&title)).into(),
            html: "".into(),
            kind: "".into(),
            vendor: self.shop.name.as_str().into(),
            tags: Vec::new(),
            status: Status::Active,
            category: None,
            gift_card: false,
            created_at: now,
            updated_at: now,
            published_at: Some(now),
            options: vec![option],
            variants: vec![variant],
            metafields: Vec::new(),
        };
        self.index(&product);
        self.products.insert(id, product);
        if let Err(error) = self.update_product(id, change, now) {
            if let Some(product) = self.products.remove(&id) {
                self.forget(&product);
            }
            return Err(error);
        }
        let product = &self.products[&id];
        let mut events = vec![Event::new(
            "products/create",
            body::product(&self.shop, product),
        )];
        for variant in &product.variants {
            events.push(Event::new(
                "inventory_items/create",
                body::inventory_item(variant),
            ));
            for level in &variant.item.levels {
                events.push(Event::new(
                    "inventory_levels/connect",
                    body::level(variant.item.id, level),
                ));
            }
        }
        Ok((id, events))
    }

    /// Takes a product away, from its collections too.
    pub(crate) fn delete_product(&mut self, id: u64) -> Changed<()> {
        let product = self.products.remove(&id).ok_or(unknown("product", id))?;
        self.forget(&product);
        for collection in self.collections.values_mut() {
            collection.products.shift_remove(&id);
        }
        let mut events = vec![Event::new("products/delete", body::numbered(id))];
        events.extend(product.variants.iter().map(|variant| {
            Event::new("inventory_items/delete", body::inventory_item_gone(variant))
        }));
        Ok(((), events))
    }

    /// Puts every smart collection right after products changed. Shopify announces nothing of it.
    fn regroup(&mut self) {
        let smart: Vec<u64> = self
            .collections
            .values()
            .filter(|c| c.tag.is_some())
            .map(|c| c.id)
            .collect();
        for id in smart {
            let members = self.members(&self.collections[&id]);
            if let Some(collection) = self.collections.get_mut(&id) {
                collection.products = members;
            }
        }
    }

    /// Sets what of an item can be sold at a location; a location that did not stock it starts to.
    pub(crate) fn set_available(
        &mut self,
        item: u64,
        location: u64,
        available: i32,
        now: Seconds,
    ) -> Changed<()> {
        if !self.locations.contains_key(&location) {
            return Err(unknown("location", location));
        }
        let shop = self.shop.clone();
        let (product, place) = self.item_mut(item)?;
        let variant = &mut product.variants[place];
        let mut events = Vec::new();
        let levels = &mut variant.item.levels;
        if let Some(level) = levels.iter_mut().find(|level| level.location == location) {
            level.available = available;
            level.active = true;
            level.updated_at = now;
            events.push(Event::new(
                "inventory_levels/update",
                body::level(item, level),
            ));
        } else {
            let level = Level {
                location,
                active: true,
                available,
                committed: 0,
                incoming: 0,
                updated_at: now,
            };
            events.push(Event::new(
                "inventory_levels/connect",
                body::level(item, &level),
            ));
            events.push(Event::new(
                "inventory_levels/update",
                body::level(item, &level),
            ));
            levels.push(level);
            levels.sort_by_key(|level| level.location);
        }
        variant.updated_at = now;
        product.updated_at = now;
        events.push(Event::new("products/update", body::product(&shop, product)));
        Ok(((), events))
    }

    /// Stops stocking an item at a location.
    pub(crate) fn disconnect(&mut self, item: u64, location: u64, now: Seconds) -> Changed<()> {
        let (product, place) = self.item_mut(item)?;
        let levels = &mut product.variants[place].item.levels;
        let found = levels
            .iter()
            .position(|level| level.location == location)
            .ok_or(unknown("stock at location", location))?;
        levels.remove(found);
        product.updated_at = now;
        Ok((
            (),
            vec![Event::new(
                "inventory_levels/disconnect",
                body::level_gone(item, location),
            )],
        ))
    }

    /// Starts or stops counting an item's stock, or renames it.
    pub(crate) fn update_item(
        &mut self,
        item: u64,
        tracked: Option<bool>,
        sku: Option<&str>,
        now: Seconds,
    ) -> Changed<()> {
        let (product, place) = self.item_mut(item)?;
        let variant = &mut product.variants[place];
        if let Some(tracked) = tracked {
            variant.item.tracked = tracked;
        }
        if let Some(sku) = sku {
            variant.sku = (!sku.is_empty()).then(|| sku.into());
        }
        variant.item.updated_at = now;
        variant.updated_at = now;
        let event = Event::new("inventory_items/update", body::inventory_item(variant));
        product.updated_at = now;
        Ok(((), vec![event]))
    }

    fn item_mut(&mut self, item: u64) -> Result<(&mut Product, usize), ChangeError> {
        let (product, variant) = self.item(item).ok_or(unknown("inventory item", item))?;
        let (product, variant) = (product.id, variant.id);
        let product = self
            .products
            .get_mut(&product)
            .ok_or(unknown("product", product))?;
        let place = product
            .variants
            .iter()
            .position(|other| other.id == variant)
            .ok_or(unknown("variant", variant))?;
        Ok((product, place))
    }

    /// Makes a discount.
    pub(crate) fn create_discount(
        &mut self,
        change: &DiscountChange,
        now: Seconds,
    ) -> Changed<u64> {
        let id = self.new_id();
        let kind = change.kind.unwrap_or(DiscountKind::CodeBasic);
        let discount = blank_discount(id, kind, "Offer".to_owned(), now);
        self.discounts.insert(id, discount);
        if let Err(error) = self.update_discount(
            id,
            &DiscountChange {
                kind: None,
                ..change.clone()
            },
            now,
        ) {
            self.discounts.remove(&id);
            return Err(error);
        }
        Ok((
            id,
            vec![Event::new(
                "discounts/create",
                body::discount(&self.discounts[&id], now),
            )],
        ))
    }

    /// Changes a discount.
    pub(crate) fn update_discount(
        &mut self,
        id: u64,
        change: &DiscountChange,
        now: Seconds,
    ) -> Changed<()> {
        let mut next = self.last_id;
        let discount = self.discounts.get_mut(&id).ok_or(unknown("discount", id))?;
        if change.kind.is_some() {
            return Err(invalid("kind", "a discount's kind cannot change"));
        }
        if change
            .percentage
            .is_some_and(|share| !(share > 0.0 && share <= 1.0))
        {
            return Err(invalid("percentage", "it is not above 0 and up to 1"));
        }
        let mut events = Vec::new();
        if let Some(codes) = &change.codes {
            if !discount.kind.has_codes() {
                return Err(invalid("codes", "an automatic discount has none"));
            }
            let (kept, gone): (Vec<_>, Vec<_>) = discount
                .codes
                .drain(..)
                .partition(|known| codes.iter().any(|code| **code == *known.code));
            discount.codes = kept;
            events.extend(
                gone.iter()
                    .map(|code| ("discounts/redeemcode_removed", code.clone())),
            );
            for code in codes {
                if discount.codes.iter().all(|known| *known.code != **code) {
                    next += 1;
                    let code = RedeemCode {
                        id: next,
                        code: code.as_str().into(),
                        used: 0,
                    };
                    events.push(("discounts/redeemcode_added", code.clone()));
                    discount.codes.push(code);
                }
            }
        }
        if let Some(title) = &change.title {
            discount.title.clone_from(title);
        }
        if let Some(share) = change.percentage {
            let effect = Effect::Percentage(share);
            discount.gets = match discount.gets {
                Gets::Effect(_) => Gets::Effect(effect),
                Gets::OnQuantity { quantity, .. } => Gets::OnQuantity { quantity, effect },
            };
        }
        discount.updated_at = now;
        let mut events: Vec<_> = events
            .iter()
            .map(|(topic, code)| Event::new(topic, body::redeem_code(discount, code)))
            .collect();
        events.push(Event::new(
            "discounts/update",
            body::discount(discount, now),
        ));
        self.last_id = next;
        Ok(((), events))
    }

    /// Takes a discount away.
    pub(crate) fn delete_discount(&mut self, id: u64, now: Seconds) -> Changed<()> {
        let discount = self.discounts.remove(&id).ok_or(unknown("discount", id))?;
        Ok((
            (),
            vec![Event::new(
                "discounts/delete",
                body::discount_gone(&discount, now),
            )],
        ))
    }

    /// Makes a collection.
    pub(crate) fn create_collection(
        &mut self,
        change: &CollectionChange,
        now: Seconds,
    ) -> Changed<u64> {
        let title = change
            .title
            .clone()
            .ok_or_else(|| invalid("title", "a new collection needs one"))?;
        let id = self.new_id();
        let collection = Collection {
            id,
            handle: format!("{}-{id}", handle(&title)),
            title,
            html: String::new(),
            sort_order: "MANUAL",
            template_suffix: None,
            updated_at: now,
            tag: change.tag.as_deref().map(Arc::from),
            products: indexmap::IndexSet::new(),
            metafields: Vec::new(),
        };
        self.collections.insert(id, collection);
        if let Err(error) = self.update_collection(
            id,
            &CollectionChange {
                tag: None,
                ..change.clone()
            },
            now,
        ) {
            self.collections.remove(&id);
            return Err(error);
        }
        self.regroup();
        Ok((
            id,
            vec![Event::new(
                "collections/create",
                body::collection(&self.collections[&id]),
            )],
        ))
    }

    /// Changes a collection.
    pub(crate) fn update_collection(
        &mut self,
        id: u64,
        change: &CollectionChange,
        now: Seconds,
    ) -> Changed<()> {
        if let Some(missing) = change
            .products
            .iter()
            .flatten()
            .find(|id| !self.products.contains_key(id))
        {
            return Err(unknown("product", *missing));
        }
        let collection = self
            .collections
            .get_mut(&id)
            .ok_or(unknown("collection", id))?;
        if change.tag.is_some() {
            return Err(invalid("tag", "a collection's condition cannot change"));
        }
        if let Some(products) = &change.products {
            if collection.tag.is_some() {
                return Err(invalid(
                    "products",
                    "a smart collection's products follow from its condition",
                ));
            }
            collection.products = products.iter().copied().collect();
        }
        if let Some(title) = &change.title {
            collection.title.clone_from(title);
        }
        if let Some(html) = &change.description_html {
            collection.html.clone_from(html);
        }
        collection.updated_at = now;
        Ok((
            (),
            vec![Event::new(
                "collections/update",
                body::collection(collection),
            )],
        ))
    }

    /// Takes a collection away; its products stay.
    pub(crate) fn delete_collection(&mut self, id: u64) -> Changed<()> {
        self.collections
            .remove(&id)
            .ok_or(unknown("collection", id))?;
        Ok((
            (),
            vec![Event::new("collections/delete", body::collection_gone(id))],
        ))
    }

    /// Opens a location.
    pub(crate) fn create_location(&mut self, name: &str, now: Seconds) -> Changed<u64> {
        let id = self.new_id();
        let location = Location {
            id,
            name: name.to_owned(),
            active: true,
            created_at: now,
            updated_at: now,
        };
        let event = Event::new("locations/create", body::location(&location));
        self.locations.insert(id, location);
        Ok((id, vec![event]))
    }

    /// Renames a location, or opens or closes it.
    pub(crate) fn update_location(
        &mut self,
        id: u64,
        name: Option<&str>,
        active: Option<bool>,
        now: Seconds,
    ) -> Changed<()> {
        let location = self.locations.get_mut(&id).ok_or(unknown("location", id))?;
        let mut topics = Vec::new();
        if let Some(name) = name {
            name.clone_into(&mut location.name);
            topics.push("locations/update");
        }
        if let Some(active) = active.filter(|active| *active != location.active) {
            location.active = active;
            topics.push(if active {
                "locations/activate"
            } else {
                "locations/deactivate"
            });
        }
        location.updated_at = now;
        Ok((
            (),
            topics
                .into_iter()
                .map(|topic| Event::new(topic, body::location(location)))
                .collect(),
        ))
    }

    /// Takes a location away, with the stock counted there.
    pub(crate) fn delete_location(&mut self, id: u64) -> Changed<()> {
        self.locations.remove(&id).ok_or(unknown("location", id))?;
        let variants = self
            .products
            .values_mut()
            .flat_map(|product| &mut product.variants);
        for variant in variants {
            variant.item.levels.retain(|level| level.location != id);
        }
        Ok(((), vec![Event::new("locations/delete", body::numbered(id))]))
    }

    /// Renames the shop.
    pub(crate) fn rename_shop(&mut self, name: &str, now: Seconds) -> Changed<()> {
        name.clone_into(&mut self.shop.name);
        self.shop.updated_at = now;
        Ok(((), vec![Event::new("shop/update", body::shop(&self.shop))]))
    }
}
