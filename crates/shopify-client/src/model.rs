//! Defines the catalogue's types, in the shape of Shopify's own JSON (Admin GraphQL, 2026-10).
//!
//! Money, timestamps and 64-bit numbers stay the strings that Shopify sends. Values of GraphQL enums are strings too,
//! so that a value added later can be read. Objects from this crate's streams are complete, and the order of their
//! lists depends only on their contents, so that equal objects serialise equally.

mod collection;
mod connection;
mod count;
mod discount;
mod discount_terms;
mod location;
mod product;
pub(crate) mod scalar;
mod shop;
mod subscription;
mod union;

pub use collection::{Collection, ProductSummary};
pub use connection::{Connection, PageInfo};
pub use count::Count;
pub use discount::{
    AppDiscountType, Discount, DiscountAutomaticApp, DiscountAutomaticBasic, DiscountAutomaticBxgy,
    DiscountAutomaticFreeShipping, DiscountCodeApp, DiscountCodeBasic, DiscountCodeBxgy,
    DiscountCodeFreeShipping, DiscountCommon, DiscountKind, RedeemCode,
};
pub use discount_terms::{
    AllDiscountItems, CombinesWith, CustomerBuys, CustomerBuysValue, CustomerGets,
    CustomerGetsValue, DestinationSelection, DiscountAmount, DiscountCollections, DiscountContext,
    DiscountCountries, DiscountCountryAll, DiscountEffect, DiscountItems, DiscountMinimumQuantity,
    DiscountMinimumSubtotal, DiscountOnQuantity, DiscountPercentage, DiscountProducts,
    DiscountPurchaseAmount, DiscountQuantity, MinimumRequirement, Reference,
};
pub use location::Location;
pub use product::{
    Category, InventoryItem, InventoryLevel, LevelLocation, Metafield, OptionValue, PriceRange,
    Product, ProductOption, Quantity, SelectedOption, Variant,
};
pub use scalar::Money;
pub use shop::{PrimaryDomain, Shop, ShopPlan};
pub use subscription::{NewSubscription, Subscription};

/// Sorts the nested lists of an object into an order that depends only on their contents.
pub(crate) trait SortLists {
    fn sort_lists(&mut self);
}
