//! Signs OAuth queries.

use ring::hmac;

/// Returns a query with the signature that Shopify adds. The values must need no escaping.
pub(crate) fn signed_query(secret: &str, pairs: &[(&str, &str)]) -> String {
    let mut pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.sort_unstable();
    let message = pairs.join("&");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hex::encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}&hmac={tag}")
}
