//! Verifies the signed query strings of the App URL and of the OAuth callback.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use url::form_urlencoded;

use super::is_signed_by_any;
use crate::ShopDomain;

/// Parameters that may occur once only. With two values, two readers could use different ones.
const UNIQUE_PARAMETERS: [&str; 6] = ["hmac", "shop", "code", "state", "timestamp", "host"];

/// A query string with a valid signature.
///
/// The signature proves the shop, but not that *this* browser's user made the request: check `state` for that. `Debug`
/// shows the names of the parameters but not their values, since `code` and `id_token` give access to the shop.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedQuery {
    /// The shop that is opened or installed.
    pub shop: ShopDomain,
    /// When Shopify signed it, in whole seconds.
    pub timestamp: Option<DateTime<Utc>>,
    parameters: BTreeMap<String, String>,
}

/// A verified OAuth callback: the result of the grant page.
#[derive(Clone)]
pub struct Callback {
    /// The shop that granted access.
    pub shop: ShopDomain,
    /// The code to exchange for a token. It is valid once and for a short time.
    pub code: SecretString,
    /// The `state` of the redirect to the grant page. Compare it with the browser's cookie.
    pub state: String,
    /// The admin's address for the shop, such as `admin.shopify.com/store/name`.
    pub host: Option<String>,
    /// When Shopify signed it.
    pub timestamp: Option<DateTime<Utc>>,
}

impl fmt::Debug for SignedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.parameters.keys().collect::<Vec<_>>();
        f.debug_struct("SignedQuery")
            .field("shop", &self.shop)
            .field("timestamp", &self.timestamp)
            .field("parameters", &names)
            .finish()
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("shop", &self.shop)
            .finish_non_exhaustive()
    }
}

/// Why a query string is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The parameter `hmac` is missing.
    #[error("the signature is missing")]
    MissingSignature,
    /// `hmac` does not match the other parameters under any of the secrets.
    #[error("the signature is wrong")]
    WrongSignature,
    /// A required parameter is missing.
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    /// A parameter that must be unique occurs twice.
    #[error("the parameter `{0}` occurs twice")]
    Repeated(&'static str),
    /// `shop` is not a shop domain.
    #[error("the parameter `shop` is not a shop domain")]
    InvalidShop,
}

/// Verifies the signature of the query string with which Shopify opens the App URL.
///
/// Everything but `hmac` and `signature` is signed: sorted by name, form-encoded, a space as `%20`.
/// Source: Shopify, "Implement authorization code grant manually".
///
/// # Errors
/// See [`CallbackError`]. Repeated parameters are detected first; all other checks follow the signature check.
pub fn verify_query<'a>(
    raw_query: &str,
    secrets: impl IntoIterator<Item = &'a SecretString>,
) -> Result<SignedQuery, CallbackError> {
    let mut parameters = BTreeMap::<String, String>::new();
    let raw_query = raw_query.strip_prefix('?').unwrap_or(raw_query);
    for (name, value) in form_urlencoded::parse(raw_query.as_bytes()) {
        if let Some(earlier) = parameters.get_mut(name.as_ref()) {
            if let Some(single) = UNIQUE_PARAMETERS.iter().find(|single| **single == name) {
                return Err(CallbackError::Repeated(single));
            }
            earlier.push(',');
            earlier.push_str(&value);
        } else {
            parameters.insert(name.into_owned(), value.into_owned());
        }
    }
    let signature = parameters
        .remove("hmac")
        .ok_or(CallbackError::MissingSignature)?;
    parameters.remove("signature");
    let signature = hex::decode(signature).map_err(|_| CallbackError::WrongSignature)?;
    if !is_signed_by_any(&signed_message(&parameters), &signature, secrets) {
        return Err(CallbackError::WrongSignature);
    }
    let shop = parameters
        .get("shop")
        .ok_or(CallbackError::Missing("shop"))?;
    let shop = ShopDomain::parse_domain(shop).map_err(|_| CallbackError::InvalidShop)?;
    let seconds = parameters.get("timestamp").and_then(|at| at.parse().ok());
    let timestamp = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    Ok(SignedQuery {
        shop,
        timestamp,
        parameters,
    })
}

/// Verifies the query string of the OAuth callback.
///
/// # Errors
/// See [`CallbackError`].
pub fn verify_callback<'a>(
    raw_query: &str,
    secrets: impl IntoIterator<Item = &'a SecretString>,
) -> Result<Callback, CallbackError> {
    let query = verify_query(raw_query, secrets)?;
    let required = |name| query.get(name).ok_or(CallbackError::Missing(name));
    let code = SecretString::from(required("code")?);
    let state = required("state")?.to_owned();
    Ok(Callback {
        code,
        state,
        host: query.host(),
        timestamp: query.timestamp,
        shop: query.shop,
    })
}

