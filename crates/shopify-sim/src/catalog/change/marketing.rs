//! Creates, changes and deletes discounts and collections, and renames the shop.

use std::sync::Arc;

use super::{ChangeResult, CollectionChange, DiscountChange, Event, invalid, non_empty, not_found};
use crate::catalog::Catalog;
use crate::catalog::discount::{CustomerGets, Discount, DiscountEffect, DiscountKind, RedeemCode};
use crate::catalog::model::{Collection, Seconds, handle};
use crate::webhook::body;

impl Catalog {
    /// Creates a discount.
    pub(crate) fn create_discount(
        &mut self,
        change: &DiscountChange,
        now: Seconds,
    ) -> ChangeResult<u64> {
        let id = self.new_id();
        let kind = change.kind.unwrap_or(DiscountKind::CodeBasic);
        let discount = Discount::new(id, kind, "Offer".to_owned(), now);
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
    ) -> ChangeResult<()> {
        let mut next = self.last_id;
        let discount = self
            .discounts
            .get_mut(&id)
            .ok_or(not_found("discount", id))?;
        if change.kind.is_some() {
            return Err(invalid("kind", "a discount's kind cannot change"));
        }
        if change
            .percentage
            .is_some_and(|share| !(share > 0.0 && share <= 1.0))
        {
            return Err(invalid("percentage", "it must be above 0 and at most 1"));
        }
        let mut events = Vec::new();
        if let Some(codes) = &change.codes {
            if !discount.kind.has_codes() {
                return Err(invalid("codes", "an automatic discount has no codes"));
            }
            let (kept, removed): (Vec<_>, Vec<_>) = discount
                .codes
                .drain(..)
                .partition(|known| codes.iter().any(|code| **code == *known.code));
            discount.codes = kept;
            events.extend(
                removed
                    .iter()
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
            let effect = DiscountEffect::Percentage(share);
            discount.gets = match discount.gets {
                CustomerGets::Effect(_) => CustomerGets::Effect(effect),
                CustomerGets::OnQuantity { quantity, .. } => {
                    CustomerGets::OnQuantity { quantity, effect }
                }
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

    /// Deletes a discount.
    pub(crate) fn delete_discount(&mut self, id: u64, now: Seconds) -> ChangeResult<()> {
        let discount = self
            .discounts
            .remove(&id)
            .ok_or(not_found("discount", id))?;
        Ok((
            (),
            vec![Event::new(
                "discounts/delete",
                body::discount_deleted(&discount, now),
            )],
        ))
    }

    /// Creates a collection.
    pub(crate) fn create_collection(
        &mut self,
        change: &CollectionChange,
        now: Seconds,
    ) -> ChangeResult<u64> {
        let title = change
            .title
            .clone()
            .ok_or_else(|| invalid("title", "a new collection needs a title"))?;
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
        self.update_smart_collections();
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
    ) -> ChangeResult<()> {
        if let Some(missing) = change
            .products
            .iter()
            .flatten()
            .find(|id| !self.products.contains_key(id))
        {
            return Err(not_found("product", *missing));
        }
        let collection = self
            .collections
            .get_mut(&id)
            .ok_or(not_found("collection", id))?;
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

    /// Deletes a collection; its products stay.
    pub(crate) fn delete_collection(&mut self, id: u64) -> ChangeResult<()> {
        self.collections
            .remove(&id)
            .ok_or(not_found("collection", id))?;
        Ok((
            (),
            vec![Event::new(
                "collections/delete",
                body::collection_deleted(id),
            )],
        ))
    }

    /// Renames the shop.
    pub(crate) fn rename_shop(&mut self, name: &str, now: Seconds) -> ChangeResult<()> {
        non_empty("name", name)?.clone_into(&mut self.shop.name);
        self.shop.updated_at = now;
        Ok(((), vec![Event::new("shop/update", body::shop(&self.shop))]))
    }
}
