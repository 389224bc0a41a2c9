//! Applies a merchant's changes to the catalogue and returns the events that Shopify announces for them.

mod marketing;
mod product;
mod stock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::discount::DiscountKind;
use super::model::Cents;

/// Why a change is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no object with this id.
    #[error("there is no {kind} {id}")]
    NotFound {
        /// The type of the object.
        kind: &'static str,
        /// Its number.
        id: u64,
    },
    /// A value is invalid.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// Why it is invalid.
        problem: String,
    },
}

pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> ChangeError {
    ChangeError::Invalid {
        field,
        problem: problem.into(),
    }
}

/// Fields of a product. An absent field keeps its value (in a new product it gets a default).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProductChange {
    /// The title.
    pub title: Option<String>,
    /// The description in HTML.
    pub description_html: Option<String>,
    /// The vendor.
    pub vendor: Option<String>,
    /// The product type.
    pub product_type: Option<String>,
    /// All tags.
    pub tags: Option<Vec<String>>,
    /// `ACTIVE`, `ARCHIVED`, `DRAFT` or `UNLISTED`.
    pub status: Option<String>,
    /// The price of every variant, such as `"12.50"`.
    pub price: Option<String>,
}

/// Fields of a discount. An absent field keeps its value (in a new discount it gets a default).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscountChange {
    /// The kind, for a new discount only; a code discount of ten percent if absent.
    pub kind: Option<DiscountKind>,
    /// The title.
    pub title: Option<String>,
    /// The discount as a fraction, above 0 and at most 1.
    pub percentage: Option<f64>,
    /// All codes; codes that already exist keep their id.
    pub codes: Option<Vec<String>>,
}

/// Fields of a collection. An absent field keeps its value (in a new collection it is empty).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CollectionChange {
    /// The title.
    pub title: Option<String>,
    /// The description in HTML.
    pub description_html: Option<String>,
    /// The tag of a smart collection's condition, for a new collection only.
    pub tag: Option<String>,
    /// The ids of its products, in the merchant's order.
    pub products: Option<Vec<u64>>,
}

/// An event that Shopify announces to subscribers.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) topic: &'static str,
    pub(crate) body: Value,
}

impl Event {
    pub(crate) fn new(topic: &'static str, body: Value) -> Self {
        Self { topic, body }
    }
}

type ChangeResult<T> = Result<(T, Vec<Event>), ChangeError>;

fn not_found(kind: &'static str, id: u64) -> ChangeError {
    ChangeError::NotFound { kind, id }
}

fn money(text: &str) -> Result<Cents, ChangeError> {
    Cents::parse(text)
        .ok_or_else(|| invalid("price", format!("\"{text}\" is not an amount of money")))
}

fn non_empty<'a>(field: &'static str, text: &'a str) -> Result<&'a str, ChangeError> {
    if text.trim().is_empty() {
        return Err(invalid(field, "it is empty"));
    }
    Ok(text)
}
