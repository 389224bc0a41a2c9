//! What a merchant does to a catalogue, and the events that Shopify announces for it.

mod marketing;
mod product;
mod stock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::discount::DiscountKind;
use super::model::Cents;

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Nothing has this id.
    #[error("there is no {kind} {id}")]
    NotFound {
        /// What was looked for.
        kind: &'static str,
        /// Its number.
        id: u64,
    },
    /// A value makes no sense.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> ChangeError {
    ChangeError::Invalid {
        field,
        problem: problem.into(),
    }
}

/// Fields of a product; what is absent stays as it is (or gets a plain default in a new product).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProductChange {
    /// The title.
    pub title: Option<String>,
    /// The description in HTML.
    pub description_html: Option<String>,
    /// The maker.
    pub vendor: Option<String>,
    /// What it is.
    pub product_type: Option<String>,
    /// All its tags.
    pub tags: Option<Vec<String>>,
    /// `ACTIVE`, `ARCHIVED`, `DRAFT` or `UNLISTED`.
    pub status: Option<String>,
    /// The price of every variant, such as `"12.50"`.
    pub price: Option<String>,
}

/// Fields of a discount; what is absent stays as it is (or gets a plain default in a new discount).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscountChange {
    /// Only for a new one; a code discount of ten percent if absent.
    pub kind: Option<DiscountKind>,
    /// The title.
    pub title: Option<String>,
    /// The share taken off, above 0 up to 1.
    pub percentage: Option<f64>,
    /// All its codes; codes that stay keep their id.
    pub codes: Option<Vec<String>>,
}

/// Fields of a collection; what is absent stays as it is (or is empty in a new collection).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CollectionChange {
    /// The title.
    pub title: Option<String>,
    /// The description in HTML.
    pub description_html: Option<String>,
    /// Only for a new one: makes it a smart collection of the products with this tag.
    pub tag: Option<String>,
    /// Numbers of the products in it, in the merchant's order.
    pub products: Option<Vec<u64>>,
}

/// Something Shopify tells its subscribers.
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
    Cents::parse(text).ok_or_else(|| invalid("price", format!("\"{text}\" is no amount of money")))
}

fn non_empty<'a>(field: &'static str, text: &'a str) -> Result<&'a str, ChangeError> {
    if text.trim().is_empty() {
        return Err(invalid(field, "it is empty"));
    }
    Ok(text)
}
