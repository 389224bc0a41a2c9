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
    /// `gid://shopify/DiscountCodeNode/…` or `…/DiscountAutomaticNode/…`, by its kind, however it was found. The
    /// number is the same under all of Shopify's names for it.
    pub id: Gid,
    /// What it is.
    pub discount: DiscountKind,
}

union! {
    /// What a discount is.
    DiscountKind {
        /// A code for money off.
        DiscountCodeBasic(DiscountCodeBasic),
        /// A code for "buy X, get Y".
        DiscountCodeBxgy(DiscountCodeBxgy),
        /// A code for free shipping.
        DiscountCodeFreeShipping(DiscountCodeFreeShipping),
        /// A code whose effect an app decides.
        DiscountCodeApp(DiscountCodeApp),
        /// Money off without a code.
        DiscountAutomaticBasic(DiscountAutomaticBasic),
        /// "Buy X, get Y" without a code.
        DiscountAutomaticBxgy(DiscountAutomaticBxgy),
        /// Free shipping without a code.
        DiscountAutomaticFreeShipping(DiscountAutomaticFreeShipping),
        /// A discount without a code whose effect an app decides.
        DiscountAutomaticApp(DiscountAutomaticApp),
    }
}

/// What all kinds have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCommon {
    /// What the merchant calls it; customers see it of automatic ones.
    pub title: String,
    /// `ACTIVE`, `EXPIRED` or `SCHEDULED` when it was read. It changes by the clock, without a webhook.
    pub status: String,
    /// RFC 3339.
    pub starts_at: String,
    /// RFC 3339; `None`: without end.
    pub ends_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// The merchant's tags, sorted.
    pub tags: Vec<String>,
    /// `ORDER`, `PRODUCT`, `SHIPPING`, sorted.
    pub discount_classes: Vec<String>,
    /// Which other discounts it may be used with.
    pub combines_with: CombinesWith,
    /// Who may use it.
    pub context: DiscountContext,
}

/// What a customer types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemCode {
    /// `gid://shopify/DiscountRedeemCode/…`
    pub id: String,
    /// The code.
    pub code: String,
}

/// An app's kind of discount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppDiscountType {
    /// The app's client id.
    pub app_key: String,
    /// The function that decides.
    pub function_id: String,
    /// What the app calls it.
    pub title: String,
}

/// A code for money off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCodeBasic {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// In words.
    pub summary: String,
    /// In fewer words.
    pub short_summary: String,
    /// How often it can be used in all; `None`: without limit.
    pub usage_limit: Option<i64>,
    /// Whether each customer can use it only once.
    pub applies_once_per_customer: bool,
    /// How many payments of a subscription it lowers.
    pub recurring_cycle_limit: Option<i64>,
    /// All of them, sorted.
    pub codes: Connection<RedeemCode>,
    /// What must be bought at least.
    pub minimum_requirement: Option<MinimumRequirement>,
    /// What the customer gets.
    pub customer_gets: CustomerGets,
}

/// A code for "buy X, get Y".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCodeBxgy {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// In words.
    pub summary: String,
    /// How often it can be used in all; `None`: without limit.
    pub usage_limit: Option<i64>,
    /// How often it can be used in one order.
    pub uses_per_order_limit: Option<i64>,
    /// Whether each customer can use it only once.
    pub applies_once_per_customer: bool,
    /// All of them, sorted.
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
    /// What all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// In words.
    pub summary: String,
    /// In fewer words.
    pub short_summary: String,
    /// How often it can be used in all; `None`: without limit.
    pub usage_limit: Option<i64>,
    /// Whether each customer can use it only once.
    pub applies_once_per_customer: bool,
    /// On what is bought once.
    pub applies_on_one_time_purchase: bool,
    /// On what is subscribed to.
    pub applies_on_subscription: bool,
    /// How many payments of a subscription it lowers.
    pub recurring_cycle_limit: Option<i64>,
    /// All of them, sorted.
    pub codes: Connection<RedeemCode>,
    /// What must be bought at least.
    pub minimum_requirement: Option<MinimumRequirement>,
    /// Only shipping up to this price is free.
    pub maximum_shipping_price: Option<Money>,
    /// Where to.
    pub destination_selection: DestinationSelection,
}

