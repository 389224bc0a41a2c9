//! Defines the model of a shop: name, domains, currency, time zone and plan.

use serde::{Deserialize, Serialize};

use crate::Gid;

/// The shop's own data. Addresses and e-mail are not requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shop {
    /// `gid://shopify/Shop/…`
    pub id: Gid,
    /// The merchant's name for it.
    pub name: String,
    /// `name.myshopify.com`
    pub myshopify_domain: String,
    /// The domain that customers use.
    pub primary_domain: PrimaryDomain,
    /// The currency of all prices, ISO 4217.
    pub currency_code: String,
    /// Such as `Europe/Berlin`; discount filters use it.
    pub iana_timezone: String,
    /// `GRAMS`, `KILOGRAMS`, `OUNCES` or `POUNDS`.
    pub weight_unit: String,
    /// The merchant's plan.
    pub plan: ShopPlan,
}

/// A shop's public address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrimaryDomain {
    /// Such as `www.example.com`.
    pub host: String,
    /// Such as `https://www.example.com`.
    pub url: String,
}

/// A shop's plan with Shopify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShopPlan {
    /// Its name.
    pub public_display_name: String,
    /// Whether it is a Plus plan.
    pub shopify_plus: bool,
    /// Whether it is a partner's development shop.
    pub partner_development: bool,
}
