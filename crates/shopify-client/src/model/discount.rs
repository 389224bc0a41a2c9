//! Discounts of all eight kinds.

use serde::{Deserialize, Serialize};

use super::union::union;
use super::{
    CombinesWith, Connection, CustomerBuys, CustomerGets, DestinationSelection, DiscountContext,
    DiscountItems, MinimumRequirement, Money, SortLists,
};
use crate::Gid;

/// A discount of any kind, with all its codes and items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discount {
    /// `gid://shopify/DiscountCodeNode/…` or `…/DiscountAutomaticNode/…`, by its kind.
    /// Shopify uses the same number for `DiscountNode`.
    pub id: Gid,
    /// The kind of the discount, with its fields.
    pub discount: DiscountKind,
}

union! {
    /// The kind of a discount, with its fields.
    DiscountKind {
        /// A code for an amount or a percentage off.
        DiscountCodeBasic(DiscountCodeBasic),
        /// A code for "buy X, get Y".
        DiscountCodeBxgy(DiscountCodeBxgy),
        /// A code for free shipping.
        DiscountCodeFreeShipping(DiscountCodeFreeShipping),
        /// A code whose effect an app determines.
        DiscountCodeApp(DiscountCodeApp),
        /// An automatic discount of an amount or a percentage.
        DiscountAutomaticBasic(DiscountAutomaticBasic),
        /// An automatic "buy X, get Y".
        DiscountAutomaticBxgy(DiscountAutomaticBxgy),
        /// Automatic free shipping.
        DiscountAutomaticFreeShipping(DiscountAutomaticFreeShipping),
        /// An automatic discount whose effect an app determines.
        DiscountAutomaticApp(DiscountAutomaticApp),
    }
}

/// The fields that all kinds have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCommon {
    /// The merchant's title; customers see that of automatic discounts.
    pub title: String,
    /// `ACTIVE`, `EXPIRED` or `SCHEDULED` at the time of reading. It changes with time, without a webhook.
    pub status: String,
    /// RFC 3339.
    pub starts_at: String,
    /// RFC 3339; `None` if it has no end.
    pub ends_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// The merchant's tags, sorted.
    pub tags: Vec<String>,
    /// `ORDER`, `PRODUCT`, `SHIPPING`, sorted.
    pub discount_classes: Vec<String>,
    /// The classes of discounts that it can be combined with.
    pub combines_with: CombinesWith,
    /// The customers who can use it.
    pub context: DiscountContext,
}

/// A code that a customer enters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemCode {
    /// `gid://shopify/DiscountRedeemCode/…`
    pub id: String,
    /// The code.
    pub code: String,
}

/// A type of discount that an app provides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppDiscountType {
    /// The app's client id.
    pub app_key: String,
    /// The function that determines the effect.
    pub function_id: String,
    /// The app's title for it.
    pub title: String,
}

/// A code for an amount or a percentage off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCodeBasic {
    /// The fields that all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// A description in words.
    pub summary: String,
    /// A shorter description in words.
    pub short_summary: String,
    /// How many times it can be used in total; `None` without a limit.
    pub usage_limit: Option<i64>,
    /// Whether each customer can use it only once.
    pub applies_once_per_customer: bool,
    /// The number of payments of a subscription that it applies to.
    pub recurring_cycle_limit: Option<i64>,
    /// All codes, sorted.
    pub codes: Connection<RedeemCode>,
    /// The minimum purchase.
    pub minimum_requirement: Option<MinimumRequirement>,
    /// What the customer gets.
    pub customer_gets: CustomerGets,
}

/// A code for "buy X, get Y".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCodeBxgy {
    /// The fields that all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// A description in words.
    pub summary: String,
    /// How many times it can be used in total; `None` without a limit.
    pub usage_limit: Option<i64>,
    /// How many times it can be used in one order.
    pub uses_per_order_limit: Option<i64>,
    /// Whether each customer can use it only once.
    pub applies_once_per_customer: bool,
    /// All codes, sorted.
    pub codes: Connection<RedeemCode>,
    /// What the customer must buy.
    pub customer_buys: CustomerBuys,
    /// What the customer gets.
    pub customer_gets: CustomerGets,
}