/// A code whose effect an app decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountCodeApp {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// How often it can be used in all; `None`: without limit.
    pub usage_limit: Option<i64>,
    /// Whether each customer can use it only once.
    pub applies_once_per_customer: bool,
    /// On what is bought once.
    pub applies_on_one_time_purchase: bool,
    /// On what is subscribed to.
    pub applies_on_subscription: bool,
    /// How many payments of a subscription it lowers.
    pub recurring_cycle_limit: Option<i64>,
    /// The discount's id.
    pub discount_id: String,
    /// All of them, sorted.
    pub codes: Connection<RedeemCode>,
    /// The app's kind of discount.
    pub app_discount_type: AppDiscountType,
}

/// Money off without a code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAutomaticBasic {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// In words.
    pub summary: String,
    /// In fewer words.
    pub short_summary: String,
    /// How many payments of a subscription it lowers.
    #[serde(alias = "automaticCycleLimit")]
    pub recurring_cycle_limit: i64,
    /// What must be bought at least.
    pub minimum_requirement: Option<MinimumRequirement>,
    /// What the customer gets.
    pub customer_gets: CustomerGets,
}

/// "Buy X, get Y" without a code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAutomaticBxgy {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// In words.
    pub summary: String,
    /// How often it can be used in one order.
    pub uses_per_order_limit: Option<i64>,
    /// What the customer must buy.
    pub customer_buys: CustomerBuys,
    /// What the customer gets.
    pub customer_gets: CustomerGets,
}

/// Free shipping without a code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAutomaticFreeShipping {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// In words.
    pub summary: String,
    /// In fewer words.
    pub short_summary: String,
    /// On what is bought once.
    pub applies_on_one_time_purchase: bool,
    /// On what is subscribed to.
    pub applies_on_subscription: bool,
    /// How many payments of a subscription it lowers.
    #[serde(alias = "automaticCycleLimit")]
    pub recurring_cycle_limit: i64,
    /// What must be bought at least.
    pub minimum_requirement: Option<MinimumRequirement>,
    /// Only shipping up to this price is free.
    pub maximum_shipping_price: Option<Money>,
    /// Where to.
    pub destination_selection: DestinationSelection,
}

/// A discount without a code whose effect an app decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscountAutomaticApp {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: DiscountCommon,
    /// On what is bought once.
    pub applies_on_one_time_purchase: bool,
    /// On what is subscribed to.
    pub applies_on_subscription: bool,
    /// How many payments of a subscription it lowers.
    #[serde(alias = "automaticCycleLimit")]
    pub recurring_cycle_limit: i64,
    /// The discount's id.
    pub discount_id: String,
    /// The app's kind of discount.
    pub app_discount_type: AppDiscountType,
}

impl Discount {
    /// Whether it needs no code. An unknown kind is judged by its name.
    pub fn is_automatic(&self) -> bool {
        self.discount.type_name().starts_with("DiscountAutomatic")
    }

    /// What all known kinds have.
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

    /// The codes, of the kinds that have any.
    pub fn codes(&self) -> Option<&Connection<RedeemCode>> {
        match &self.discount {
            DiscountKind::DiscountCodeBasic(kind) => Some(&kind.codes),
            DiscountKind::DiscountCodeBxgy(kind) => Some(&kind.codes),
            DiscountKind::DiscountCodeFreeShipping(kind) => Some(&kind.codes),
            DiscountKind::DiscountCodeApp(kind) => Some(&kind.codes),
            _ => None,
        }
    }

    /// When it was changed last, RFC 3339; of an unknown kind too, if it says so.
    pub fn updated_at(&self) -> Option<&str> {
        match &self.discount {
            DiscountKind::Other(fields) => fields.get("updatedAt")?.as_str(),
            _ => self.common().map(|common| common.updated_at.as_str()),
        }
    }

    /// What it is called; an unknown kind too, if it says so.
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

    /// The things it is for.
    pub(crate) fn customer_gets_items_mut(&mut self) -> Option<&mut DiscountItems> {
        match &mut self.discount {
            DiscountKind::DiscountCodeBasic(kind) => Some(&mut kind.customer_gets.items),
            DiscountKind::DiscountCodeBxgy(kind) => Some(&mut kind.customer_gets.items),
            DiscountKind::DiscountAutomaticBasic(kind) => Some(&mut kind.customer_gets.items),
            DiscountKind::DiscountAutomaticBxgy(kind) => Some(&mut kind.customer_gets.items),
            _ => None,
        }
    }

    /// The things that must be bought for it.
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
