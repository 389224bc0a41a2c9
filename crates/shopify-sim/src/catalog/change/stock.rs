//! Changes inventory levels, inventory items and locations.

use super::{ChangeError, ChangeResult, Event, non_empty, not_found};
use crate::catalog::Catalog;
use crate::catalog::model::{InventoryLevel, Location, Product, Seconds};
use crate::webhook::body;

impl Catalog {
    /// Sets the available quantity of an item at a location. Starts to stock the item there if necessary.
    pub(crate) fn set_available(
        &mut self,
        item: u64,
        location: u64,
        available: i32,
        now: Seconds,
    ) -> ChangeResult<()> {
        if !self.locations.contains_key(&location) {
            return Err(not_found("location", location));
        }
        let shop = self.shop.clone();
        let (product, index) = self.item_mut(item)?;
        let variant = &mut product.variants[index];
        let mut events = Vec::new();
        let levels = &mut variant.item.levels;
        if let Some(level) = levels.iter_mut().find(|level| level.location == location) {
            level.available = available;
            level.active = true;
            level.updated_at = now;
            events.push(Event::new(
                "inventory_levels/update",
                body::inventory_level(item, level),
            ));
        } else {
            let level = InventoryLevel {
                location,
                active: true,
                available,
                committed: 0,
                incoming: 0,
                updated_at: now,
            };
            events.push(Event::new(
                "inventory_levels/connect",
                body::inventory_level(item, &level),
            ));
            events.push(Event::new(
                "inventory_levels/update",
                body::inventory_level(item, &level),
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
    pub(crate) fn disconnect_inventory_level(
        &mut self,
        item: u64,
        location: u64,
        now: Seconds,
    ) -> ChangeResult<()> {
        let (product, index) = self.item_mut(item)?;
        let levels = &mut product.variants[index].item.levels;
        let found = levels
            .iter()
            .position(|level| level.location == location)
            .ok_or(not_found("stock at location", location))?;
        levels.remove(found);
        product.updated_at = now;
        Ok((
            (),
            vec![Event::new(
                "inventory_levels/disconnect",
                body::inventory_level_disconnected(item, location),
            )],
        ))
    }

    /// Starts or stops tracking an item's stock, or changes its SKU.
    pub(crate) fn update_inventory_item(
        &mut self,
        item: u64,
        tracked: Option<bool>,
        sku: Option<&str>,
        now: Seconds,
    ) -> ChangeResult<()> {
        let (product, index) = self.item_mut(item)?;
        let variant = &mut product.variants[index];
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
        let (product, variant) = self.item(item).ok_or(not_found("inventory item", item))?;
        let (product, variant) = (product.id, variant.id);
        let product = self
            .products
            .get_mut(&product)
            .ok_or(not_found("product", product))?;
        let index = product
            .variants
            .iter()
            .position(|other| other.id == variant)
            .ok_or(not_found("variant", variant))?;
        Ok((product, index))
    }

    /// Creates a location.
    pub(crate) fn create_location(&mut self, name: &str, now: Seconds) -> ChangeResult<u64> {
        let id = self.new_id();
        let location = Location {
            id,
            name: non_empty("name", name)?.to_owned(),
            active: true,
            created_at: now,
            updated_at: now,
        };
        let event = Event::new("locations/create", body::location(&location));
        self.locations.insert(id, location);
        Ok((id, vec![event]))
    }

    /// Renames, activates or deactivates a location.
    pub(crate) fn update_location(
        &mut self,
        id: u64,
        name: Option<&str>,
        active: Option<bool>,
        now: Seconds,
    ) -> ChangeResult<()> {
        let location = self
            .locations
            .get_mut(&id)
            .ok_or(not_found("location", id))?;
        let mut topics = Vec::new();
        if let Some(name) = name {
            non_empty("name", name)?.clone_into(&mut location.name);
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

    /// Deletes a location and its inventory levels.
    pub(crate) fn delete_location(&mut self, id: u64) -> ChangeResult<()> {
        self.locations
            .remove(&id)
            .ok_or(not_found("location", id))?;
        let variants = self
            .products
            .values_mut()
            .flat_map(|product| &mut product.variants);
        for variant in variants {
            variant.item.levels.retain(|level| level.location != id);
        }
        Ok(((), vec![Event::new("locations/delete", body::id_only(id))]))
    }
}
