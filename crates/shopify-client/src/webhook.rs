//! Webhook deliveries: verification over the raw body, and what a body names.
//!
//! Source: Shopify, "Verify webhook deliveries" and "Webhooks delivery structure".

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::{Gid, ShopDomain};

/// Checks the signatures of deliveries.
pub struct Verifier(Vec<hmac::Key>);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({} secrets)", self.0.len())
    }
}

/// A delivery whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// `products/update` and so on.
    pub topic: String,
    /// The shop it speaks of.
    pub shop: ShopDomain,
    /// The delivery's own id, constant over its retries. Without the header, a digest of the signature.
    pub webhook_id: String,
    /// The same for all deliveries of one action.
    pub event_id: Option<String>,
    /// When the action happened.
    pub triggered_at: Option<DateTime<Utc>>,
    /// The API version that wrote the body.
    pub api_version: Option<String>,
}

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is no signature. Answer 401.
    #[error("the signature is missing")]
    MissingSignature,
    /// The signature is not that of the body under any of the secrets. Answer 401.
    #[error("the signature is wrong")]
    WrongSignature,
    /// The topic is missing. Answer 400.
    #[error("the topic is missing")]
    MissingTopic,
    /// The shop is missing or is no shop. Answer 400.
    #[error("the shop domain is missing or is none")]
    InvalidShop,
    /// The body is not a JSON object. Answer 400.
    #[error("the body is not a JSON object")]
    InvalidBody,
}

impl Verifier {
    /// A verifier that accepts any of the secrets: during a rotation Shopify signs with the oldest that has not been
    /// revoked.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let key = |secret: &SecretString| {
            hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
        };
        Self(secrets.into_iter().map(key).collect())
    }

    /// Checks a delivery. `header` looks a header up by its lower-case name; `body` is what came over the wire.
    ///
    /// Headers are read with either prefix, `X-Shopify-` or `Shopify-`. The signature is checked first, in
    /// constant time, so that nothing about a forged delivery is told.
    ///
    /// # Errors
    /// See [`WebhookError`].
    pub fn verify<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Verified, WebhookError> {
        let header = |name: &str| {
            header(&format!("x-shopify-{name}")).or_else(|| header(&format!("shopify-{name}")))
        };
        let signature = header("hmac-sha256").ok_or(WebhookError::MissingSignature)?;
        let tag = BASE64
            .decode(signature)
            .map_err(|_| WebhookError::WrongSignature)?;
        // Every secret is tried, so that the time taken does not tell which one fits.
        let fits = self
            .0
            .iter()
            .filter(|key| hmac::verify(key, body, &tag).is_ok())
            .count();
        if fits == 0 {
            return Err(WebhookError::WrongSignature);
        }
        // The same secret signs query strings of the OAuth flow. They never begin like this.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(WebhookError::InvalidBody);
        }
        let topic = header("topic").filter(|topic| !topic.is_empty());
        let shop = header("shop-domain").ok_or(WebhookError::InvalidShop)?;
        Ok(Verified {
            topic: topic.ok_or(WebhookError::MissingTopic)?.to_owned(),
            shop: ShopDomain::parse_domain(shop).map_err(|_| WebhookError::InvalidShop)?,
            webhook_id: header("webhook-id").map_or_else(|| hex::encode(&tag), str::to_owned),
            event_id: header("event-id").map(str::to_owned),
            triggered_at: header("triggered-at").and_then(|at| at.parse().ok()),
            api_version: header("api-version").map(str::to_owned),
        })
    }
}

/// Signs a body as Shopify does: base64 of HMAC-SHA256. For tests of one's own endpoint.
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    BASE64.encode(hmac::sign(&key, body))
}

/// The API's name of a topic: `products/update` is `PRODUCTS_UPDATE`. Any text is turned so, whether Shopify knows it
/// or not.
pub fn topic_constant(topic: &str) -> String {
    topic.to_ascii_uppercase().replace(['/', '.'], "_")
}

