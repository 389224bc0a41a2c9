//! Chooses the service's keys: those that are configured, or keys derived from another secret.

use secrecy::SecretString;
use sync_db::TokenCipher;

use super::{DatabaseSettings, ShopifySettings, non_empty};
use crate::keys::{InvalidKeys, parse_cipher};

/// The secret that keys are derived from when they are not configured: `STATE_TOKEN_SECRET`, else the client secret.
pub fn root_secret(shopify: &ShopifySettings) -> Option<&SecretString> {
    non_empty(&shopify.state_token_secret).or_else(|| non_empty(&shopify.api_secret))
}

/// The cipher that seals tokens: from the configured keys, else derived from the root secret. `None` if neither is
/// configured.
///
/// # Errors
/// If the configured keys are invalid.
pub fn token_cipher(
    database: &DatabaseSettings,
    shopify: &ShopifySettings,
) -> Result<Option<TokenCipher>, InvalidKeys> {
    match non_empty(&database.encryption_keys) {
        Some(keys) => parse_cipher(keys).map(Some),
        None => Ok(root_secret(shopify).map(TokenCipher::derive_from)),
    }
}

/// Logs which keys are derived: changing the secret they are derived from makes sealed tokens unreadable.
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
