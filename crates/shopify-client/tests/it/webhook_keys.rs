//! Tests which key verifies a delivery, and the values read from its headers.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use secrecy::SecretString;
use shopify_client::webhook::{InvalidKey, Topic, VerifiedDelivery, Verifier, WebhookError, sign};

const BODY: &[u8] = br#"{"id":788032119674292922}"#;

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn headers(prefix: &str, signature: &str, more: &[(&str, &str)]) -> HeaderMap {
    let always = [
        ("hmac-sha256", signature),
        ("topic", "products/update"),
        ("shop-domain", "a.myshopify.com"),
    ];
    let all = always.iter().chain(more);
    let pairs = all.map(|(name, value)| {
        let name = HeaderName::try_from(format!("{prefix}{name}")).expect("a valid name");
        (name, HeaderValue::try_from(*value).expect("a valid value"))
    });
    pairs.collect()
}

fn signed_by(secret: &SecretString, verifier: &Verifier) -> Result<VerifiedDelivery, WebhookError> {
    let headers = headers("X-Shopify-", &sign(secret, BODY), &[]);
    verifier.verify_headers(&headers, BODY)
}

#[test]
fn a_delivery_names_the_key_that_verified_it() {
    let (new, old) = (secret("new"), secret("old"));
    let verifier = Verifier::keyed([("2026", &new), ("2025", &old)]).unwrap();
    assert_eq!(signed_by(&old, &verifier).unwrap().key_id, "2025");
    assert_eq!(signed_by(&new, &verifier).unwrap().key_id, "2026");
    let result = signed_by(&secret("another"), &verifier);
    assert_eq!(result, Err(WebhookError::WrongSignature));
}

#[test]
fn keys_without_ids_get_their_position_and_empty_ones_never_match() {
    let (empty, old) = (secret(""), secret("old"));
    let verifier = Verifier::new([&empty, &old]);
    assert_eq!(signed_by(&old, &verifier).unwrap().key_id, "2");
    let result = signed_by(&empty, &verifier);
    assert_eq!(result, Err(WebhookError::WrongSignature));
}

#[test]
fn of_two_keys_with_one_secret_the_first_is_used() {
    let same = secret("same");
    let verifier = Verifier::keyed([("a", &same), ("b", &same)]).unwrap();
    assert_eq!(signed_by(&same, &verifier).unwrap().key_id, "a");
}

#[test]
fn a_delivery_without_an_id_is_identified_by_its_signature() {
    let hush = secret("hush");
    let delivery = signed_by(&hush, &Verifier::new([&hush])).unwrap();
    // printf '{"id":788032119674292922}' | openssl dgst -sha256 -hmac hush
    let digest = "7e186ac3161ca279a23aa4c9d1c0f55f33a54fb38d769e91c9cd7ca64be5ab94";
    assert_eq!(delivery.webhook_id, digest);
}

#[test]
fn the_first_of_repeated_headers_is_used() {
    let hush = secret("hush");
    let verifier = Verifier::new([&hush]);
    let mut headers = headers("X-Shopify-", &sign(&hush, BODY), &[]);
    headers.append("x-shopify-topic", HeaderValue::from_static("shop/redact"));
    headers.append("x-shopify-hmac-sha256", HeaderValue::from_static("AAAA"));
    let delivery = verifier.verify_headers(&headers, BODY).unwrap();
    assert_eq!(delivery.topic, "products/update");
}

#[test]
fn a_header_that_is_not_ascii_counts_as_missing() {
    let hush = secret("hush");
    let verifier = Verifier::new([&hush]);
    let whole = headers("X-Shopify-", &sign(&hush, BODY), &[]);
    for (name, expected) in [
        ("x-shopify-hmac-sha256", WebhookError::MissingSignature),
        ("x-shopify-topic", WebhookError::MissingTopic),
        ("x-shopify-shop-domain", WebhookError::InvalidShop),
    ] {
        let mut headers = whole.clone();
        headers.insert(name, HeaderValue::from_bytes("ä".as_bytes()).unwrap());
        let result = verifier.verify_headers(&headers, BODY);
        assert_eq!(result, Err(expected), "{name}");
    }
}

#[test]
fn invalid_keys_are_rejected() {
    let (good, blank) = (secret("good"), secret(""));
    let key_id = || "a".to_owned();
    let empty = Verifier::keyed([("b", &good), ("a", &blank)]);
    assert_eq!(
        empty.unwrap_err(),
        InvalidKey::EmptySecret { key_id: key_id() }
    );
    let same = Verifier::keyed([("a", &good), ("a", &good)]);
    assert_eq!(same.unwrap_err(), InvalidKey::SameId { key_id: key_id() });
    let none = Verifier::keyed::<String>([]);
    assert_eq!(none.unwrap_err(), InvalidKey::NoSecret);
}

#[test]
fn all_headers_with_either_prefix_are_read() {
    let hush = secret("hush");
    let verifier = Verifier::new([&hush]);
    let signature = sign(&hush, BODY);
    let more = [
        ("webhook-id", "w"),
        ("event-id", "e"),
        ("api-version", "2026-10"),
        ("triggered-at", "2026-11-24T12:00:00.123456789Z"),
    ];
    for prefix in ["X-Shopify-", "Shopify-"] {
        let headers = headers(prefix, &signature, &more);
        let delivery = verifier.verify_headers(&headers, BODY).unwrap();
        assert_eq!(delivery.topic(), Topic::ProductsUpdate);
        assert_eq!(delivery.webhook_id, "w");
        assert_eq!(delivery.event_id.as_deref(), Some("e"));
        assert_eq!(delivery.api_version.as_deref(), Some("2026-10"));
        let at = delivery.triggered_at.unwrap();
        assert_eq!(at.timestamp_subsec_nanos(), 123_456_789);
    }
}

#[test]
fn the_verifiers_debug_text_contains_no_secret() {
    let secret = secret("geheim");
    let verifier = Verifier::keyed([("a", &secret)]).unwrap();
    let text = format!("{verifier:?}");
    assert_eq!(text, r#"Verifier { keys: ["a"], .. }"#);
}
