//! Keys for one purpose each, derived from a secret.

use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

use crate::settings::{ShopifySettings, given};

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
    given(&shopify.state_token_secret).or_else(|| given(&shopify.api_secret))
}