/// A code for free shipping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCodeFreeShipping {
    /// The fields that all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// A description in words.
    pub summary: String,
    /// A shorter description in words.
    pub short_summary: String,
    /// How many times it can be used in total; `None` without a limit.
    pub usage_limit: Option<i64>,
    /// Whether each customer can use it only once.
    pub applies_once_per_customer: bool,
    /// Whether it applies to one-time purchases.
    pub applies_on_one_time_purchase: bool,
    /// Whether it applies to subscriptions.
    pub applies_on_subscription: bool,
    /// The number of payments of a subscription that it applies to.
    pub recurring_cycle_limit: Option<i64>,
    /// All codes, sorted.
    pub codes: Connection<RedeemCode>,
    /// The minimum purchase.
    pub minimum_requirement: Option<MinimumRequirement>,
    /// Shipping is free up to this price; `None` without a limit.
    pub maximum_shipping_price: Option<Money>,
    /// The destinations.
    pub destination_selection: DestinationSelection,
}

/// A code whose effect an app determines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCodeApp {
    /// The fields that all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// How many times it can be used in total; `None` without a limit.
    pub usage_limit: Option<i64>,
    /// Whether each customer can use it only once.
    pub applies_once_per_customer: bool,
    /// Whether it applies to one-time purchases.
    pub applies_on_one_time_purchase: bool,
    /// Whether it applies to subscriptions.
    pub applies_on_subscription: bool,
    /// The number of payments of a subscription that it applies to.
    pub recurring_cycle_limit: Option<i64>,
    /// The discount's id.
    pub discount_id: String,
    /// All codes, sorted.
    pub codes: Connection<RedeemCode>,
    /// The app's type of discount.
    pub app_discount_type: AppDiscountType,
}

/// An automatic discount of an amount or a percentage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAutomaticBasic {
    /// The fields that all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// A description in words.
    pub summary: String,
    /// A shorter description in words.
    pub short_summary: String,
    /// The number of payments of a subscription that it applies to.
    #[serde(alias = "automaticCycleLimit")]
    pub recurring_cycle_limit: i64,
    /// The minimum purchase.
    pub minimum_requirement: Option<MinimumRequirement>,
    /// What the customer gets.
    pub customer_gets: CustomerGets,
}

/// An automatic "buy X, get Y".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAutomaticBxgy {
    /// The fields that all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// A description in words.
    pub summary: String,
    /// How many times it can be used in one order.
    pub uses_per_order_limit: Option<i64>,
    /// What the customer must buy.
    pub customer_buys: CustomerBuys,
    /// What the customer gets.
    pub customer_gets: CustomerGets,
}

/// Automatic free shipping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAutomaticFreeShipping {
    /// The fields that all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// A description in words.
    pub summary: String,
    /// A shorter description in words.
    pub short_summary: String,
    /// Whether it applies to one-time purchases.
    pub applies_on_one_time_purchase: bool,
    /// Whether it applies to subscriptions.
    pub applies_on_subscription: bool,
    /// The number of payments of a subscription that it applies to.
    #[serde(alias = "automaticCycleLimit")]
    pub recurring_cycle_limit: i64,
    /// The minimum purchase.
    pub minimum_requirement: Option<MinimumRequirement>,
    /// Shipping is free up to this price; `None` without a limit.
    pub maximum_shipping_price: Option<Money>,
    /// The destinations.
    pub destination_selection: DestinationSelection,
}

/// An automatic discount whose effect an app determines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAutomaticApp {
    /// The fields that all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// Whether it applies to one-time purchases.
    pub applies_on_one_time_purchase: bool,
    /// Whether it applies to subscriptions.
    pub applies_on_subscription: bool,
    /// The number of payments of a subscription that it applies to.
    #[serde(alias = "automaticCycleLimit")]
    pub recurring_cycle_limit: i64,
    /// The discount's id.
    pub discount_id: String,
    /// The app's type of discount.
    pub app_discount_type: AppDiscountType,
}

impl Discount {
    /// Whether it needs no code. For an unknown kind, the type name decides.
    pub fn is_automatic(&self) -> bool {
        self.discount.type_name().starts_with("DiscountAutomatic")
    }

    /// The fields that all known kinds have; `None` for an unknown kind.
    pub fn common(&self) -> Option<&DiscountCommon> {
        match &self.discount {
            DiscountKind::DiscountCodeBasic(kind) => Some(&kind.common),
            DiscountKind::DiscountCodeBxgy(kind) => Some(&kind.common),
            DiscountKind::DiscountCodeFreeShipping(kind) => Some(&kind.common),
            DiscountKind::DiscountCodeApp(kind) => Some(&kind.common),
            DiscountKind::DiscountAutomaticBasic(kind) => Some(&kind.common),
            DiscountKind::DiscountAutomaticBxgy(kind) => Some(&kind.common),
            DiscountKind::DiscountAutomaticFreeShipping(kind) => Some(&kind.common),
            DiscountKind::DiscountAutomaticApp(kind) => Some(&kind.common),
            DiscountKind::Other(_) => None,
        }
    }