/// The name that deliveries carry of a topic that the API lists: `PRODUCTS_UPDATE` is `products/update`.
///
/// An underscore may stand for either sign, so the resources that have one in their name are known here. Of a topic
/// that is new, the first underscore is taken for the slash.
pub fn topic_name(constant: &str) -> String {
    let name = constant.to_ascii_lowercase();
    let known = RESOURCES.iter().filter(|resource| {
        let rest = name.strip_prefix(**resource);
        rest.is_some_and(|rest| rest.starts_with('_'))
    });
    let longest = known.map(|resource| resource.len()).max();
    match longest.or_else(|| name.find('_')) {
        // These few are written with a dot.
        Some(dot) if &name[..dot] == "customer" => name.replacen('_', ".", 1),
        Some(slash) => format!("{}/{}", &name[..slash], &name[slash + 1..]),
        None => name,
    }
}

/// The resources of API version 2026-10 with an underscore in their name.
const RESOURCES: &[&str] = &[
    "app_purchases_one_time",
    "app_subscriptions",
    "audit_events",
    "bulk_operations",
    "collection_listings",
    "collection_publications",
    "company_contact_roles",
    "company_contacts",
    "company_locations",
    "customer_account_settings",
    "customer_groups",
    "customer_payment_methods",
    "customers_email_marketing_consent",
    "customers_marketing_consent",
    "customers_whats_app_marketing_consent",
    "delivery_promise_settings",
    "draft_orders",
    "finance_app_staff_member",
    "finance_kyc_information",
    "fulfillment_events",
    "fulfillment_holds",
    "fulfillment_orders",
    "inventory_items",
    "inventory_levels",
    "inventory_shipments",
    "inventory_transfers",
    "markets_backup_region",
    "metafield_definitions",
    "order_transactions",
    "payment_schedules",
    "payment_terms",
    "product_feeds",
    "product_listings",
    "product_publications",
    "reverse_deliveries",
    "reverse_fulfillment_orders",
    "scheduled_product_listings",
    "selling_plan_groups",
    "shipping_addresses",
    "subscription_billing_attempts",
    "subscription_billing_cycle_edits",
    "subscription_billing_cycles",
    "subscription_contracts",
    "tax_services",
    "tender_transactions",
];

/// What a body names: enough to read the thing again, and nothing that could be copied from a stale body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// `products/*`
    Product(u64),
    /// `collections/*`
    Collection(u64),
    /// `discounts/*`
    Discount(u64),
    /// `inventory_levels/*` and `inventory_items/*`
    InventoryItem(u64),
    /// `locations/*`
    Location(u64),
    /// `shop/update`, `domains/*`
    Shop,
    /// `app/uninstalled`
    Uninstalled,
    /// `app/scopes_update`
    Scopes,
    /// `shop/redact`
    Redact,
    /// Any other topic, or a body that names nothing.
    Other,
}

impl Subject {
    /// Reads a body of the topic.
    ///
    /// # Errors
    /// [`WebhookError::InvalidBody`] if the body is not a JSON object.
    pub fn read(topic: &str, body: &[u8]) -> Result<Self, WebhookError> {
        let body: Value = serde_json::from_slice(body).map_err(|_| WebhookError::InvalidBody)?;
        if !body.is_object() {
            return Err(WebhookError::InvalidBody);
        }
        let resource = topic.split('/').next().unwrap_or_default();
        let named = match resource {
            "products" => number(&body, "id").map(Self::Product),
            "collections" => number(&body, "id").map(Self::Collection),
            "discounts" => number(&body, "id").map(Self::Discount),
            "inventory_items" => number(&body, "id").map(Self::InventoryItem),
            "inventory_levels" => number(&body, "inventory_item_id").map(Self::InventoryItem),
            "locations" => number(&body, "id").map(Self::Location),
            "domains" => Some(Self::Shop),
            "shop" | "app" => match topic {
                "shop/update" => Some(Self::Shop),
                "shop/redact" => Some(Self::Redact),
                "app/uninstalled" => Some(Self::Uninstalled),
                "app/scopes_update" => Some(Self::Scopes),
                _ => None,
            },
            _ => None,
        };
        Ok(named.unwrap_or(Self::Other))
    }
}

