//! Verifies webhook deliveries over their raw bodies and extracts the ids that they name.
//!
//! [`Verifier`] checks signatures, with several secrets during a rotation, and reports which secret signed a delivery;
//! [`Verifier::explain`] reports why a signature is wrong. [`Topic`] and [`Payload`] identify what has changed, by
//! ids only: a delivery may be late, duplicated or out of order, so read the object again instead of trusting its body.
//!
//! The signature covers the body, not the headers. Before you delete anything because of a delivery, check
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
pub use verify::{InvalidKey, VerifiedDelivery, Verifier, WebhookError, sign};
