//! Derives HMAC keys, one for each purpose, and parses the configured token encryption keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use sync_db::TokenCipher;

/// Derives the HMAC key for `purpose` by HKDF-SHA256 (RFC 5869). A signature made for one purpose is invalid for every
/// other: a state token can never pass as a webhook's signature.
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

/// Why a list of encryption keys is invalid. Never contains any part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// An entry is not `id:base64`.
    #[error("entry {0} is not id:base64")]
    Entry(usize),
    /// An entry's key is not base64 of 32 bytes.
    #[error("entry {0} is not base64 of 32 bytes")]
    Key(usize),
    /// The key names are invalid.
    #[error(transparent)]
    Names(#[from] sync_db::CipherError),
}

/// Parses `id:base64,…`, newest key first. Errors count the entries from 1.
///
/// # Errors
/// See [`InvalidKeys`].
pub(crate) fn parse_cipher(list: &SecretString) -> Result<TokenCipher, InvalidKeys> {
    let mut keys = Vec::new();
    for (index, entry) in (1..).zip(list.expose_secret().split(',')) {
        let (id, text) = entry
            .trim()
            .split_once(':')
            .ok_or(InvalidKeys::Entry(index))?;
        let bytes = BASE64.decode(text).map_err(|_| InvalidKeys::Key(index))?;
        let key = bytes.try_into().map_err(|_| InvalidKeys::Key(index))?;
        keys.push((id.to_owned(), key));
    }
    Ok(TokenCipher::from_keys(keys)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher_of(list: &str) -> Result<TokenCipher, InvalidKeys> {
        parse_cipher(&SecretString::from(list))
    }

    #[test]
    fn keys_are_listed_newest_first() {
        let (one, two) = (BASE64.encode([1; 32]), BASE64.encode([2; 32]));
        let cipher = cipher_of(&format!("k2:{two}, k1:{one}")).unwrap();
        assert!(format!("{cipher:?}").contains(r#"["k2", "k1"]"#));
    }

    #[test]
    fn invalid_lists_are_rejected_without_showing_them() {
        let good = BASE64.encode([7; 32]);
        for (list, expected) in [
            (String::new(), InvalidKeys::Entry(1)),
            (good.clone(), InvalidKeys::Entry(1)),
            (format!("a:{good},b"), InvalidKeys::Entry(2)),
            (format!("a:{good},"), InvalidKeys::Entry(2)),
            ("a:!!!".to_owned(), InvalidKeys::Key(1)),
            (format!("a:{}", BASE64.encode([7; 16])), InvalidKeys::Key(1)),
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
    fn each_purpose_has_its_own_key() {
        let secret = SecretString::from("secret");
        let tag = hmac::sign(&hmac_key(&secret, "a"), b"text");
        assert!(hmac::verify(&hmac_key(&secret, "a"), b"text", tag.as_ref()).is_ok());
        assert!(hmac::verify(&hmac_key(&secret, "b"), b"text", tag.as_ref()).is_err());
        let plain = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        assert!(hmac::verify(&plain, b"text", tag.as_ref()).is_err());
    }
}
