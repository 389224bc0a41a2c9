//! Reads the identifying fields of a webhook body.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::WebhookError;
use super::verify::is_object;
use crate::{Gid, ShopDomain};

/// The fields of a body that identify its object. The rest, which may be megabytes, is skipped.
///
/// The values stay raw JSON, so that an unexpected value only counts as missing.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct BodyFields<'a> {
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) admin_graphql_api_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) product_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) inventory_item_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) location_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) updated_at: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) redeem_code: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) shop_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) shop_domain: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) myshopify_domain: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) previous: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) current: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) status: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error_code: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) completed_at: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) customer: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) data_request: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) orders_requested: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) orders_to_redact: Option<&'a RawValue>,
}

/// An object of which only the id is read.
#[derive(Deserialize)]
struct ObjectWithId<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

impl<'a> BodyFields<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, WebhookError> {
        // The deserialiser would also accept an array.
        if !is_object(body) {
            return Err(WebhookError::InvalidBody);
        }
        serde_json::from_slice(body).map_err(|_| WebhookError::InvalidBody)
    }

    /// Returns the object's number, from its own field or from the global id.
    pub(super) fn object_number(&self) -> Option<u64> {
        number(self.id).or_else(|| Some(self.gid()?.number()))
    }

    pub(super) fn gid(&self) -> Option<Gid> {
        let text: String = value(self.admin_graphql_api_id)?;
        Gid::try_from(text).ok()
    }

    pub(super) fn updated_at(&self) -> Option<DateTime<Utc>> {
        value(self.updated_at)
    }

    /// Returns the shop's permanent domain, from either of its two fields.
    pub(super) fn shop(&self) -> Option<ShopDomain> {
        let domain = |raw| ShopDomain::parse_domain(&value::<String>(raw)?).ok();
        domain(self.shop_domain).or_else(|| domain(self.myshopify_domain))
    }
}

/// Deserialises a value; `None` if it has an unexpected type.
pub(super) fn value<T: DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Parses a number, exact beyond 2^53, given as a number or a string of digits.
pub(super) fn number(raw: Option<&RawValue>) -> Option<u64> {
    value(raw).or_else(|| value::<String>(raw)?.parse().ok())
}

/// Returns the id of a nested object.
pub(super) fn number_within(raw: Option<&RawValue>) -> Option<u64> {
    let within: ObjectWithId = serde_json::from_str(raw?.get()).ok()?;
    number(within.id)
}
