//! What a discount gives, to what, and on which conditions.

use serde::{Deserialize, Serialize};

use super::union::union;
use super::{Connection, Money, SortLists, scalar};
use crate::Gid;

/// Which other discounts it may be used with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CombinesWith {
    /// Those on orders.
    pub order_discounts: bool,
    /// Those on products.
    pub product_discounts: bool,
    /// Those on shipping.
    pub shipping_discounts: bool,
}

/// Who may use it, by kind alone: the customers themselves are not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountContext {
    /// `DiscountBuyerSelectionAll`, `DiscountCustomers`, `DiscountCustomerSegments` or `DiscountMarkets`.
    #[serde(rename = "__typename")]
    pub type_name: String,
}

union! {
    /// What must be bought at least.
    MinimumRequirement {
        /// So many.
        DiscountMinimumQuantity(DiscountMinimumQuantity),
        /// For so much.
        DiscountMinimumSubtotal(DiscountMinimumSubtotal),
    }
}

/// At least so many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountMinimumQuantity {
    /// An integer.
    #[serde(deserialize_with = "scalar::text")]
    pub greater_than_or_equal_to_quantity: String,
}

/// For at least so much.
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
    /// On what is bought once.
    pub applies_on_one_time_purchase: bool,
    /// On what is subscribed to.
    pub applies_on_subscription: bool,
    /// How much.
    pub value: CustomerGetsValue,
    /// On what.
    pub items: DiscountItems,
}

union! {
    /// How much a customer gets.
    CustomerGetsValue {
        /// A fixed amount.
        DiscountAmount(DiscountAmount),
        /// A part of the price.
        DiscountPercentage(DiscountPercentage),
        /// So many for less.
        DiscountOnQuantity(DiscountOnQuantity),
    }
}

union! {
    /// How much less each costs.
    DiscountEffect {
        /// A fixed amount.
        DiscountAmount(DiscountAmount),
        /// A part of the price.
        DiscountPercentage(DiscountPercentage),
    }
}

/// A fixed amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAmount {
    /// Off each, or off all together.
    pub applies_on_each_item: bool,
    /// The amount.
    pub amount: Money,
}

/// A part of the price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscountPercentage {
    /// From 0 to 1.
    pub percentage: f64,
}

/// So many for less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscountOnQuantity {
    /// How many.
    pub quantity: DiscountQuantity,
    /// How much less.
    pub effect: DiscountEffect,
}

/// So many.
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
    /// Whether what is bought once counts.
    pub is_one_time_purchase: bool,
    /// Whether what is subscribed to counts.
    pub is_subscription: bool,
    /// How many, or for how much.
    pub value: CustomerBuysValue,
    /// Of what.
    pub items: DiscountItems,
}

union! {
    /// How much must be bought.
    CustomerBuysValue {
        /// So many.
        DiscountQuantity(DiscountQuantity),
        /// For so much.
        DiscountPurchaseAmount(DiscountPurchaseAmount),
    }
}

/// For so much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountPurchaseAmount {
    /// A decimal in the shop's currency.
    #[serde(deserialize_with = "scalar::text")]
    pub amount: String,
}

union! {
    /// The things that a discount is about.
    DiscountItems {
        /// Everything.
        AllDiscountItems(AllDiscountItems),
        /// These products and variants.
        DiscountProducts(DiscountProducts),
        /// These collections.
        DiscountCollections(DiscountCollections),
    }
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllDiscountItems {
    /// Always true.
    pub all_items: bool,
}

/// Products and variants, all of them, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountProducts {
    /// Products with all their variants.
    pub products: Connection<Reference>,
    /// Single variants.
    pub product_variants: Connection<Reference>,
}

/// Collections, all of them, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountCollections {
    /// The collections.
    pub collections: Connection<Reference>,
}

/// Names a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its global id.
    pub id: Gid,
}

union! {
    /// Where shipping costs less.
    DestinationSelection {
        /// To everywhere.
        DiscountCountryAll(DiscountCountryAll),
        /// To these countries.
        DiscountCountries(DiscountCountries),
    }
}

/// To everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCountryAll {
    /// Always true.
    pub all_countries: bool,
}

/// To these countries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCountries {
    /// ISO 3166-1 alpha-2, sorted.
    pub countries: Vec<String>,
    /// And to all that have no shipping zone of their own.
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
