//! Verifies the signature and the headers of a webhook delivery.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

use super::Topic;
use crate::ShopDomain;

/// Verifies the signatures of deliveries with several secrets.
///
/// During a rotation Shopify signs with the oldest secret that is not revoked, so both secrets must be known. Each has
/// a key id of your choice. [`VerifiedDelivery::key_id`] shows which one signed, so you can see when the old secret is
/// no longer used; Shopify may take an hour to switch.
///
/// ```
/// use secrecy::SecretString;
/// use shopify_client::webhook::{Verifier, sign};
///
/// let (new, old) = (SecretString::from("new"), SecretString::from("old"));
/// let verifier = Verifier::keyed([("2026-11", &new), ("2025-03", &old)])?;
///
/// let body = br#"{"id":1}"#;
/// let signature = sign(&old, body);
/// let delivery = verifier.verify(
///     |name| match name {
///         "x-shopify-hmac-sha256" => Some(signature.as_str()),
///         "x-shopify-topic" => Some("products/delete"),
///         "x-shopify-shop-domain" => Some("a.myshopify.com"),
///         _ => None,
///     },
///     body,
/// )?;
/// assert_eq!(delivery.key_id, "2025-03");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Verifier {
    pub(super) keys: Vec<Key>,
}

/// A secret with its key id.
pub(super) struct Key {
    pub(super) id: String,
    hmac: hmac::Key,
    /// The secret without surrounding white space and quotation marks, if that differs.
    pub(super) trimmed: Option<hmac::Key>,
}

impl Key {
    fn new(id: String, secret: &SecretString) -> Self {
        let text = secret.expose_secret();
        let trimmed = text.trim_matches(|c: char| c.is_whitespace() || "\"'".contains(c));
        Self {
            id,
            hmac: hmac_key(text),
            trimmed: (trimmed != text && !trimmed.is_empty()).then(|| hmac_key(trimmed)),
        }
    }

    pub(super) fn verifies(&self, body: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.hmac, body, tag).is_ok()
    }
}

fn hmac_key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("Verifier")
            .field("keys", &ids)
            .finish_non_exhaustive()
    }
}

/// An invalid secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The secret is empty: anyone can sign with it.
    #[error("the secret of key `{key_id}` is empty")]
    EmptySecret {
        /// The key id.
        key_id: String,
    },
    /// Two secrets have the same key id.
    #[error("the key id `{key_id}` is used twice")]
    SameId {
        /// The key id.
        key_id: String,
    },
    /// No secret was given.
    #[error("no secret was given")]
    NoSecret,
}

/// A delivery with a valid signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedDelivery {
    /// The topic as text, such as `products/update`; [`VerifiedDelivery::topic`] parses it.
    pub topic: String,
    /// The shop, from the header, which is not signed: see [`Payload::shop_domain`](super::Payload::shop_domain).
    pub shop: ShopDomain,
    /// The delivery's id, the same for its retries. Without the header, the signature in hex.
    pub webhook_id: String,
    /// The same for all deliveries of one action.
    pub event_id: Option<String>,
    /// When the action happened.
    pub triggered_at: Option<DateTime<Utc>>,
    /// The API version that wrote the body.
    pub api_version: Option<String>,
    /// The key id of the secret that signed it; with [`Verifier::new`], its position, from `1`.
    pub key_id: String,
}

impl VerifiedDelivery {
    /// Returns the parsed topic.
    pub fn topic(&self) -> Topic {
        Topic::from(self.topic.as_str())
    }
}

/// Why a delivery is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The signature header is missing. Respond with 401.
    #[error("the signature is missing")]
    MissingSignature,
    /// The signature does not match the body under any of the secrets. Respond with 401. [`Verifier::explain`] may find
    /// the reason.
    #[error("the signature is wrong")]
    WrongSignature,
    /// The topic is missing. Respond with 400.
    #[error("the topic is missing")]
    MissingTopic,
    /// The shop is missing or invalid. Respond with 400.
    #[error("the shop domain is missing or invalid")]
    InvalidShop,
    /// The body is not a JSON object. Respond with 400.
    #[error("the body is not a JSON object")]
    InvalidBody,
}

