//! Parses webhook bodies into the ids that they name.

use chrono::{DateTime, Utc};

use super::fields::{BodyFields, number, number_within, value};
use super::{Topic, WebhookError};
use crate::{Gid, ShopDomain};

/// The ids in a webhook body, exact beyond 2^53, and the values that cannot be read again from the API. Nothing else is
/// extracted, since a body may be a day old.
///
/// ```
/// use shopify_client::webhook::{Payload, Topic};
///
/// let topic = Topic::from("inventory_levels/update");
/// let body = br#"{"inventory_item_id":271878346596884015,"location_id":24826418,"available":null}"#;
/// let Ok(Payload::InventoryLevel { inventory_item_id, location_id, .. }) = Payload::read(&topic, body) else {
///     panic!("no inventory level");
/// };
/// assert_eq!((inventory_item_id, location_id), (271_878_346_596_884_015, 24_826_418));
/// ```
///
/// Source: Shopify, "Webhooks: topics and payloads" of API version 2026-10; "Privacy law compliance".
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// `products/*`
    Product {
        /// The product's number.
        id: u64,
        /// Absent when it was deleted.
        updated_at: Option<DateTime<Utc>>,
    },
    /// `variants/*`
    Variant {
        /// The variant's number.
        id: u64,
        /// Its product's number.
        product_id: Option<u64>,
        /// Its inventory item's number.
        inventory_item_id: Option<u64>,
    },
    /// `collections/*`
    Collection {
        /// The collection's number.
        id: u64,
        /// Absent when it was deleted.
        updated_at: Option<DateTime<Utc>>,
    },
    /// `discounts/*`
    Discount {
        /// Of type `DiscountCodeNode` or `DiscountAutomaticNode`.
        gid: Gid,
        /// The number of the added or removed code, for the topics about codes.
        redeem_code: Option<u64>,
        /// Absent when it was deleted.
        updated_at: Option<DateTime<Utc>>,
    },
    /// `inventory_items/*`
    InventoryItem {
        /// The inventory item's number.
        id: u64,
        /// Absent when it was deleted.
        updated_at: Option<DateTime<Utc>>,
    },
    /// `inventory_levels/*`: a location and an inventory item; the body does not name the variant.
    InventoryLevel {
        /// The inventory item's number.
        inventory_item_id: u64,
        /// The location's number.
        location_id: u64,
        /// Absent when it was disconnected.
        updated_at: Option<DateTime<Utc>>,
    },
    /// `locations/*`
    Location {
        /// The location's number.
        id: u64,
    },
    /// `domains/*`
    Domain {
        /// The domain's number.
        id: u64,
    },
    /// `shop/update`
    Shop {
        /// The shop's number.
        id: Option<u64>,
        /// Its permanent domain.
        shop: Option<ShopDomain>,
    },
    /// `app/uninstalled`
    Uninstalled {
        /// The shop's number.
        shop_id: Option<u64>,
        /// Its permanent domain, if the body contains it.
        shop: Option<ShopDomain>,
    },
    /// `app/scopes_update`
    Scopes {
        /// The scopes granted before.
        previous: Vec<String>,
        /// The scopes granted now.
        current: Vec<String>,
        /// When it changed.
        updated_at: Option<DateTime<Utc>>,
    },
    /// `bulk_operations/finish`. The body does not contain the result's URL: query the operation.
    BulkOperation {
        /// Of type `BulkOperation`.
        gid: Gid,
        /// Its final status.
        status: BulkStatus,
        /// The API's error code, in lower case.
        error_code: Option<String>,
        /// When it ended.
        completed_at: Option<DateTime<Utc>>,
    },
    /// `customers/data_request`, to be fulfilled within 30 days.
    CustomersDataRequest {
        /// The shop's number.
        shop_id: Option<u64>,
        /// Its permanent domain.
        shop: ShopDomain,
        /// The customer's number.
        customer_id: Option<u64>,
        /// The request's number.
        data_request_id: Option<u64>,
        /// The numbers of the requested orders.
        orders: Vec<u64>,
    },
    /// `customers/redact`, to be fulfilled within 30 days.
    CustomersRedact {
        /// The shop's number.
        shop_id: Option<u64>,
        /// Its permanent domain.
        shop: ShopDomain,
        /// The customer's number.
        customer_id: Option<u64>,
        /// The numbers of the orders to erase.
        orders: Vec<u64>,
    },
    /// `shop/redact`, to be fulfilled within 30 days. It may be late: make sure that the app is not installed again.
    ShopRedact {
        /// The shop's number.
        shop_id: Option<u64>,
        /// Its permanent domain.
        shop: ShopDomain,
    },
    /// Any other topic, or a body without the expected ids.
    Other,
}

