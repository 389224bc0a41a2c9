//! Defines the terms of discounts: value, items, conditions and destinations.

use serde::{Deserialize, Serialize};

use super::union::union;
use super::{Connection, Money, SortLists, scalar};
use crate::Gid;

/// The classes of discounts that a discount can be combined with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CombinesWith {
    /// Order discounts.
    pub order_discounts: bool,
    /// Product discounts.
    pub product_discounts: bool,
    /// Shipping discounts.
    pub shipping_discounts: bool,
}

/// The kind of customers who can use a discount. The customers themselves are not requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountContext {
    /// `DiscountBuyerSelectionAll`, `DiscountCustomers`, `DiscountCustomerSegments` or `DiscountMarkets`.
    #[serde(rename = "__typename")]
    pub type_name: String,
}

union! {
    /// The minimum purchase of a discount.
    MinimumRequirement {
        /// A minimum quantity.
        DiscountMinimumQuantity(DiscountMinimumQuantity),
        /// A minimum subtotal.
        DiscountMinimumSubtotal(DiscountMinimumSubtotal),
    }
}

/// A minimum quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountMinimumQuantity {
    /// An integer.
    #[serde(deserialize_with = "scalar::text")]
    pub greater_than_or_equal_to_quantity: String,
}

/// A minimum subtotal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountMinimumSubtotal {
    /// The amount.
    pub greater_than_or_equal_to_subtotal: Money,
}

/// What the customer gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerGets {
    /// Whether it applies to one-time purchases.
    pub applies_on_one_time_purchase: bool,
    /// Whether it applies to subscriptions.
    pub applies_on_subscription: bool,
    /// The value.
    pub value: CustomerGetsValue,
    /// The items it applies to.
    pub items: DiscountItems,
}

union! {
    /// The value of what a customer gets.
    CustomerGetsValue {
        /// A fixed amount.
        DiscountAmount(DiscountAmount),
        /// A percentage of the price.
        DiscountPercentage(DiscountPercentage),
        /// A discount on a quantity.
        DiscountOnQuantity(DiscountOnQuantity),
    }
}

union! {
    /// The reduction of the price of each item.
    DiscountEffect {
        /// A fixed amount.
        DiscountAmount(DiscountAmount),
        /// A percentage of the price.
        DiscountPercentage(DiscountPercentage),
    }
}

/// A fixed amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAmount {
    /// Whether the amount is taken off each item, or once off all items.
    pub applies_on_each_item: bool,
    /// The amount.
    pub amount: Money,
}

/// A percentage of the price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscountPercentage {
    /// From 0 to 1.
    pub percentage: f64,
}

/// A discount on a quantity of items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscountOnQuantity {
    /// The quantity.
    pub quantity: DiscountQuantity,
    /// The reduction.
    pub effect: DiscountEffect,
}

/// A quantity of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountQuantity {
    /// An integer.
    #[serde(deserialize_with = "scalar::text")]
    pub quantity: String,
}

/// What the customer must buy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerBuys {
    /// Whether one-time purchases count.
    pub is_one_time_purchase: bool,
    /// Whether subscriptions count.
    pub is_subscription: bool,
    /// The quantity or amount to buy.
    pub value: CustomerBuysValue,
    /// The items to buy.
    pub items: DiscountItems,
}

union! {
    /// The quantity or amount that must be bought.
    CustomerBuysValue {
        /// A quantity.
        DiscountQuantity(DiscountQuantity),
        /// An amount.
        DiscountPurchaseAmount(DiscountPurchaseAmount),
    }
}

/// A purchase amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountPurchaseAmount {
    /// A decimal in the shop's currency.
    #[serde(deserialize_with = "scalar::text")]
    pub amount: String,
}

union! {
    /// The items that a discount applies to.
    DiscountItems {
        /// All items.
        AllDiscountItems(AllDiscountItems),
        /// These products and variants.
        DiscountProducts(DiscountProducts),
        /// These collections.
        DiscountCollections(DiscountCollections),
    }
}

/// All items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllDiscountItems {
    /// Always true.
    pub all_items: bool,
}

/// Products and variants by id, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountProducts {
    /// Products with all their variants.
    pub products: Connection<Reference>,
    /// Single variants.
    pub product_variants: Connection<Reference>,
}

/// Collections by id, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountCollections {
    /// The collections.
    pub collections: Connection<Reference>,
}

/// A reference to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its global id.
    pub id: Gid,
}

union! {
    /// The destinations of a shipping discount.
    DestinationSelection {
        /// All countries.
        DiscountCountryAll(DiscountCountryAll),
        /// These countries.
        DiscountCountries(DiscountCountries),
    }
}

/// All countries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCountryAll {
    /// Always true.
    pub all_countries: bool,
}

/// Selected countries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCountries {
    /// ISO 3166-1 alpha-2, sorted.
    pub countries: Vec<String>,
    /// Whether countries without a shipping zone are included.
    pub include_rest_of_world: bool,
}

impl SortLists for DiscountItems {
    fn sort_lists(&mut self) {
        match self {
            Self::DiscountProducts(items) => {
                Reference::sort_lists(&mut items.products);
                Reference::sort_lists(&mut items.product_variants);
            }
            Self::DiscountCollections(items) => Reference::sort_lists(&mut items.collections),
            Self::AllDiscountItems(_) | Self::Other(_) => {}
        }
    }
}

impl SortLists for DestinationSelection {
    fn sort_lists(&mut self) {
        if let Self::DiscountCountries(selection) = self {
            selection.countries.sort_unstable();
        }
    }
}

impl Reference {
    fn sort_lists(references: &mut Connection<Self>) {
        let nodes = references.nodes_mut();
        nodes.sort_by_key(|reference| reference.id.number());
        nodes.dedup_by_key(|reference| reference.id.number());
    }
}