fn signed_message(parameters: &BTreeMap<String, String>) -> String {
    let encode = |text: &str| {
        let pieces = form_urlencoded::byte_serialize(text.as_bytes());
        pieces.collect::<String>().replace('+', "%20")
    };
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

impl SignedQuery {
    /// Returns a parameter's decoded value; `None` if it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether it was signed within `tolerance` of `now`. Shopify's own libraries allow 90 seconds.
    pub fn is_fresh(&self, now: DateTime<Utc>, tolerance: Duration) -> bool {
        is_fresh(self.timestamp, now, tolerance)
    }

    /// The admin's address for the shop, such as `admin.shopify.com/store/name`, out of the parameter `host`.
    pub fn host(&self) -> Option<String> {
        let host = self.get("host")?.trim_end_matches('=');
        String::from_utf8(STANDARD_NO_PAD.decode(host).ok()?).ok()
    }
}

impl Callback {
    /// Whether it was signed within `tolerance` of `now`. Shopify's own libraries allow 90 seconds.
    pub fn is_fresh(&self, now: DateTime<Utc>, tolerance: Duration) -> bool {
        is_fresh(self.timestamp, now, tolerance)
    }
}

fn is_fresh(at: Option<DateTime<Utc>>, now: DateTime<Utc>, tolerance: Duration) -> bool {
    at.is_some_and(|at| (now - at).abs().to_std().is_ok_and(|age| age <= tolerance))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::hmac;
    use secrecy::ExposeSecret;

    use super::*;

    /// Both vectors: Shopify, "Implement authorization code grant manually".
    const PLAIN: &str = "code=0907a61c0c8d55e99db179b68161bc00&shop=some-shop.myshopify.com\
        &state=0.6784241404160823&timestamp=1337178173\
        &hmac=700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf";
    const WITH_HOST: &str = "code=0907a61c0c8d55e99db179b68161bc00\
        &hmac=9fe3d5ea81959305fd96bd3d2d44e878654e753bc8e455b5369c15a009412163\
        &host=YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc29tZS1zaG9w&shop=some-shop.myshopify.com\
        &state=0.6784241404160823&timestamp=1337178173";

    fn hush() -> SecretString {
        SecretString::from("hush")
    }

    fn signed(pairs: &[(&str, &str)]) -> String {
        let parameters: BTreeMap<_, _> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"hush");
        let tag = hex::encode(hmac::sign(&key, signed_message(&parameters).as_bytes()));
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .append_pair("hmac", &tag)
            .finish()
    }

    #[test]
    fn the_documented_callbacks_are_accepted() {
        for (query, host) in [
            (PLAIN, None),
            (WITH_HOST, Some("admin.shopify.com/store/some-shop")),
        ] {
            let callback = verify_callback(query, [&hush()]).unwrap();
            assert_eq!(callback.shop.as_str(), "some-shop.myshopify.com");
            assert_eq!(callback.state, "0.6784241404160823");
            assert_eq!(callback.host.as_deref(), host);
            assert_eq!(callback.timestamp.unwrap().timestamp(), 1_337_178_173);
            let code = callback.code.expose_secret();
            assert_eq!(code, "0907a61c0c8d55e99db179b68161bc00");
            assert!(!format!("{callback:?}").contains(code));
        }
    }

    #[test]
    fn any_of_the_secrets_may_sign() {
        let other = SecretString::from("other");
        assert!(verify_callback(PLAIN, [&other, &hush()]).is_ok());
        for secrets in [vec![&other], vec![]] {
            let error = verify_callback(PLAIN, secrets).unwrap_err();
            assert_eq!(error, CallbackError::WrongSignature);
        }
    }

    #[test]
    fn a_signature_with_an_empty_secret_is_rejected() {
        // printf 'shop=a.myshopify.com' | openssl dgst -sha256 -hmac ''
        let tag = "8c92546e2d73b29a31c0b6279f20a9b6691f2dfeba6393f013a1ee5c5a5fd13e";
        let empty = SecretString::default();
        let result = verify_query(&format!("shop=a.myshopify.com&hmac={tag}"), [&empty]);
        assert_eq!(result, Err(CallbackError::WrongSignature));
    }

    #[test]
    fn debug_shows_no_credentials() {
        let query = [
            ("shop", "a.myshopify.com"),
            ("id_token", "eyJh"),
            ("code", "0907"),
        ];
        let query = verify_query(&signed(&query), [&hush()]).unwrap();
        assert_eq!(query.get("id_token"), Some("eyJh"));
        let shown = format!("{query:?}");
        assert!(shown.contains("a.myshopify.com") && shown.contains("id_token"));
        assert!(
            !shown.contains("eyJh") && !shown.contains("0907"),
            "{shown}"
        );
    }

    #[test]
    fn spaces_are_signed_as_percent_20() {
        // printf 'note=a%20b%2B%26c&shop=a.myshopify.com' | openssl dgst -sha256 -hmac hush
        let tag = "a6277574e944573317ffe7de169e2d27bc0cead068eea755863300f75aa2db84";
        for note in ["a+b%2B%26c", "a%20b%2b%26c"] {
            let query = format!("shop=a.myshopify.com&hmac={tag}&note={note}");
            let verified = verify_query(&query, [&hush()]).unwrap();
            assert_eq!(verified.get("note"), Some("a b+&c"));
        }
    }

    /// The parameter `signature` is that of an app proxy, computed differently.
    #[test]
    fn the_parameter_signature_is_not_part_of_the_message() {
        assert!(verify_query(&format!("{PLAIN}&signature=0123"), [&hush()]).is_ok());
    }

    #[test]
    fn altered_queries_are_rejected() {
        for (from, to) in [
            ("some-shop", "evil"),
            ("0.67", "0.68"),
            ("700e", "700f"),
            ("&state", "&state2=1&state"),
            ("&hmac=", "&hmac=zz"),
        ] {
            let error = verify_callback(&PLAIN.replace(from, to), [&hush()]).unwrap_err();
            assert_eq!(error, CallbackError::WrongSignature, "{from}");
        }
        let (unsigned, _) = PLAIN.split_once("&hmac").unwrap();
        let error = verify_callback(unsigned, [&hush()]).unwrap_err();
        assert_eq!(error, CallbackError::MissingSignature);
        assert_eq!(
            verify_callback("", [&hush()]).unwrap_err(),
            CallbackError::MissingSignature
        );
    }

    #[test]
    fn missing_and_repeated_parameters_are_named() {
        let error_of = |pairs: &[(&str, &str)]| {
            let query = signed(pairs);
            verify_callback(&query, [&hush()]).unwrap_err()
        };
        let shop = ("shop", "a.myshopify.com");
        assert_eq!(
            error_of(&[("code", "1"), ("state", "2")]),
            CallbackError::Missing("shop")
        );
        assert_eq!(
            error_of(&[shop, ("state", "2")]),
            CallbackError::Missing("code")
        );
        assert_eq!(
            error_of(&[shop, ("code", "1"), ("state", "")]),
            CallbackError::Missing("state")
        );
        assert_eq!(
            error_of(&[("shop", "evil.example"), ("code", "1"), ("state", "2")]),
            CallbackError::InvalidShop
        );
        let doubled = format!("{PLAIN}&shop=evil.myshopify.com");
        assert_eq!(
            verify_callback(&doubled, [&hush()]).unwrap_err(),
            CallbackError::Repeated("shop")
        );
    }

    #[test]
    fn freshness_is_checked_in_both_directions() {
        let query = verify_query(PLAIN, [&hush()]).unwrap();
        let at = |seconds: i64| DateTime::from_timestamp(1_337_178_173 + seconds, 0).unwrap();
        for (seconds, fresh) in [
            (0, true),
            (90, true),
            (-90, true),
            (91, false),
            (-91, false),
        ] {
            assert_eq!(query.is_fresh(at(seconds), Duration::from_secs(90)), fresh);
        }
        let undated = verify_query(&signed(&[("shop", "a.myshopify.com")]), [&hush()]).unwrap();
        assert!(!undated.is_fresh(at(0), Duration::from_secs(90)));
    }

    proptest! {
        #[test]
        fn signed_queries_are_accepted_with_any_content(note in ".*", name in "[a-z]{1,8}\\[\\]") {
            let query = signed(&[("shop", "a.myshopify.com"), (&name, &note)]);
            let verified = verify_query(&query, [&hush()]).unwrap();
            prop_assert_eq!(verified.get(&name).unwrap_or_default(), note);
        }

        #[test]
        fn no_query_panics(query in ".*") {
            prop_assert!(verify_query(&query, [&hush()]).is_err());
        }
    }
}