/// The name of a header with both prefixes.
type HeaderNames = [&'static str; 2];

macro_rules! header_names {
    ($name:literal) => {
        [concat!("x-shopify-", $name), concat!("shopify-", $name)]
    };
}

pub(super) const SIGNATURE: HeaderNames = header_names!("hmac-sha256");
const TOPIC: HeaderNames = header_names!("topic");
const SHOP: HeaderNames = header_names!("shop-domain");

impl Verifier {
    /// Creates a verifier that accepts any of the secrets. Their key ids are their positions: `1`, `2` and so on.
    ///
    /// An empty secret keeps its position but verifies nothing. Without any secret every delivery is rejected.
    /// [`Verifier::keyed`] returns an error for such secrets instead.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let places = (1..).zip(secrets);
        let given = places.filter(|(_, secret)| !secret.expose_secret().is_empty());
        let keys = given.map(|(place, secret): (u32, _)| Key::new(place.to_string(), secret));
        Self {
            keys: keys.collect(),
        }
    }

    /// Creates a verifier that accepts any of the secrets, each with its key id.
    ///
    /// # Errors
    /// [`InvalidKey`] if a secret is empty, if two have the same key id, or if there is no secret.
    pub fn keyed<'a, I: Into<String>>(
        secrets: impl IntoIterator<Item = (I, &'a SecretString)>,
    ) -> Result<Self, InvalidKey> {
        let mut keys: Vec<Key> = Vec::new();
        for (id, secret) in secrets {
            let key_id = id.into();
            if secret.expose_secret().is_empty() {
                return Err(InvalidKey::EmptySecret { key_id });
            }
            if keys.iter().any(|key| key.id == key_id) {
                return Err(InvalidKey::SameId { key_id });
            }
            keys.push(Key::new(key_id, secret));
        }
        if keys.is_empty() {
            return Err(InvalidKey::NoSecret);
        }
        Ok(Self { keys })
    }

    /// Verifies a delivery. `header` looks up a header by its lower-case name; `body` is the raw body.
    ///
    /// Headers may have either prefix, `X-Shopify-` or `Shopify-`. The signature is checked first, in constant time, so
    /// that the error reveals nothing about a forged delivery.
    ///
    /// # Errors
    /// See [`WebhookError`].
    pub fn verify<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<VerifiedDelivery, WebhookError> {
        let header = |[webhooks, events]: HeaderNames| header(webhooks).or_else(|| header(events));
        let signature = header(SIGNATURE).ok_or(WebhookError::MissingSignature)?;
        let tag = decode_signature(signature).ok_or(WebhookError::WrongSignature)?;
        let key = self.verifying_key(body, &tag);
        let key = key.ok_or(WebhookError::WrongSignature)?;
        if !is_object(body) {
            return Err(WebhookError::InvalidBody);
        }
        let topic = header(TOPIC).filter(|topic| !topic.is_empty());
        let shop = header(SHOP).ok_or(WebhookError::InvalidShop)?;
        let owned = |names| header(names).map(str::to_owned);
        Ok(VerifiedDelivery {
            topic: topic.ok_or(WebhookError::MissingTopic)?.to_owned(),
            shop: ShopDomain::parse_domain(shop).map_err(|_| WebhookError::InvalidShop)?,
            webhook_id: owned(header_names!("webhook-id")).unwrap_or_else(|| hex::encode(tag)),
            event_id: owned(header_names!("event-id")),
            triggered_at: header(header_names!("triggered-at")).and_then(|at| at.parse().ok()),
            api_version: owned(header_names!("api-version")),
            key_id: key.id.clone(),
        })
    }

    /// [`Verifier::verify`] for servers that use the `http` crate: axum, hyper, tower. If a header occurs twice, the
    /// first value counts; a value that is not ASCII counts as missing.
    ///
    /// # Errors
    /// See [`WebhookError`].
    pub fn verify_headers(
        &self,
        headers: &http::HeaderMap,
        body: &[u8],
    ) -> Result<VerifiedDelivery, WebhookError> {
        self.verify(|name| headers.get(name)?.to_str().ok(), body)
    }

    /// Returns the key that made the signature. All keys are tried, so that the duration does not reveal which one
    /// matches.
    pub(super) fn verifying_key(&self, body: &[u8], tag: &[u8]) -> Option<&Key> {
        let mut found = None;
        for key in &self.keys {
            if key.verifies(body, tag) && found.is_none() {
                found = Some(key);
            }
        }
        found
    }
}

/// Whether the body is a JSON object. The same secret signs query strings and session tokens, which others can read and
/// partly choose: none of those begins with `{`, but some can begin with white space.
pub(super) fn is_object(body: &[u8]) -> bool {
    body.first() == Some(&b'{')
}

const TAG_LENGTH: usize = 32;

/// Decodes a signature: base64 of 32 bytes.
pub(super) fn decode_signature(signature: &str) -> Option<[u8; TAG_LENGTH]> {
    // The decoder may require more space than it uses.
    let mut bytes = [0; TAG_LENGTH + 4];
    let length = BASE64
        .decode_slice(signature.trim_ascii(), &mut bytes)
        .ok()?;
    bytes[..length].try_into().ok()
}

/// Signs a body as Shopify does: base64 of HMAC-SHA256. Use it to test your endpoint.
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    BASE64.encode(hmac::sign(&hmac_key(secret.expose_secret()), body))
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
    ) -> Result<VerifiedDelivery, WebhookError> {
        let find = |name: &str| headers.iter().find(|(known, _)| known == name);
        verifier.verify(|name| find(name).map(|(_, value)| value.as_str()), body)
    }

    #[test]
    fn the_documented_signature_is_accepted_with_either_prefix() {
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
        let result = verify(&Verifier::new([&other]), &headers, BODY);
        assert_eq!(result, Err(WebhookError::WrongSignature));
        assert_eq!(
            verify(&Verifier::new([]), &headers, BODY),
            Err(WebhookError::WrongSignature)
        );
    }

    #[test]
    fn a_forged_delivery_is_rejected_before_any_other_check() {
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
    fn missing_headers_are_named() {
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
    fn a_signed_query_string_is_not_a_delivery() {
        // The signed query of an app proxy may begin with white space; a token begins with `eyJ`.
        for body in [
            "code=1&shop=a.myshopify.com",
            " {\"id\":1}",
            "\n{\"id\":1}",
            "\u{feff}{\"id\":1}",
            "[{\"id\":1}]",
            "<product/>",
            "",
        ] {
            let headers = headers("x-shopify-", &sign(&hush(), body.as_bytes()));
            let result = verify(&Verifier::new([&hush()]), &headers, body.as_bytes());
            assert_eq!(result, Err(WebhookError::InvalidBody), "{body}");
        }
    }
}