/// The final status of a bulk operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BulkStatus {
    /// It completed; its result is complete.
    Completed,
    /// It was cancelled.
    Canceled,
    /// It failed.
    Failed,
    /// It took too long, or its result has expired.
    Expired,
    /// Any other status, as spelled in the body.
    Other(String),
}

impl From<&str> for BulkStatus {
    fn from(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "completed" => Self::Completed,
            "canceled" | "cancelled" => Self::Canceled,
            "failed" => Self::Failed,
            "expired" => Self::Expired,
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl Payload {
    /// Parses a body of the topic.
    ///
    /// # Errors
    /// [`WebhookError::InvalidBody`] if the body is not a JSON object, which begins with `{`.
    pub fn read(topic: &Topic, body: &[u8]) -> Result<Self, WebhookError> {
        let fields = BodyFields::read(body)?;
        Ok(Self::from_fields(topic, &fields).unwrap_or(Self::Other))
    }

    /// Returns the shop that the body names. The body is signed, unlike the header.
    ///
    /// Some bodies name no shop. If one does, compare it with [`VerifiedDelivery::shop`](super::VerifiedDelivery::shop)
    /// before you delete anything: anyone who has seen a signed body can replay it with other headers.
    pub fn shop_domain(&self) -> Option<&ShopDomain> {
        match self {
            Self::Shop { shop, .. } | Self::Uninstalled { shop, .. } => shop.as_ref(),
            Self::CustomersDataRequest { shop, .. }
            | Self::CustomersRedact { shop, .. }
            | Self::ShopRedact { shop, .. } => Some(shop),
            _ => None,
        }
    }

    fn from_fields(topic: &Topic, fields: &BodyFields<'_>) -> Option<Self> {
        let resource = topic.as_str().split('/').next().unwrap_or_default();
        match resource {
            "shop" | "app" | "customers" | "bulk_operations" => Self::shop_level(topic, fields),
            _ => Self::catalog_object(resource, fields),
        }
    }

    fn catalog_object(resource: &str, fields: &BodyFields<'_>) -> Option<Self> {
        let updated_at = fields.updated_at();
        let own = || fields.object_number();
        Some(match resource {
            "products" => Self::Product {
                id: own()?,
                updated_at,
            },
            "variants" => Self::Variant {
                id: own()?,
                product_id: number(fields.product_id),
                inventory_item_id: number(fields.inventory_item_id),
            },
            "collections" => Self::Collection {
                id: own()?,
                updated_at,
            },
            "discounts" => Self::Discount {
                gid: fields.gid()?,
                redeem_code: number_within(fields.redeem_code),
                updated_at,
            },
            "inventory_items" => Self::InventoryItem {
                id: own()?,
                updated_at,
            },
            "inventory_levels" => Self::InventoryLevel {
                inventory_item_id: number(fields.inventory_item_id)?,
                location_id: number(fields.location_id)?,
                updated_at,
            },
            "locations" => Self::Location { id: own()? },
            "domains" => Self::Domain { id: own()? },
            _ => return None,
        })
    }

    fn shop_level(topic: &Topic, fields: &BodyFields<'_>) -> Option<Self> {
        let shop_id = number(fields.shop_id);
        let customer_id = number_within(fields.customer);
        Some(match topic {
            Topic::ShopUpdate => Self::Shop {
                id: fields.object_number(),
                shop: fields.shop(),
            },
            Topic::AppUninstalled => Self::Uninstalled {
                shop_id: fields.object_number(),
                shop: fields.shop(),
            },
            Topic::AppScopesUpdate => Self::Scopes {
                previous: value(fields.previous)?,
                current: value(fields.current)?,
                updated_at: fields.updated_at(),
            },
            Topic::BulkOperationsFinish => Self::BulkOperation {
                gid: fields.gid()?,
                status: value::<String>(fields.status)?.as_str().into(),
                error_code: value(fields.error_code),
                completed_at: value(fields.completed_at),
            },
            Topic::CustomersDataRequest => Self::CustomersDataRequest {
                shop_id,
                shop: fields.shop()?,
                customer_id,
                data_request_id: number_within(fields.data_request),
                orders: value(fields.orders_requested).unwrap_or_default(),
            },
            Topic::CustomersRedact => Self::CustomersRedact {
                shop_id,
                shop: fields.shop()?,
                customer_id,
                orders: value(fields.orders_to_redact).unwrap_or_default(),
            },
            Topic::ShopRedact => Self::ShopRedact {
                shop_id,
                shop: fields.shop()?,
            },
            _ => return None,
        })
    }
}
