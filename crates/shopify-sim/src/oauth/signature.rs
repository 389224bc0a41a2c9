//! Signs query strings (hexadecimal) and webhook bodies (base64) with the app's secret.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::hmac;
use url::form_urlencoded;

fn sign(secret: &str, message: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, message)
}

/// The signature of a webhook body.
pub(crate) fn hmac_base64(secret: &str, body: &[u8]) -> String {
    STANDARD.encode(sign(secret, body))
}

/// The value of the parameter `host`: the shop's address in the admin, in base64.
pub(crate) fn encoded_host(domain: &str) -> String {
    let name = domain.split('.').next().unwrap_or(domain);
    STANDARD_NO_PAD.encode(format!("admin.shopify.com/store/{name}"))
}

/// A query string of `parameters` and their `hmac`: sorted by name, form-encoded, with `%20` for a space.
pub(crate) fn signed_query(secret: &str, mut parameters: Vec<(String, String)>) -> String {
    parameters.sort();
    let encode = |text: &str| {
        let pieces = form_urlencoded::byte_serialize(text.as_bytes());
        pieces.collect::<String>().replace('+', "%20")
    };
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let message = pairs.join("&");
    let signature = hex::encode(sign(secret, message.as_bytes()));
    format!("{message}&hmac={signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn queries_are_signed_as_shopify_documents() {
        let mut parameters = pairs(&[
            ("shop", "some-shop.myshopify.com"),
            ("code", "0907a61c0c8d55e99db179b68161bc00"),
            ("timestamp", "1337178173"),
            ("state", "0.6784241404160823"),
        ]);
        let query = signed_query("hush", parameters.clone());
        let expected = "hmac=700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf";
        assert!(query.ends_with(expected), "{query}");

        let host = encoded_host("some-shop.myshopify.com");
        assert_eq!(host, "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc29tZS1zaG9w");
        parameters.push(("host".to_owned(), host));
        let query = signed_query("hush", parameters);
        let expected = "hmac=9fe3d5ea81959305fd96bd3d2d44e878654e753bc8e455b5369c15a009412163";
        assert!(query.ends_with(expected), "{query}");
    }

    #[test]
    fn spaces_are_signed_as_percent_twenty() {
        let query = signed_query("hush", pairs(&[("state", "a b+c")]));
        assert!(query.starts_with("state=a%20b%2Bc&hmac="), "{query}");
    }

    #[test]
    fn bodies_are_signed_as_shopify_documents() {
        assert_eq!(
            hmac_base64("hush", br#"{"id":788032119674292922}"#),
            "fhhqwxYconmiOqTJ0cD1XzOlT7ONdp6Ryc18pkvlq5Q="
        );
    }
}
