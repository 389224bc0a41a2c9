//! Tests the explanations of rejected signatures.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::Value;
use shopify_client::webhook::{Explanation, Reencoding, Verifier, sign};

/// A body in Shopify's form: slashes and HTML's special characters are escaped.
const BODY: &str = r#"{"id":9007199254740993,"admin_graphql_api_id":"gid:\/\/shopify\/Product\/9007199254740993","title":"Käse \u0026 Öl","price":"1.00","weight":1.0,"tags":""}"#;

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn verifier() -> Verifier {
    let (new, copied) = (secret("the new one"), secret("\"copied\"\n"));
    Verifier::keyed([("new", &new), ("copied", &copied)]).expect("usable keys")
}

fn signed(secret_text: &str, body: &[u8]) -> String {
    sign(&secret(secret_text), body)
}

fn explain(signature: &str, body: &[u8]) -> Explanation {
    let header = |name: &str| (name == "x-shopify-hmac-sha256").then_some(signature);
    verifier().explain(header, body)
}

fn reencoded(by: Reencoding) -> Explanation {
    let key_id = "new".to_owned();
    Explanation::ReencodedBody { key_id, by }
}

#[test]
fn a_valid_delivery_is_explained_as_valid() {
    let key_id = "new".to_owned();
    let right = explain(&signed("the new one", BODY.as_bytes()), BODY.as_bytes());
    assert_eq!(right, Explanation::Valid { key_id });
    assert_eq!(
        verifier().explain(|_| None, BODY.as_bytes()),
        Explanation::MissingSignature
    );
}

#[test]
fn the_secret_is_named_by_its_key_id() {
    let copied = explain(&signed("copied", BODY.as_bytes()), BODY.as_bytes());
    let key_id = "copied".to_owned();
    assert_eq!(copied, Explanation::UntrimmedSecret { key_id });
    let other = explain(&signed("another app's", BODY.as_bytes()), BODY.as_bytes());
    assert_eq!(other, Explanation::UnknownSecret);
}

#[test]
fn other_encodings_of_the_signature_are_recognised() {
    let base64 = signed("the new one", BODY.as_bytes());
    let tag = STANDARD.decode(&base64).unwrap();
    let key_id = || "new".to_owned();
    let hex = hex::encode(&tag);
    for hex in [hex.to_uppercase(), hex] {
        let explained = explain(&hex, BODY.as_bytes());
        assert_eq!(explained, Explanation::HexSignature { key_id: key_id() });
    }
    let other = explain(&URL_SAFE_NO_PAD.encode(&tag), BODY.as_bytes());
    assert_eq!(other, Explanation::NonStandardBase64 { key_id: key_id() });
    for malformed in ["", "!", "AAAA", &hex::encode([0; 32])] {
        let explained = explain(malformed, BODY.as_bytes());
        assert_eq!(explained, Explanation::MalformedSignature, "{malformed}");
    }
}

