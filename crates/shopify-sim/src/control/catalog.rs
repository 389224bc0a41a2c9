//! Changes the catalogue as a merchant does.

use super::ShopControl;
use crate::catalog::change::{ChangeError, CollectionChange, DiscountChange, ProductChange};

/// Changes of the catalogue. Each sends the webhooks that Shopify sends for it.
impl ShopControl {
    /// Creates a product with one variant and returns its id.
    ///
    /// # Errors
    /// If a field is invalid.
    pub fn create_product(&self, product: &ProductChange) -> Result<u64, ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.create_product(product, now)
        })
    }

    /// Changes a product.
    ///
    /// # Errors
    /// If the product does not exist or a field is invalid; then nothing is changed.
    pub fn update_product(&self, id: u64, change: &ProductChange) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.update_product(id, change, now)
        })
    }

    /// Deletes a product and removes it from its collections.
    ///
    /// # Errors
    /// If the product does not exist.
    pub fn delete_product(&self, id: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, _| {
            catalog.delete_product(id)
        })
    }

    /// Sets the price of one variant of a product, or of all variants, such as `"12.50"`.
    ///
    /// # Errors
    /// If the product or variant does not exist, or `price` is not an amount of money.
    pub fn set_price(&self, id: u64, variant: Option<u64>, price: &str) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.set_price(id, variant, price, now)
        })
    }

    /// Sets a metafield of a product; an empty value deletes it. Announced as a change of the product.
    ///
    /// # Errors
    /// If the product does not exist, or the namespace or key is empty.
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

    /// Sets the available quantity of an inventory item at a location. Starts to stock the item there if necessary.
    ///
    /// # Errors
    /// If the item or location does not exist.
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
    /// If the item is not stocked there.
    pub fn disconnect_inventory_level(&self, item: u64, location: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.disconnect_inventory_level(item, location, now)
        })
    }

    /// Starts or stops tracking an inventory item's stock, or changes its SKU (`""` removes it).
    ///
    /// # Errors
    /// If the item does not exist.
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

    /// Creates a discount and returns its id.
    ///
    /// # Errors
    /// If a field is invalid.
    pub fn create_discount(&self, discount: &DiscountChange) -> Result<u64, ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.create_discount(discount, now)
        })
    }

    /// Changes a discount.
    ///
    /// # Errors
    /// If the discount does not exist or a field is invalid; then nothing is changed.
    pub fn update_discount(&self, id: u64, change: &DiscountChange) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.update_discount(id, change, now)
        })
    }

    /// Deletes a discount.
    ///
    /// # Errors
    /// If the discount does not exist.
    pub fn delete_discount(&self, id: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.delete_discount(id, now)
        })
    }

    /// Creates a collection and returns its id.
    ///
    /// # Errors
    /// If a field is invalid.
    pub fn create_collection(&self, collection: &CollectionChange) -> Result<u64, ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.create_collection(collection, now)
        })
    }

    /// Changes a collection.
    ///
    /// # Errors
    /// If the collection does not exist or a field is invalid; then nothing is changed.
    pub fn update_collection(&self, id: u64, change: &CollectionChange) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.update_collection(id, change, now)
        })
    }

    /// Deletes a collection; its products stay.
    ///
    /// # Errors
    /// If the collection does not exist.
    pub fn delete_collection(&self, id: u64) -> Result<(), ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, _| {
            catalog.delete_collection(id)
        })
    }

    /// Creates a location and returns its id.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn create_location(&self, name: &str) -> Result<u64, ChangeError> {
        self.shop.change(self.without_webhooks, |catalog, now| {
            catalog.create_location(name, now)
        })
    }

    /// Renames, activates or deactivates a location.
    ///
    /// # Errors
    /// If the location does not exist, or the name is empty.
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

    /// Deletes a location and its inventory levels.
    ///
    /// # Errors
    /// If the location does not exist.
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
