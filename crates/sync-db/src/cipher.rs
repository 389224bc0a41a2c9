//! Encrypts access tokens at rest with AES-256-GCM.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// An error while sealing (encrypting) or opening (decrypting) a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// The list of keys is empty or contains a name twice.
    #[error("the list of encryption keys is empty or contains a name twice")]
    BadKeyList,
    /// A key's name is empty or contains a character other than letters, digits, `-` and `_`.
    #[error("an encryption key's name may contain only letters, digits, `-` and `_`")]
    BadKeyName,
    /// The token was sealed with a key that is not in the list.
    #[error(
        "the token was sealed with the key `{0}`, which is not among the encryption keys: add it behind the first one, or install the shop again"
    )]
    UnknownKey(String),
    /// The token was sealed with a key derived from a secret other than those given, or was altered.
    #[error(
        "the token was sealed with a key derived from another secret: configure the previous secret too, or install the shop again"
    )]
    OtherSecret,
    /// The sealed text was altered, belongs to another shop, or was sealed with a different key of the same name.
    #[error("the sealed token was altered, or the encryption key has changed")]
    Tampered,
    /// The system's random number generator failed.
    #[error("the system's random number generator failed")]
    NoRandomness,
}

/// The name of every key that is derived from a secret.
const DERIVED: &str = "derived";

/// Seals tokens with AES-256-GCM. The first key seals; every key opens.
///
/// A sealed text is `name.base64(nonce ‖ ciphertext ‖ tag)`. Its location (shop and column) is authenticated with it, so
/// that a sealed token cannot be moved to another row.
#[derive(Clone)]
pub struct TokenCipher {
    keys: Arc<[(String, LessSafeKey)]>,
    random: SystemRandom,
}

impl std::fmt::Debug for TokenCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.keys.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("TokenCipher")
            .field("keys", &names)
            .finish_non_exhaustive()
    }
}

impl TokenCipher {
    /// Creates a cipher from named 256-bit keys; the first one seals.
    ///
    /// # Errors
    /// If there is no key, a name is invalid, or a name occurs twice.
    pub fn from_keys(
        keys: impl IntoIterator<Item = (String, [u8; 32])>,
    ) -> Result<Self, CipherError> {
        let mut list: Vec<(String, LessSafeKey)> = Vec::new();
        for (name, key) in keys {
            let key = Zeroizing::new(key);
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(legal) {
                return Err(CipherError::BadKeyName);
            }
            if list.iter().any(|(known, _)| *known == name) {
                return Err(CipherError::BadKeyList);
            }
            let unbound = UnboundKey::new(&AES_256_GCM, key.as_ref());
            list.push((
                name,
                LessSafeKey::new(unbound.map_err(|_| CipherError::BadKeyList)?),
            ));
        }
        if list.is_empty() {
            return Err(CipherError::BadKeyList);
        }
        Ok(Self {
            keys: list.into(),
            random: SystemRandom::new(),
        })
    }

    /// Creates a cipher with one key, named `derived`, which is derived from another secret by HKDF-SHA256 (RFC 5869). Used
    /// when no keys are configured. When the secret changes, give the previous one to [`TokenCipher::opening_derived`].
    ///
    /// # Panics
    /// Never: the output length is that of the algorithm.
    pub fn derive_from(secret: &SecretString) -> Self {
        Self {
            keys: [derive_key(secret)].into(),
            random: SystemRandom::new(),
        }
    }

