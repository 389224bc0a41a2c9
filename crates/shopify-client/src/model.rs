//! The catalogue, in the shape of Shopify's own JSON (Admin GraphQL, 2026-10).
//!
//! Money, timestamps and 64-bit numbers stay the texts that Shopify sends; an enum's value is its name, so that a value
//! added tomorrow changes nothing here. What comes out of a stream is complete, and its lists are in an order that
//! depends on their contents alone, so that equal things are written equally.

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

/// Puts the lists within a thing into an order that depends on their contents alone.
pub(crate) trait SortLists {
    fn sort_lists(&mut self);
}
