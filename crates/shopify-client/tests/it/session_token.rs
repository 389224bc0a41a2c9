//! Tests session tokens of embedded apps: which are accepted or rejected, and their exchange for access tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shopify_client::oauth::{
    AppCredentials, SessionToken, SessionTokenError, verify_session_token,
};
use shopify_client::{Client, Error};

use crate::script::{Script, builder, client_at, json_response};

const CLIENT_ID: &str = "the-key";
const SECRET: &str = "hush";
const NOW: i64 = 1_795_000_000;

fn claims() -> Value {
    json!({
        "iss": "https://example.myshopify.com/admin",
        "dest": "https://example.myshopify.com",
        "aud": CLIENT_ID,
        "sub": "902541635",
        "exp": NOW + 60,
        "nbf": NOW,
        "iat": NOW,
        "jti": "f8912129-1af6-4cad-9ca3-76b0f7621087",
        "sid": "aaea182f2732d44c23057c0fea584021a4485b2bd25d3eb7fd349313ad24c685",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn encoded(part: &str) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

fn signed(header: &Value, claims: &str, secret: &str) -> String {
    let message = format!("{}.{}", encoded(&header.to_string()), encoded(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

fn token(claims: &Value) -> String {
    signed(
        &json!({"alg": "HS256", "typ": "JWT"}),
        &claims.to_string(),
        SECRET,
    )
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn verify(token: &str, now: i64) -> Result<SessionToken, SessionTokenError> {
    verify_session_token(token, CLIENT_ID, [&SecretString::from(SECRET)], at(now))
}

fn rejection(token: &str) -> SessionTokenError {
    verify(token, NOW).unwrap_err()
}

#[test]
fn a_session_token_names_its_shop() {
    let raw = token(&claims());
    let session = verify(&raw, NOW).unwrap();
    assert_eq!(session.shop().as_str(), "example.myshopify.com");
    assert!(
        !format!("{session:?}").contains("eyJ"),
        "Debug shows the token, which is valid for a minute"
    );
}

/// RFC 7515, appendix A.1. Its signature is valid, but its claims are not those of a session token.
#[test]
fn the_signature_follows_the_standard() {
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let key = URL_SAFE_NO_PAD.decode(key).unwrap();
    // Its key is binary, and the client's secrets are text. So the signature is checked here, without the client.
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    hmac::verify(&key, message.as_bytes(), &signature).unwrap();
    assert_eq!(rejection(token), SessionTokenError::WrongSignature);
}

#[test]
fn clocks_may_be_ten_seconds_apart() {
    let raw = token(&claims());
    for (now, expected) in [
        (NOW - 11, Some(SessionTokenError::NotYetValid)),
        (NOW - 10, None),
        (NOW, None),
        (NOW + 69, None),
        (NOW + 70, Some(SessionTokenError::Expired)),
    ] {
        assert_eq!(verify(&raw, now).err(), expected, "{now}");
    }
    for (name, value, expected) in [
        ("exp", i64::MAX, None),
        ("exp", i64::MIN, Some(SessionTokenError::Expired)),
        ("nbf", i64::MAX, Some(SessionTokenError::NotYetValid)),
        ("nbf", i64::MIN, None),
    ] {
        let error = verify(&token(&with(name, value.into())), NOW).err();
        assert_eq!(error, expected, "{name}: {value}");
    }
}

#[test]
fn only_hs256_is_accepted() {
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS384"}),
        json!({"alg": "RS256"}),
        json!({"alg": "hs256"}),
        json!({"alg": "HS256 "}),
    ] {
        let forged = signed(&header, &claims().to_string(), SECRET);
        assert_eq!(
            rejection(&forged),
            SessionTokenError::WrongAlgorithm,
            "{header}"
        );
        let (unsigned, _) = forged.rsplit_once('.').unwrap();
        assert_eq!(
            rejection(&format!("{unsigned}.")),
            SessionTokenError::WrongAlgorithm
        );
    }
    for header in [
        json!({"typ": "JWT"}),
        json!({"alg": ["HS256"]}),
        json!({"alg": "HS256", "crit": ["exp"]}),
    ] {
        let error = rejection(&signed(&header, &claims().to_string(), SECRET));
        assert_eq!(error, SessionTokenError::Malformed, "{header}");
    }
}

#[test]
fn any_of_the_secrets_may_sign_and_no_other() {
    let raw = token(&claims());
    let (old, new) = (SecretString::from(SECRET), SecretString::from("new"));
    assert!(verify_session_token(&raw, CLIENT_ID, [&new, &old], at(NOW)).is_ok());
    for secrets in [vec![&new], vec![]] {
        let result = verify_session_token(&raw, CLIENT_ID, secrets, at(NOW));
        assert_eq!(result.unwrap_err(), SessionTokenError::WrongSignature);
    }
}

/// An empty setting for the previous secret must not let anyone sign with an empty key.
#[test]
fn a_token_signed_with_an_empty_secret_is_rejected() {
    let forged = signed(&json!({"alg": "HS256"}), &claims().to_string(), "");
    let secrets = [&SecretString::from(SECRET), &SecretString::default()];
    let result = verify_session_token(&forged, CLIENT_ID, secrets, at(NOW));
    assert_eq!(result.unwrap_err(), SessionTokenError::WrongSignature);
}

#[test]
fn a_token_must_be_for_this_app_and_one_shop() {
    for (name, value, expected) in [
        ("aud", "another-key", SessionTokenError::OtherApp),
        ("aud", "", SessionTokenError::OtherApp),
        (
            "iss",
            "https://other.myshopify.com/admin",
            SessionTokenError::InvalidShop,
        ),
        (
            "dest",
            "https://other.myshopify.com",
            SessionTokenError::InvalidShop,
        ),
        (
            "dest",
            "http://example.myshopify.com",
            SessionTokenError::InvalidShop,
        ),
        (
            "dest",
            "https://example.myshopify.com.evil.example",
            SessionTokenError::InvalidShop,
        ),
        (
            "dest",
            "https://evil.example/example.myshopify.com",
            SessionTokenError::InvalidShop,
        ),
        (
            "dest",
            "https://example.myshopify.com@evil.example",
            SessionTokenError::InvalidShop,
        ),
        (
            "dest",
            "https://evil@example.myshopify.com",
            SessionTokenError::InvalidShop,
        ),
        (
            "dest",
            "https://example.myshopify.com:8443",
            SessionTokenError::InvalidShop,
        ),
        (
            "dest",
            "example.myshopify.com",
            SessionTokenError::InvalidShop,
        ),
        ("dest", "", SessionTokenError::InvalidShop),
    ] {
        let error = rejection(&token(&with(name, value.into())));
        assert_eq!(error, expected, "{name}: {value}");
    }
    for (name, value) in [
        ("aud", json!([CLIENT_ID])),
        ("exp", json!("1795000060")),
        ("exp", Value::Null),
        ("nbf", Value::Null),
        ("iss", Value::Null),
    ] {
        let error = rejection(&token(&with(name, value.clone())));
        assert_eq!(error, SessionTokenError::Malformed, "{name}: {value}");
    }
    let doubled = claims()
        .to_string()
        .replacen('{', &format!("{{\"aud\":\"{CLIENT_ID}\","), 1);
    let doubled = signed(&json!({"alg": "HS256"}), &doubled, SECRET);
    assert_eq!(rejection(&doubled), SessionTokenError::Malformed);
}

#[test]
fn other_texts_are_rejected() {
    let whole = token(&claims());
    let (message, signature) = whole.rsplit_once('.').unwrap();
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        message,
        &format!("{whole}."),
        &format!("{whole}="),
        &format!(" {whole}"),
        &format!("Bearer {whole}"),
        &format!("{message}.{signature}AAAA"),
        &"a".repeat(9000),
    ] {
        let error = rejection(text);
        let expected = [
            SessionTokenError::Malformed,
            SessionTokenError::WrongSignature,
        ];
        assert!(expected.contains(&error), "{text}: {error:?}");
    }
}

#[test]
fn a_token_that_is_too_long_is_rejected() {
    let long = |length: usize| token(&with("sid", "s".repeat(length).into()));
    assert!(verify(&long(5000), NOW).is_ok());
    assert_eq!(rejection(&long(6500)), SessionTokenError::Malformed);
}

proptest! {
    #[test]
    fn no_altered_token_is_accepted(place in 0usize..400, replaced in "[A-Za-z0-9_.-]") {
        let whole = token(&claims());
        let place = place % whole.len();
        let mut altered = whole.clone();
        altered.replace_range(place..=place, &replaced);
        prop_assume!(altered != whole);
        prop_assert!(verify(&altered, NOW).is_err());
    }

    #[test]
    fn no_text_panics(text in ".*", header in ".*", claims in ".*") {
        prop_assert!(verify(&text, NOW).is_err());
        let parts = format!("{}.{}.{}", encoded(&header), encoded(&claims), encoded(&text));
        prop_assert!(verify(&parts, NOW).is_err());
        // Signed claims are parsed, whatever they contain.
        let signed = signed(&json!({"alg": "HS256"}), &claims, SECRET);
        prop_assert!(verify(&signed, NOW).is_err());
    }
}

fn app() -> AppCredentials {
    AppCredentials {
        api_key: CLIENT_ID.to_owned(),
        api_secret: SECRET.into(),
    }
}

fn client(script: &Script) -> Client {
    client_at(&script.uri(), builder())
}

#[tokio::test]
async fn a_session_token_is_exchanged_for_an_expiring_token_of_the_shop() {
    let script = Script::start().await;
    let response = json!({
        "access_token": "shpat_1", "scope": "read_products", "expires_in": 3600,
        "refresh_token": "shprt_1", "refresh_token_expires_in": 7_776_000,
    });
    script.then("", json_response(200, &response));
    let raw = token(&claims());
    let session = verify(&raw, NOW).unwrap();
    let (client, app) = (client(&script), app());
    let oauth = client.oauth(&app);
    let grant = oauth.exchange_session_token(&session).await;
    assert_eq!(
        grant.unwrap().refresh_token.unwrap().expose_secret(),
        "shprt_1"
    );
    let requests = script.finish();
    assert_eq!(
        requests[0].path,
        "/example.myshopify.com/admin/oauth/access_token"
    );
    let expected = json!({
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": raw,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
        "expiring": "1",
    });
    assert_eq!(requests[0].body, expected);
}

#[tokio::test]
async fn a_session_token_that_shopify_rejects_is_not_sent_again() {
    let script = Script::start().await;
    let rejection = json!({"error": "invalid_subject_token"});
    script.then("", json_response(400, &rejection));
    let session = verify(&token(&claims()), NOW).unwrap();
    let (client, app) = (client(&script), app());
    let grant = client.oauth(&app).exchange_session_token(&session).await;
    assert!(matches!(grant, Err(Error::Reauthorize)), "{grant:?}");
    script.finish();
}
