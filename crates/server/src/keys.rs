//! Keys for one purpose each: those that were set, or derived from another secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use sync_db::TokenCipher;

use crate::settings::{DatabaseSettings, ShopifySettings, non_empty};

/// The HMAC key for `purpose`, by HKDF-SHA256 (RFC 5869). What is signed for one purpose is worthless for another:
/// a state token can never pass as a webhook's signature.
///
/// # Panics
/// Never: the output length is that of the algorithm.
pub fn hmac_key(secret: &SecretString, purpose: &str) -> hmac::Key {
    let derived = Salt::new(HKDF_SHA256, b"shopsync").extract(secret.expose_secret().as_bytes());
    let mut key = [0; 32];
    derived
        .expand(&[purpose.as_bytes()], HKDF_SHA256)
        .and_then(|output| output.fill(&mut key))
        .expect("SHA-256 yields 32 bytes");
    hmac::Key::new(hmac::HMAC_SHA256, &key)
}

/// The secret from which keys are derived that have not been set: `STATE_TOKEN_SECRET`, else the client secret.
pub fn root_secret(shopify: &ShopifySettings) -> Option<&SecretString> {
    non_empty(&shopify.state_token_secret).or_else(|| non_empty(&shopify.api_secret))
}

/// Why a list of encryption keys cannot be used. Never holds any part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// An entry is not `id:base64`.
    #[error("entry {0} is not id:base64")]
    Entry(usize),
    /// An entry's key is not base64 of 32 bytes.
    #[error("entry {0} is not base64 of 32 bytes")]
    Length(usize),
    /// The names cannot be used.
    #[error(transparent)]
    Names(#[from] sync_db::CipherError),
}

/// The cipher that seals tokens: of the keys that are set, else derived from the root secret. `None` if there is
/// neither.
///
/// # Errors
/// If the keys that are set cannot be used.
pub fn token_cipher(
    database: &DatabaseSettings,
    shopify: &ShopifySettings,
) -> Result<Option<TokenCipher>, InvalidKeys> {
    match non_empty(&database.encryption_keys) {
        Some(keys) => listed_cipher(keys).map(Some),
        None => Ok(root_secret(shopify).map(TokenCipher::derive_from)),
    }
}

/// The cipher of a list `id:base64,…`, counting entries from 1.
fn listed_cipher(list: &SecretString) -> Result<TokenCipher, InvalidKeys> {
    let mut keys = Vec::new();
    for (index, entry) in (1..).zip(list.expose_secret().split(',')) {
        let (id, text) = entry
            .trim()
            .split_once(':')
            .ok_or(InvalidKeys::Entry(index))?;
        let bytes = BASE64
            .decode(text)
            .map_err(|_| InvalidKeys::Length(index))?;
        let key = bytes.try_into().map_err(|_| InvalidKeys::Length(index))?;
        keys.push((id.to_owned(), key));
    }
    Ok(TokenCipher::from_keys(keys)?)
}

/// Says in the log which keys are derived, since changing their source makes what they sealed unreadable.
pub fn warn_about_derived_keys(database: &DatabaseSettings, shopify: &ShopifySettings) {
    let source = if non_empty(&shopify.state_token_secret).is_some() {
        "STATE_TOKEN_SECRET"
    } else {
        log::warn!(
            "STATE_TOKEN_SECRET is not set: installations are signed with a key derived from SHOPIFY_API_SECRET"
        );
        "SHOPIFY_API_SECRET"
    };
    if non_empty(&database.encryption_keys).is_none() {
        log::warn!(
            "SHOPSYNC_ENCRYPTION_KEYS is not set: tokens are sealed with a key derived from {source}; \
             if that changes, every shop has to be installed again"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher_of(list: &str) -> Result<TokenCipher, InvalidKeys> {
        listed_cipher(&SecretString::from(list))
    }

    #[test]
    fn keys_are_listed_newest_first() {
        let (one, two) = (BASE64.encode([1; 32]), BASE64.encode([2; 32]));
        let cipher = cipher_of(&format!("k2:{two}, k1:{one}")).unwrap();
        assert!(format!("{cipher:?}").contains(r#"["k2", "k1"]"#));
    }

    #[test]
    fn unusable_lists_are_refused_without_showing_them() {
        let good = BASE64.encode([7; 32]);
        for (list, expected) in [
            (String::new(), InvalidKeys::Entry(1)),
            (good.clone(), InvalidKeys::Entry(1)),
            (format!("a:{good},b"), InvalidKeys::Entry(2)),
            (format!("a:{good},"), InvalidKeys::Entry(2)),
            ("a:!!!".to_owned(), InvalidKeys::Length(1)),
            (
                format!("a:{}", BASE64.encode([7; 16])),
                InvalidKeys::Length(1),
            ),
            (
                format!(":{good}"),
                InvalidKeys::Names(sync_db::CipherError::BadKeyName),
            ),
            (
                format!("a:{good},a:{good}"),
                InvalidKeys::Names(sync_db::CipherError::BadKeyList),
            ),
        ] {
            let error = cipher_of(&list).unwrap_err();
            assert_eq!(error, expected, "{list}");
            assert!(!error.to_string().contains(&good));
        }
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let secret = SecretString::from("secret");
        let tag = hmac::sign(&hmac_key(&secret, "a"), b"text");
        assert!(hmac::verify(&hmac_key(&secret, "a"), b"text", tag.as_ref()).is_ok());
        assert!(hmac::verify(&hmac_key(&secret, "b"), b"text", tag.as_ref()).is_err());
        let plain = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        assert!(hmac::verify(&plain, b"text", tag.as_ref()).is_err());
    }
}