#[test]
fn a_body_changed_in_transit_is_recognised() {
    let signature = signed("the new one", BODY.as_bytes());
    let parsed: Value = serde_json::from_str(r#"{"id":1,"title":"Käse \u0026 Öl"}"#).unwrap();
    let pretty = BODY.replace("\",\"", "\",\n  \"");
    let latin1: String = BODY.bytes().map(char::from).collect();
    for (received, by) in [
        (format!("{BODY}\n"), Reencoding::SurroundingSpace),
        (format!(" {BODY}\r\n"), Reencoding::SurroundingSpace),
        (format!("\u{feff}{BODY}"), Reencoding::ByteOrderMark),
        (latin1, Reencoding::Latin1),
        (pretty, Reencoding::Json),
        (BODY.replace("\\/", "/"), Reencoding::Json),
        (BODY.replace("\\u0026", "&"), Reencoding::Json),
        (
            BODY.replace('ä', "\\u00e4").replace('Ö', "\\u00D6"),
            Reencoding::Json,
        ),
    ] {
        let explained = explain(&signature, received.as_bytes());
        assert_eq!(explained, reencoded(by), "{received}");
    }
    let text = r#"{"id":1,"title":"Käse \u0026 Öl"}"#;
    let explained = explain(
        &signed("the new one", text.as_bytes()),
        parsed.to_string().as_bytes(),
    );
    assert_eq!(explained, reencoded(Reencoding::Json));
}

#[test]
fn changed_and_missing_line_breaks_are_recognised() {
    let unix = "{\n\"id\": 1\n}\n";
    let windows = unix.replace('\n', "\r\n");
    for (sent, received, by) in [
        (unix, windows.as_str(), Reencoding::LineBreaks),
        (windows.as_str(), unix, Reencoding::LineBreaks),
        (unix.trim_end(), windows.as_str(), Reencoding::LineBreaks),
        (unix, unix.trim_end(), Reencoding::TrimmedEnd),
    ] {
        let explained = explain(&signed("the new one", sent.as_bytes()), received.as_bytes());
        assert_eq!(explained, reencoded(by), "{sent:?} {received:?}");
    }
}

/// The other forms cost time in proportion to the body, and anyone can send a large one.
#[test]
fn a_large_body_is_checked_in_its_received_form_only() {
    let body = format!(r#"{{"id":1,"text":"{}"}}"#, "x".repeat(4 << 20));
    let changed = format!("{body}\n");
    let explained = explain(&signed("the new one", body.as_bytes()), changed.as_bytes());
    assert_eq!(explained, Explanation::UnknownSecret);
    let explained = explain(&signed("copied", body.as_bytes()), body.as_bytes());
    let key_id = "copied".to_owned();
    assert_eq!(explained, Explanation::UntrimmedSecret { key_id });
}

#[test]
fn other_signed_texts_are_distinguished_from_deliveries() {
    let query = b"code=1&shop=a.myshopify.com";
    let key_id = "new".to_owned();
    let explained = explain(&signed("the new one", query), query);
    assert_eq!(explained, Explanation::NotADelivery { key_id });
    let explained = explain(&signed("the new one", BODY.as_bytes()), b"");
    assert_eq!(explained, Explanation::EmptyBody);
}

#[test]
fn a_truncated_body_and_a_test_notification_are_guessed() {
    let signature = signed("the new one", BODY.as_bytes());
    let header = |name: &str| match name {
        "shopify-hmac-sha256" => Some(signature.as_str()),
        "content-length" => Some("1000"),
        _ => None,
    };
    let cut = &BODY.as_bytes()[..100];
    let (declared, read) = (1000, 100);
    assert_eq!(
        verifier().explain(header, cut),
        Explanation::WrongLength { declared, read }
    );
    let sample = br#"{"id":788032119674292922,"title":"Example T-Shirt"}"#;
    let explained = explain(&signed("the shop's own", sample), sample);
    assert_eq!(explained, Explanation::TestNotification);
}

#[test]
fn an_explanation_has_advice_and_no_secret_signature_or_body() {
    let body = r#"{"id":788032119674292922,"title":"vertraulich"}"#;
    let sent = signed("the new one", body.as_bytes());
    let windows = format!("{body}\r\n");
    let texts = [
        explain(&sent, windows.as_bytes()),
        explain(&signed("copied", body.as_bytes()), body.as_bytes()),
        explain("vertraulich", body.as_bytes()),
        explain(&signed("x", body.as_bytes()), body.as_bytes()),
    ];
    for explanation in texts {
        let text = format!("{explanation} {explanation:?}");
        for hidden in ["the new one", "vertraulich", "7880321", &sent[..8]] {
            assert!(!text.contains(hidden), "{text}");
        }
        assert!(explanation.to_string().len() > 30, "{explanation}");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[\"\\\\/&<\n\u{2028}\u{1f600}é]{0,6}".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("\\PC{0,6}", tree, 1..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

proptest! {
    #[test]
    fn pretty_printed_json_is_recognised(value in json()) {
        let sent = value.to_string();
        let received = serde_json::to_string_pretty(&value).unwrap();
        let explained = explain(&signed("the new one", sent.as_bytes()), received.as_bytes());
        let expected = if sent == received {
            Explanation::Valid { key_id: "new".to_owned() }
        } else {
            reencoded(Reencoding::Json)
        };
        prop_assert_eq!(explained, expected);
    }

    #[test]
    fn no_input_makes_explain_panic(
        signature in "\\PC{0,64}",
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let explained = explain(&signature, &body);
        let right = matches!(explained, Explanation::Valid { .. });
        prop_assert!(!right);
    }
}