    /// The codes; `None` for kinds without codes.
    pub fn codes(&self) -> Option<&Connection<RedeemCode>> {
        match &self.discount {
            DiscountKind::DiscountCodeBasic(kind) => Some(&kind.codes),
            DiscountKind::DiscountCodeBxgy(kind) => Some(&kind.codes),
            DiscountKind::DiscountCodeFreeShipping(kind) => Some(&kind.codes),
            DiscountKind::DiscountCodeApp(kind) => Some(&kind.codes),
            _ => None,
        }
    }

    /// The time of the last change, RFC 3339; also for an unknown kind that has the field.
    pub fn updated_at(&self) -> Option<&str> {
        match &self.discount {
            DiscountKind::Other(fields) => fields.get("updatedAt")?.as_str(),
            _ => self.common().map(|common| common.updated_at.as_str()),
        }
    }

    /// The title; also for an unknown kind that has the field.
    pub fn title(&self) -> Option<&str> {
        match &self.discount {
            DiscountKind::Other(fields) => fields.get("title")?.as_str(),
            _ => self.common().map(|common| common.title.as_str()),
        }
    }

    pub(crate) fn codes_mut(&mut self) -> Option<&mut Connection<RedeemCode>> {
        match &mut self.discount {
            DiscountKind::DiscountCodeBasic(kind) => Some(&mut kind.codes),
            DiscountKind::DiscountCodeBxgy(kind) => Some(&mut kind.codes),
            DiscountKind::DiscountCodeFreeShipping(kind) => Some(&mut kind.codes),
            DiscountKind::DiscountCodeApp(kind) => Some(&mut kind.codes),
            _ => None,
        }
    }

    /// The items that the customer gets.
    pub(crate) fn customer_gets_items_mut(&mut self) -> Option<&mut DiscountItems> {
        match &mut self.discount {
            DiscountKind::DiscountCodeBasic(kind) => Some(&mut kind.customer_gets.items),
            DiscountKind::DiscountCodeBxgy(kind) => Some(&mut kind.customer_gets.items),
            DiscountKind::DiscountAutomaticBasic(kind) => Some(&mut kind.customer_gets.items),
            DiscountKind::DiscountAutomaticBxgy(kind) => Some(&mut kind.customer_gets.items),
            _ => None,
        }
    }

    /// The items that the customer must buy.
    pub(crate) fn customer_buys_items_mut(&mut self) -> Option<&mut DiscountItems> {
        match &mut self.discount {
            DiscountKind::DiscountCodeBxgy(kind) => Some(&mut kind.customer_buys.items),
            DiscountKind::DiscountAutomaticBxgy(kind) => Some(&mut kind.customer_buys.items),
            _ => None,
        }
    }

    fn common_mut(&mut self) -> Option<&mut DiscountCommon> {
        match &mut self.discount {
            DiscountKind::DiscountCodeBasic(kind) => Some(&mut kind.common),
            DiscountKind::DiscountCodeBxgy(kind) => Some(&mut kind.common),
            DiscountKind::DiscountCodeFreeShipping(kind) => Some(&mut kind.common),
            DiscountKind::DiscountCodeApp(kind) => Some(&mut kind.common),
            DiscountKind::DiscountAutomaticBasic(kind) => Some(&mut kind.common),
            DiscountKind::DiscountAutomaticBxgy(kind) => Some(&mut kind.common),
            DiscountKind::DiscountAutomaticFreeShipping(kind) => Some(&mut kind.common),
            DiscountKind::DiscountAutomaticApp(kind) => Some(&mut kind.common),
            DiscountKind::Other(_) => None,
        }
    }

    fn destination(&mut self) -> Option<&mut DestinationSelection> {
        match &mut self.discount {
            DiscountKind::DiscountCodeFreeShipping(kind) => Some(&mut kind.destination_selection),
            DiscountKind::DiscountAutomaticFreeShipping(kind) => {
                Some(&mut kind.destination_selection)
            }
            _ => None,
        }
    }
}

impl SortLists for Discount {
    fn sort_lists(&mut self) {
        if let Some(common) = self.common_mut() {
            common.tags.sort_unstable();
            common.discount_classes.sort_unstable();
        }
        if let Some(codes) = self.codes_mut() {
            let codes = codes.nodes_mut();
            codes.sort_by(|a, b| (&a.code, &a.id).cmp(&(&b.code, &b.id)));
            codes.dedup_by(|a, b| a.id == b.id);
        }
        if let Some(items) = self.customer_gets_items_mut() {
            items.sort_lists();
        }
        if let Some(items) = self.customer_buys_items_mut() {
            items.sort_lists();
        }
        if let Some(destination) = self.destination() {
            destination.sort_lists();
        }
    }
}