    /// Also opens what was sealed with keys derived from these secrets: the previous secrets of
    /// [`TokenCipher::derive_from`], or those used before keys were configured.
    #[must_use]
    pub fn opening_derived<'s>(self, secrets: impl IntoIterator<Item = &'s SecretString>) -> Self {
        let derived = secrets.into_iter().map(derive_key);
        Self {
            keys: self.keys.iter().cloned().chain(derived).collect(),
            random: self.random,
        }
    }

    pub(crate) fn seal(&self, secret: &SecretString, place: &str) -> Result<String, CipherError> {
        let (name, key) = &self.keys[0];
        let mut nonce = [0; NONCE_LEN];
        self.random
            .fill(&mut nonce)
            .map_err(|_| CipherError::NoRandomness)?;
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        let aad = Aad::from(place.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| CipherError::Tampered)?;
        let bytes = [&nonce[..], &sealed].concat();
        Ok(format!("{name}.{}", BASE64.encode(bytes)))
    }

    pub(crate) fn open(&self, sealed: &str, place: &str) -> Result<SecretString, CipherError> {
        let (name, text) = sealed.split_once('.').ok_or(CipherError::Tampered)?;
        let bytes = BASE64.decode(text).map_err(|_| CipherError::Tampered)?;
        let mut named = self.keys.iter().filter(|(known, _)| known == name);
        let first = named.next();
        let (_, key) = first.ok_or_else(|| CipherError::UnknownKey(name.to_owned()))?;
        // Derived keys have one name: each is tried.
        std::iter::once(key)
            .chain(named.map(|(_, key)| key))
            .find_map(|key| open_with(key, &bytes, place))
            .ok_or(match name {
                DERIVED => CipherError::OtherSecret,
                _ => CipherError::Tampered,
            })
    }

    /// Whether the text was sealed with the first key.
    pub(crate) fn is_current(&self, sealed: &str, place: &str) -> bool {
        let (name, key) = &self.keys[0];
        sealed
            .strip_prefix(name.as_str())
            .and_then(|rest| BASE64.decode(rest.strip_prefix('.')?).ok())
            .is_some_and(|bytes| open_with(key, &bytes, place).is_some())
    }
}

/// Opens `nonce ‖ ciphertext ‖ tag`; `None` if it was sealed with another key or in another place, or was altered.
fn open_with(key: &LessSafeKey, sealed: &[u8], place: &str) -> Option<SecretString> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = key
        .open_in_place(nonce, Aad::from(place.as_bytes()), &mut plain)
        .ok()?;
    Some(SecretString::from(std::str::from_utf8(opened).ok()?))
}

