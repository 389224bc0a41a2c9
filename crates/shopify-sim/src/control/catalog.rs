//! Changes of the catalogue.

use super::ShopControl;
use crate::catalog::change::{ChangeError, CollectionChange, DiscountChange, ProductChange};

/// Changes of the catalogue. Each sends the webhooks that Shopify sends for it.
impl ShopControl {
    /// Makes a product with one variant and returns its number.
    ///
    /// # Errors
    /// If a field makes no sense.
    pub fn create_product(&self, product: &ProductChange) -> Result<u64, ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.create_product(product, now)
        })
    }

    /// Changes a product.
    ///
    /// # Errors
    /// If there is none, or a field makes no sense; then nothing is changed.
    pub fn update_product(&self, id: u64, change: &ProductChange) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.update_product(id, change, now)
        })
    }

    /// Takes a product away, from its collections too.
    ///
    /// # Errors
    /// If there is none.
    pub fn delete_product(&self, id: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, _| {
            catalog.delete_product(id)
        })
    }

    /// Sets the price of one variant of a product, or of all: `"12.50"`.
    ///
    /// # Errors
    /// If there is no such product or variant, or `price` is no amount of money.
    pub fn set_price(&self, id: u64, variant: Option<u64>, price: &str) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.set_price(id, variant, price, now)
        })
    }

    /// Sets a metafield of a product; an empty value takes it away. Announced as a change of the product.
    ///
    /// # Errors
    /// If there is no such product, or the namespace or key is empty.
    pub fn set_metafield(
        &self,
        id: u64,
        namespace: &str,
        key: &str,
        value: &str,
    ) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.set_metafield(id, (namespace, key), value, now)
        })
    }

    /// Sets what of an inventory item can be sold at a location, which starts to stock it if it did not.
    ///
    /// # Errors
    /// If there is no such item or location.
    pub fn set_available(
        &self,
        item: u64,
        location: u64,
        available: i32,
    ) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.set_available(item, location, available, now)
        })
    }

    /// Stops stocking an inventory item at a location.
    ///
    /// # Errors
    /// If it is not stocked there.
    pub fn disconnect_inventory_level(&self, item: u64, location: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.disconnect_inventory_level(item, location, now)
        })
    }

    /// Starts or stops counting an inventory item's stock, or gives it another SKU (`""` takes it away).
    ///
    /// # Errors
    /// If there is none.
    pub fn update_inventory_item(
        &self,
        item: u64,
        tracked: Option<bool>,
        sku: Option<&str>,
    ) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.update_inventory_item(item, tracked, sku, now)
        })
    }

    /// Makes a discount and returns its number.
    ///
    /// # Errors
    /// If a field makes no sense.
    pub fn create_discount(&self, discount: &DiscountChange) -> Result<u64, ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.create_discount(discount, now)
        })
    }

    /// Changes a discount.
    ///
    /// # Errors
    /// If there is none, or a field makes no sense; then nothing is changed.
    pub fn update_discount(&self, id: u64, change: &DiscountChange) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.update_discount(id, change, now)
        })
    }

    /// Takes a discount away.
    ///
    /// # Errors
    /// If there is none.
    pub fn delete_discount(&self, id: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.delete_discount(id, now)
        })
    }

    /// Makes a collection and returns its number.
    ///
    /// # Errors
    /// If a field makes no sense.
    pub fn create_collection(&self, collection: &CollectionChange) -> Result<u64, ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.create_collection(collection, now)
        })
    }

    /// Changes a collection.
    ///
    /// # Errors
    /// If there is none, or a field makes no sense; then nothing is changed.
    pub fn update_collection(&self, id: u64, change: &CollectionChange) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.update_collection(id, change, now)
        })
    }

    /// Takes a collection away; its products stay.
    ///
    /// # Errors
    /// If there is none.
    pub fn delete_collection(&self, id: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, _| {
            catalog.delete_collection(id)
        })
    }

    /// Opens a location and returns its number.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn create_location(&self, name: &str) -> Result<u64, ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.create_location(name, now)
        })
    }

    /// Renames a location, or opens or closes it.
    ///
    /// # Errors
    /// If there is none, or the name is empty.
    pub fn update_location(
        &self,
        id: u64,
        name: Option<&str>,
        active: Option<bool>,
    ) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.update_location(id, name, active, now)
        })
    }

    /// Takes a location away, with the stock counted there.
    ///
    /// # Errors
    /// If there is none.
    pub fn delete_location(&self, id: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, _| {
            catalog.delete_location(id)
        })
    }

    /// Renames the shop.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn rename_shop(&self, name: &str) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.rename_shop(name, now)
        })
    }
}
