//! Webhook deliveries: verification over the raw body, and what a body names.
//!
//! [`Verifier`] checks signatures, with several secrets during a rotation, and says under which one a delivery was
//! right; [`Verifier::explain`] says why one was wrong. [`Topic`] and [`Payload`] say what a delivery is about, by ids
//! alone: a delivery may be late, doubled or out of order, so read the thing again instead of trusting its body.
//!
//! The signature covers the body, not the headers. Before anything is deleted for a delivery, see
//! [`Payload::shop_domain`].
//!
//! Source: Shopify, "Verify webhook deliveries", "Webhooks delivery structure", "Privacy law compliance".

mod explain;
mod fields;
mod payload;
mod topic;
mod verify;

pub use explain::{Explanation, Reencoding};
pub use payload::{BulkStatus, Payload};
pub use topic::{Topic, topic_constant, topic_name};
pub use verify::{
    HeaderFamily, InvalidKey, KeyUse, VerifiedDelivery, Verifier, WebhookError, sign,
};
