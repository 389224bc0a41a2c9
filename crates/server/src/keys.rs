//! Derives signing keys from a secret and its predecessors, and parses the configured token encryption keys.

mod envelope;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use sync_db::TokenCipher;

pub use envelope::{Envelope, InvalidEnvelope};

/// A secret and, while it is being rotated, its predecessors.
#[derive(Debug, Clone)]
pub struct VersionedSecret {
    /// The secret in use.
    pub current: SecretString,
    /// Earlier secrets, newest first.
    pub previous: Vec<SecretString>,
}

impl From<&str> for VersionedSecret {
    fn from(secret: &str) -> Self {
        Self {
            current: secret.into(),
            previous: Vec::new(),
        }
    }
}

/// The signing keys of one purpose: one for each version of a secret. The key of the current version signs, all keys verify,
/// so that a rotation of the secret invalidates nothing that is under way.
pub struct Keyring {
    purpose: &'static str,
    current: hmac::Key,
    previous: Vec<hmac::Key>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("purpose", &self.purpose)
            .field("versions", &(1 + self.previous.len()))
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// Derives the keys for `purpose` by HKDF-SHA256 (RFC 5869). A signature made for one purpose is invalid for every other: an
    /// OAuth state can never pass as a webhook's signature.
    pub fn derive(secret: &VersionedSecret, purpose: &'static str) -> Self {
        let key = |secret| hmac_key(secret, purpose);
        Self {
            purpose,
            current: key(&secret.current),
            previous: secret.previous.iter().map(key).collect(),
        }
    }

    /// Signs a message with the key of the current secret (HMAC-SHA256).
    pub fn sign(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.current, message)
    }

    /// Whether `tag` is the signature of the message under any version of the secret.
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        keys.any(|key| hmac::verify(key, message, tag).is_ok())
    }
}

fn hmac_key(secret: &SecretString, purpose: &str) -> hmac::Key {
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
    fn each_purpose_and_each_secret_has_its_own_key() {
        let secret = VersionedSecret::from("secret");
        let tag = Keyring::derive(&secret, "a").sign(b"text");
        let tag = tag.as_ref();
        assert!(Keyring::derive(&secret, "a").verify(b"text", tag));
        assert!(!Keyring::derive(&secret, "a").verify(b"other text", tag));
        assert!(!Keyring::derive(&secret, "b").verify(b"text", tag));
        assert!(!Keyring::derive(&"another".into(), "a").verify(b"text", tag));
        let plain = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        assert!(hmac::verify(&plain, b"text", tag).is_err());
    }

    #[test]
    fn the_derivation_is_that_of_earlier_releases() {
        // HMAC-SHA256 with a key by HKDF-SHA256, computed with another implementation.
        let expected = "b6dd14b7df438ca56fbf0ea10a25f146b6725fcab158a664e13b17b29c254ca4";
        let tag = Keyring::derive(&"secret".into(), "oauth state").sign(b"text");
        assert_eq!(hex::encode(tag), expected);
    }

    #[test]
    fn the_current_secret_signs_and_every_version_verifies() {
        let rotated = VersionedSecret {
            current: "new".into(),
            previous: vec!["old".into(), "older".into()],
        };
        let rotated = Keyring::derive(&rotated, "a");
        for version in ["new", "old", "older"] {
            let tag = Keyring::derive(&version.into(), "a").sign(b"text");
            assert!(rotated.verify(b"text", tag.as_ref()), "{version}");
        }
        let tag = rotated.sign(b"text");
        assert!(Keyring::derive(&"new".into(), "a").verify(b"text", tag.as_ref()));
        assert!(!Keyring::derive(&"old".into(), "a").verify(b"text", tag.as_ref()));
    }

    #[test]
    fn a_keyring_shows_no_key() {
        let shown = format!("{:?}", Keyring::derive(&"secret".into(), "a"));
        assert_eq!(shown, r#"Keyring { purpose: "a", versions: 1, .. }"#);
    }
}
