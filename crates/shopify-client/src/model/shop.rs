use serde::{Deserialize, Serialize};

use crate::Gid;

/// The shop itself. Neither addresses nor e-mail are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shop {
    /// `gid://shopify/Shop/…`
    pub id: Gid,
    /// What the merchant calls it.
    pub name: String,
    /// `name.myshopify.com`
    pub myshopify_domain: String,
    /// Where customers find it.
    pub primary_domain: PrimaryDomain,
    /// The currency of all prices, ISO 4217.
    pub currency_code: String,
    /// Such as `Europe/Berlin`; discount filters use it.
    pub iana_timezone: String,
    /// `GRAMS`, `KILOGRAMS`, `OUNCES` or `POUNDS`.
    pub weight_unit: String,
    /// What the merchant pays Shopify for.
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
