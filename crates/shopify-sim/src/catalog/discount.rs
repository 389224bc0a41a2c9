//! Models the eight kinds of discount.

use super::model::{Cents, Seconds};

/// Shopify's kinds of discount.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[non_exhaustive]
pub enum DiscountKind {
    /// `DiscountCodeBasic`: an amount or a percentage off, with a code.
    CodeBasic,
    /// `DiscountCodeBxgy`: buy some, get some, with a code.
    CodeBxgy,
    /// `DiscountCodeFreeShipping`: no shipping costs, with a code.
    CodeFreeShipping,
    /// `DiscountCodeApp`: computed by an app, with a code.
    CodeApp,
    /// `DiscountAutomaticBasic`: an amount or a percentage off, without a code.
    AutomaticBasic,
    /// `DiscountAutomaticBxgy`: buy some, get some, without a code.
    AutomaticBxgy,
    /// `DiscountAutomaticFreeShipping`: no shipping costs, without a code.
    AutomaticFreeShipping,
    /// `DiscountAutomaticApp`: computed by an app, without a code.
    AutomaticApp,
}

impl DiscountKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::CodeBasic,
        Self::CodeBxgy,
        Self::CodeFreeShipping,
        Self::CodeApp,
        Self::AutomaticBasic,
        Self::AutomaticBxgy,
        Self::AutomaticFreeShipping,
        Self::AutomaticApp,
    ];

    /// The type's name in the schema.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::CodeBasic => "DiscountCodeBasic",
            Self::CodeBxgy => "DiscountCodeBxgy",
            Self::CodeFreeShipping => "DiscountCodeFreeShipping",
            Self::CodeApp => "DiscountCodeApp",
            Self::AutomaticBasic => "DiscountAutomaticBasic",
            Self::AutomaticBxgy => "DiscountAutomaticBxgy",
            Self::AutomaticFreeShipping => "DiscountAutomaticFreeShipping",
            Self::AutomaticApp => "DiscountAutomaticApp",
        }
    }

    /// Whether a buyer has to enter a code.
    pub fn has_codes(self) -> bool {
        matches!(
            self,
            Self::CodeBasic | Self::CodeBxgy | Self::CodeFreeShipping | Self::CodeApp
        )
    }

    /// The node's type name, for its id in webhooks.
    pub(crate) fn node_type(self) -> &'static str {
        if self.has_codes() {
            "DiscountCodeNode"
        } else {
            "DiscountAutomaticNode"
        }
    }
}

/// A redeem code, entered by a buyer.
#[derive(Debug, Clone)]
pub(crate) struct RedeemCode {
    pub(crate) id: u64,
    pub(crate) code: Box<str>,
    pub(crate) used: i32,
}

/// An amount or a percentage off.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DiscountEffect {
    Amount { amount: Cents, each: bool },
    Percentage(f64),
}

/// `customerGets.value`: what a buyer gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CustomerGets {
    Effect(DiscountEffect),
    OnQuantity {
        quantity: u64,
        effect: DiscountEffect,
    },
}

/// `customerBuys.value`: what a buyer has to buy first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CustomerBuys {
    Quantity(u64),
    Amount(Cents),
}

/// The items that a discount applies to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DiscountItems {
    All,
    Products {
        products: Vec<u64>,
        variants: Vec<u64>,
    },
    Collections(Vec<u64>),
}

/// The minimum requirement for an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MinimumRequirement {
    Quantity(u64),
    Subtotal(Cents),
}

/// The countries that free shipping applies to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Destination {
    All,
    Countries {
        codes: Vec<&'static str>,
        rest_of_world: bool,
    },
}

