//! Creates, changes and deletes products and their metafields.

use std::sync::Arc;

use super::{ChangeResult, Event, ProductChange, invalid, money, non_empty, not_found};
use crate::catalog::Catalog;
use crate::catalog::model::{
    Cents, InventoryItem, InventoryLevel, Metafield, OptionValue, Product, ProductOption,
    ProductStatus, Seconds, Variant, handle,
};
use crate::webhook::body;

impl Catalog {
    /// Changes a product and returns its event.
    pub(crate) fn update_product(
        &mut self,
        id: u64,
        change: &ProductChange,
        now: Seconds,
    ) -> ChangeResult<()> {
        let product = self.products.get_mut(&id).ok_or(not_found("product", id))?;
        let price = change.price.as_deref().map(money).transpose()?;
        let status = match &change.status {
            Some(text) => Some(
                ProductStatus::parse(text)
                    .ok_or_else(|| invalid("status", format!("\"{text}\" is not a status")))?,
            ),
            None => None,
        };
        if let Some(title) = &change.title {
            product.title = non_empty("title", title)?.into();
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
                (status != ProductStatus::Draft).then(|| product.published_at.unwrap_or(now));
        }
        if let Some(price) = price {
            for variant in &mut product.variants {
                variant.price = price;
                variant.updated_at = now;
            }
        }
        product.updated_at = now;
        let event = Event::new("products/update", body::product(&self.shop, product));
        self.update_smart_collections();
        Ok(((), vec![event]))
    }

    /// Sets the price of one variant of a product, or of all variants.
    pub(crate) fn set_price(
        &mut self,
        id: u64,
        variant: Option<u64>,
        price: &str,
        now: Seconds,
    ) -> ChangeResult<()> {
        let Some(chosen) = variant else {
            let change = ProductChange {
                price: Some(price.to_owned()),
                ..Default::default()
            };
            return self.update_product(id, &change, now);
        };
        let price = money(price)?;
        let product = self.products.get_mut(&id).ok_or(not_found("product", id))?;
        let variant = product
            .variants
            .iter_mut()
            .find(|variant| variant.id == chosen)
            .ok_or(not_found("variant", chosen))?;
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

    /// Creates a product with one variant, stocked at the first location.
    pub(crate) fn create_product(
        &mut self,
        change: &ProductChange,
        now: Seconds,
    ) -> ChangeResult<u64> {
        let title = change
            .title
            .clone()
            .ok_or_else(|| invalid("title", "a new product needs a title"))?;
        let id = self.new_id();
        let location = self.locations.keys().next().copied();
        let levels = location.map(|location| InventoryLevel {
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
            status: ProductStatus::Active,
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
                self.unindex(&product);
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
                    body::inventory_level(variant.item.id, level),
                ));
            }
        }
        Ok((id, events))
    }

    /// Deletes a product and removes it from its collections.
    pub(crate) fn delete_product(&mut self, id: u64) -> ChangeResult<()> {
        let product = self.products.remove(&id).ok_or(not_found("product", id))?;
        self.unindex(&product);
        for collection in self.collections.values_mut() {
            collection.products.shift_remove(&id);
        }
        let mut events = vec![Event::new("products/delete", body::id_only(id))];
        events.extend(product.variants.iter().map(|variant| {
            Event::new(
                "inventory_items/delete",
                body::inventory_item_deleted(variant),
            )
        }));
        Ok(((), events))
    }

    /// Recomputes the members of all smart collections after products changed. Shopify announces no event for it.
    pub(super) fn update_smart_collections(&mut self) {
        let smart: Vec<u64> = self
            .collections
            .values()
            .filter(|c| c.tag.is_some())
            .map(|c| c.id)
            .collect();
        for id in smart {
            let members = self.smart_collection_members(&self.collections[&id]);
            if let Some(collection) = self.collections.get_mut(&id) {
                collection.products = members;
            }
        }
    }

    /// Sets a metafield of a product; an empty value deletes it.
    pub(crate) fn set_metafield(
        &mut self,
        id: u64,
        (namespace, key): (&str, &str),
        value: &str,
        now: Seconds,
    ) -> ChangeResult<()> {
        let (namespace, key) = (non_empty("namespace", namespace)?, non_empty("key", key)?);
        let new = self.last_id + 1;
        let product = self.products.get_mut(&id).ok_or(not_found("product", id))?;
        let fields = &mut product.metafields;
        let known = fields
            .iter()
            .position(|field| &*field.namespace == namespace && &*field.key == key);
        match known {
            Some(index) if value.is_empty() => {
                fields.remove(index);
            }
            Some(index) => {
                fields[index].value = value.into();
                fields[index].updated_at = now;
            }
            None if value.is_empty() => return Err(invalid("value", "it is empty")),
            None => {
                self.last_id = new;
                fields.push(Metafield {
                    id: new,
                    namespace: namespace.into(),
                    key: key.into(),
                    kind: "single_line_text_field".into(),
                    value: value.into(),
                    created_at: now,
                    updated_at: now,
                });
            }
        }
        product.updated_at = now;
        let event = Event::new("products/update", body::product(&self.shop, product));
        Ok(((), vec![event]))
    }
}