fn derive_key(secret: &SecretString) -> (String, LessSafeKey) {
    let salt = Salt::new(HKDF_SHA256, b"shopsync token sealing");
    let derived = salt.extract(secret.expose_secret().as_bytes());
    let mut key = Zeroizing::new([0; 32]);
    derived
        .expand(&[b"aes-256-gcm key 1"], HKDF_SHA256)
        .and_then(|okm| okm.fill(key.as_mut()))
        .expect("SHA-256 yields 32 bytes");
    let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("a key of 32 bytes");
    (DERIVED.to_owned(), LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(names: &[&str]) -> TokenCipher {
        let keys = (1..)
            .zip(names)
            .map(|(byte, name)| ((*name).to_owned(), [byte; 32]));
        TokenCipher::from_keys(keys).unwrap()
    }

    fn secret() -> SecretString {
        SecretString::from("shpat_0123")
    }

    #[test]
    fn a_sealed_token_is_opened_again() {
        let cipher = cipher(&["k1"]);
        let sealed = cipher.seal(&secret(), "a/access").unwrap();
        assert!(!sealed.contains("shpat"));
        let opened = cipher.open(&sealed, "a/access").unwrap();
        assert_eq!(opened.expose_secret(), "shpat_0123");
        assert_ne!(
            cipher.seal(&secret(), "a/access").unwrap(),
            sealed,
            "a new nonce each time"
        );
    }

    #[test]
    fn a_sealed_token_opens_only_in_its_place_and_unaltered() {
        let cipher = cipher(&["k1"]);
        let sealed = cipher.seal(&secret(), "a/access").unwrap();
        assert_eq!(
            cipher.open(&sealed, "b/access").unwrap_err(),
            CipherError::Tampered
        );
        for position in 3..sealed.len() {
            let mut altered = sealed.clone().into_bytes();
            altered[position] = if altered[position] == b'A' {
                b'B'
            } else {
                b'A'
            };
            let altered = String::from_utf8(altered).unwrap();
            assert!(cipher.open(&altered, "a/access").is_err(), "{position}");
        }
        for bad in ["", "k1", "k1.", "k1.AAAA", "k1.!"] {
            assert_eq!(
                cipher.open(bad, "a/access").unwrap_err(),
                CipherError::Tampered
            );
        }
    }

    #[test]
    fn keys_rotate() {
        let old = cipher(&["k1"]);
        let sealed = old.seal(&secret(), "a").unwrap();
        let both =
            TokenCipher::from_keys([("key2".to_owned(), [2; 32]), ("k1".to_owned(), [1; 32])])
                .unwrap();
        assert_eq!(
            both.open(&sealed, "a").unwrap().expose_secret(),
            "shpat_0123"
        );
        assert!(!both.is_current(&sealed, "a"));
        assert!(both.is_current(&both.seal(&secret(), "a").unwrap(), "a"));
        let new = cipher(&["key2"]);
        let unknown = new.open(&sealed, "a").unwrap_err();
        assert_eq!(unknown, CipherError::UnknownKey("k1".to_owned()));
    }

    #[test]
    fn invalid_key_lists_are_rejected() {
        let named = |name: &str| (name.to_owned(), [0; 32]);
        assert_eq!(
            TokenCipher::from_keys([]).unwrap_err(),
            CipherError::BadKeyList
        );
        let twice = TokenCipher::from_keys([named("a"), named("a")]);
        assert_eq!(twice.unwrap_err(), CipherError::BadKeyList);
        for bad in ["", "a.b", "a b"] {
            let refused = TokenCipher::from_keys([named(bad)]);
            assert_eq!(refused.unwrap_err(), CipherError::BadKeyName);
        }
    }

    #[test]
    fn derived_keys_differ_with_the_secret_and_show_nothing() {
        let one = TokenCipher::derive_from(&SecretString::from("one"));
        let two = TokenCipher::derive_from(&SecretString::from("two"));
        let sealed = one.seal(&secret(), "a").unwrap();
        let refused = two.open(&sealed, "a").unwrap_err();
        assert_eq!(refused, CipherError::OtherSecret);
        assert!(
            refused
                .to_string()
                .contains("configure the previous secret too")
        );
        assert_eq!(
            format!("{one:?}"),
            r#"TokenCipher { keys: ["derived"], .. }"#
        );
    }

    #[test]
    fn the_derivation_and_the_format_are_those_of_earlier_releases() {
        // AES-256-GCM with a key by HKDF-SHA256, computed with another implementation.
        let sealed = "derived.AAECAwQFBgcICQoL6c9t8E0qVTu8wSxXlcFDyXAIQ7+Z0ekAvRI=";
        let cipher = TokenCipher::derive_from(&SecretString::from("secret"));
        let opened = cipher.open(sealed, "a/access").unwrap();
        assert_eq!(opened.expose_secret(), "shpat_0123");
    }

    #[test]
    fn derived_keys_rotate() {
        let [one, two, three] = ["one", "two", "three"].map(SecretString::from);
        let sealed = TokenCipher::derive_from(&one).seal(&secret(), "a").unwrap();
        for rotated in [
            TokenCipher::derive_from(&three).opening_derived([&two, &one]),
            // From derived to configured keys.
            cipher(&["k1"]).opening_derived([&three, &one]),
        ] {
            let opened = rotated.open(&sealed, "a").unwrap();
            assert_eq!(opened.expose_secret(), "shpat_0123");
            assert!(!rotated.is_current(&sealed, "a"));
            let resealed = rotated.seal(&opened, "a").unwrap();
            assert!(rotated.is_current(&resealed, "a"));
            assert!(!rotated.is_current(&resealed, "b"), "not in another place");
            let refused = TokenCipher::derive_from(&one).open(&resealed, "a");
            assert!(refused.is_err(), "sealed with the new key");
        }
    }
}