/// A discount of any kind. Fields that a kind does not have keep their defaults and are never shown.
#[derive(Debug, Clone)]
pub(crate) struct Discount {
    pub(crate) id: u64,
    pub(crate) kind: DiscountKind,
    pub(crate) title: String,
    pub(crate) starts_at: Seconds,
    pub(crate) ends_at: Option<Seconds>,
    pub(crate) created_at: Seconds,
    pub(crate) updated_at: Seconds,
    pub(crate) tags: Vec<String>,
    pub(crate) combines: [bool; 3],
    pub(crate) used: i32,
    pub(crate) usage_limit: Option<i32>,
    pub(crate) once_per_customer: bool,
    pub(crate) uses_per_order: Option<i32>,
    pub(crate) one_time: bool,
    pub(crate) subscription: bool,
    pub(crate) cycle_limit: i32,
    pub(crate) codes: Vec<RedeemCode>,
    pub(crate) minimum: Option<MinimumRequirement>,
    pub(crate) gets: CustomerGets,
    pub(crate) gets_items: DiscountItems,
    pub(crate) buys: CustomerBuys,
    pub(crate) buys_items: DiscountItems,
    pub(crate) max_shipping: Option<Cents>,
    pub(crate) destination: Destination,
}

impl Discount {
    /// A discount of ten percent on everything.
    pub(crate) fn new(id: u64, kind: DiscountKind, title: String, now: Seconds) -> Self {
        Self {
            id,
            kind,
            title,
            starts_at: now,
            ends_at: None,
            created_at: now,
            updated_at: now,
            tags: Vec::new(),
            combines: [false; 3],
            used: 0,
            usage_limit: None,
            once_per_customer: false,
            uses_per_order: None,
            one_time: true,
            subscription: false,
            cycle_limit: 0,
            codes: Vec::new(),
            minimum: None,
            gets: CustomerGets::Effect(DiscountEffect::Percentage(0.1)),
            gets_items: DiscountItems::All,
            buys: CustomerBuys::Quantity(2),
            buys_items: DiscountItems::All,
            max_shipping: None,
            destination: Destination::All,
        }
    }

    /// `SCHEDULED`, `ACTIVE` or `EXPIRED`, at the time `now`.
    pub(crate) fn status(&self, now: Seconds) -> &'static str {
        if self.starts_at > now {
            "SCHEDULED"
        } else if self.ends_at.is_some_and(|end| end <= now) {
            "EXPIRED"
        } else {
            "ACTIVE"
        }
    }

    /// `ORDER`, `PRODUCT` or `SHIPPING`.
    pub(crate) fn class(&self) -> &'static str {
        match self.kind {
            DiscountKind::CodeFreeShipping | DiscountKind::AutomaticFreeShipping => "SHIPPING",
            DiscountKind::CodeBxgy | DiscountKind::AutomaticBxgy => "PRODUCT",
            _ if self.gets_items == DiscountItems::All => "ORDER",
            _ => "PRODUCT",
        }
    }

    pub(crate) fn summary(&self) -> String {
        match (&self.minimum, self.buys_first()) {
            (_, Some(first)) => format!("{first}, get {}", self.short_summary()),
            (Some(MinimumRequirement::Quantity(quantity)), _) => {
                format!("{} • Minimum quantity of {quantity}", self.short_summary())
            }
            (Some(MinimumRequirement::Subtotal(amount)), _) => {
                format!(
                    "{} • Minimum purchase of {}",
                    self.short_summary(),
                    amount.money()
                )
            }
            (None, None) => self.short_summary(),
        }
    }

    pub(crate) fn short_summary(&self) -> String {
        let off = |effect: &DiscountEffect| match effect {
            DiscountEffect::Amount { amount, .. } => format!("{} off", amount.money()),
            DiscountEffect::Percentage(share) => {
                format!("{}% off", (share * 10_000.0).round() / 100.0)
            }
        };
        match (&self.gets, self.class()) {
            (_, "SHIPPING") => "Free shipping".to_owned(),
            (CustomerGets::Effect(effect), _) => off(effect),
            (CustomerGets::OnQuantity { quantity, effect }, _) => {
                format!("{quantity} items at {}", off(effect))
            }
        }
    }

    fn buys_first(&self) -> Option<String> {
        matches!(
            self.kind,
            DiscountKind::CodeBxgy | DiscountKind::AutomaticBxgy
        )
        .then(|| match &self.buys {
            CustomerBuys::Quantity(quantity) => format!("Buy {quantity} items"),
            CustomerBuys::Amount(amount) => format!("Spend {}", amount.money()),
        })
    }
}