/// A number by its own field, or from the global id. JSON numbers beyond 2^53 stay exact as `u64`.
fn number(body: &Value, field: &str) -> Option<u64> {
    let by_field = || match body.get(field)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let by_gid = || {
        let gid = body.get("admin_graphql_api_id")?.as_str()?;
        Some(Gid::try_from(gid.to_owned()).ok()?.number())
    };
    by_field().or_else(by_gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":788032119674292922}"#;
    const SIGNATURE: &str = "fhhqwxYconmiOqTJ0cD1XzOlT7ONdp6Ryc18pkvlq5Q=";

    fn hush() -> SecretString {
        SecretString::from("hush")
    }

    fn headers(prefix: &str, signature: &str) -> Vec<(String, String)> {
        [
            ("hmac-sha256", signature),
            ("topic", "products/update"),
            ("shop-domain", "a.myshopify.com"),
            ("webhook-id", "w1"),
            ("triggered-at", "2026-11-24T12:00:00.123456789Z"),
        ]
        .map(|(name, value)| (format!("{prefix}{name}"), value.to_owned()))
        .into()
    }

    fn verify(
        verifier: &Verifier,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Verified, WebhookError> {
        let find = |name: &str| headers.iter().find(|(known, _)| known == name);
        verifier.verify(|name| find(name).map(|(_, value)| value.as_str()), body)
    }

    #[test]
    fn the_documented_signature_is_right_with_either_prefix() {
        let verifier = Verifier::new([&hush()]);
        assert_eq!(sign(&hush(), BODY), SIGNATURE);
        for prefix in ["x-shopify-", "shopify-"] {
            let delivery = verify(&verifier, &headers(prefix, SIGNATURE), BODY).unwrap();
            assert_eq!(delivery.topic, "products/update");
            assert_eq!(delivery.shop.as_str(), "a.myshopify.com");
            assert_eq!(delivery.webhook_id, "w1");
            assert!(delivery.triggered_at.is_some());
        }
    }

    #[test]
    fn any_of_the_secrets_may_sign() {
        let other = SecretString::from("other");
        let headers = headers("x-shopify-", SIGNATURE);
        assert!(verify(&Verifier::new([&other, &hush()]), &headers, BODY).is_ok());
        let refused = verify(&Verifier::new([&other]), &headers, BODY);
        assert_eq!(refused, Err(WebhookError::WrongSignature));
        assert_eq!(
            verify(&Verifier::new([]), &headers, BODY),
            Err(WebhookError::WrongSignature)
        );
    }

    #[test]
    fn a_forged_delivery_is_refused_before_anything_else() {
        let verifier = Verifier::new([&hush()]);
        let good = headers("x-shopify-", SIGNATURE);
        let altered = br#"{"id":788032119674292923}"#;
        assert_eq!(
            verify(&verifier, &good, altered),
            Err(WebhookError::WrongSignature)
        );
        assert_eq!(
            verify(&verifier, &good[1..], BODY),
            Err(WebhookError::MissingSignature)
        );
        for signature in ["", "!", "AAAA", &SIGNATURE[..SIGNATURE.len() - 4]] {
            let headers = headers("x-shopify-", signature);
            assert_eq!(
                verify(&verifier, &headers, BODY),
                Err(WebhookError::WrongSignature)
            );
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let verifier = Verifier::new([&hush()]);
        let mut headers = headers("x-shopify-", SIGNATURE);
        headers[2].1 = "evil.example".to_owned();
        assert_eq!(
            verify(&verifier, &headers, BODY),
            Err(WebhookError::InvalidShop)
        );
        headers.remove(2);
        assert_eq!(
            verify(&verifier, &headers, BODY),
            Err(WebhookError::InvalidShop)
        );
        headers[1].1 = String::new();
        headers.push((
            "x-shopify-shop-domain".to_owned(),
            "a.myshopify.com".to_owned(),
        ));
        assert_eq!(
            verify(&verifier, &headers, BODY),
            Err(WebhookError::MissingTopic)
        );
    }

    #[test]
    fn topics_have_two_names() {
        for (name, constant) in [
            ("products/update", "PRODUCTS_UPDATE"),
            ("inventory_levels/connect", "INVENTORY_LEVELS_CONNECT"),
            ("discounts/redeemcode_added", "DISCOUNTS_REDEEMCODE_ADDED"),
            ("app/scopes_update", "APP_SCOPES_UPDATE"),
            ("app_subscriptions/update", "APP_SUBSCRIPTIONS_UPDATE"),
            ("bulk_operations/finish", "BULK_OPERATIONS_FINISH"),
            (
                "subscription_billing_cycle_edits/create",
                "SUBSCRIPTION_BILLING_CYCLE_EDITS_CREATE",
            ),
            ("customer.joined_segment", "CUSTOMER_JOINED_SEGMENT"),
            ("dragons/hatch_twice", "DRAGONS_HATCH_TWICE"),
            ("", ""),
            ("dragons", "DRAGONS"),
        ] {
            assert_eq!(topic_constant(name), constant);
            assert_eq!(topic_name(constant), name);
        }
    }

    #[test]
    fn a_signed_query_string_is_no_delivery() {
        let body = b"code=1&shop=a.myshopify.com";
        let headers = headers("x-shopify-", &sign(&hush(), body));
        let refused = verify(&Verifier::new([&hush()]), &headers, body);
        assert_eq!(refused, Err(WebhookError::InvalidBody));
    }

    #[test]
    fn bodies_name_their_subject() {
        let large = 788_032_119_674_292_922;
        for (topic, body, expected) in [
            (
                "products/update",
                r#"{"id":788032119674292922}"#,
                Subject::Product(large),
            ),
            ("products/delete", r#"{"id":"12"}"#, Subject::Product(12)),
            (
                "collections/update",
                r#"{"admin_graphql_api_id":"gid://shopify/Collection/3"}"#,
                Subject::Collection(3),
            ),
            (
                "discounts/delete",
                r#"{"admin_graphql_api_id":"gid://shopify/DiscountAutomaticNode/4"}"#,
                Subject::Discount(4),
            ),
            (
                "inventory_levels/update",
                r#"{"inventory_item_id":5,"location_id":6,"available":null}"#,
                Subject::InventoryItem(5),
            ),
            (
                "inventory_items/delete",
                r#"{"id":5}"#,
                Subject::InventoryItem(5),
            ),
            ("locations/update", r#"{"id":6}"#, Subject::Location(6)),
            ("shop/update", "{}", Subject::Shop),
            ("shop/redact", "{}", Subject::Redact),
            ("app/uninstalled", "{}", Subject::Uninstalled),
            ("app/scopes_update", "{}", Subject::Scopes),
            ("customers/redact", "{}", Subject::Other),
            (
                "products/update",
                r#"{"product":{"id":12345}}"#,
                Subject::Other,
            ),
            ("products/update", r#"{"id":-1}"#, Subject::Other),
            ("products/update", r#"{"id":1.5}"#, Subject::Other),
            ("", "{}", Subject::Other),
        ] {
            assert_eq!(
                Subject::read(topic, body.as_bytes()),
                Ok(expected),
                "{topic} {body}"
            );
        }
        for body in ["", "[]", "1", "{", "null", "{\"a\":\"\u{0}\"}"] {
            let refused = Subject::read("products/update", body.as_bytes());
            assert_eq!(refused, Err(WebhookError::InvalidBody), "{body}");
        }
    }
}
