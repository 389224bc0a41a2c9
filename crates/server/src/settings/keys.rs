//! Chooses the service's keys: those that are configured, or keys derived from another secret.

use sync_db::TokenCipher;

use super::{DatabaseSettings, ShopifySettings, non_empty};
use crate::keys::{InvalidKeys, VersionedSecret, parse_cipher};

/// The secret that signs OAuth states and installation reports: `STATE_TOKEN_SECRET`, else the client secret. Signatures under its
/// configured predecessor are valid too. `None` if neither is configured.
pub(super) fn signing_secret(shopify: &ShopifySettings) -> Option<VersionedSecret> {
    let of_state = non_empty(&shopify.state_token_secret);
    let previous_client_secret = match of_state {
        Some(_) => None,
        None => non_empty(&shopify.api_secret_previous),
    };
    let previous = [
        non_empty(&shopify.state_token_secret_previous),
        previous_client_secret,
    ];
    Some(VersionedSecret {
        current: of_state.or(non_empty(&shopify.api_secret))?.clone(),
        previous: previous.into_iter().flatten().cloned().collect(),
    })
}

/// The cipher that seals tokens: with the configured keys, else with a key derived from `STATE_TOKEN_SECRET`, else from the client
/// secret. It also opens what was sealed with a key derived from any other configured secret, current or previous, so that tokens
/// stay readable when a secret is rotated, set for the first time, or replaced by configured keys. `None` if nothing is configured
/// to seal with.
///
/// # Errors
/// If the configured keys are invalid.
pub fn token_cipher(
    database: &DatabaseSettings,
    shopify: &ShopifySettings,
) -> Result<Option<TokenCipher>, InvalidKeys> {
    let mut secrets = [
        &shopify.state_token_secret,
        &shopify.api_secret,
        &shopify.state_token_secret_previous,
        &shopify.api_secret_previous,
    ]
    .into_iter()
    .filter_map(non_empty);
    let sealing = match non_empty(&database.encryption_keys) {
        Some(keys) => Some(parse_cipher(keys)?),
        None => secrets.next().map(TokenCipher::derive_from),
    };
    Ok(sealing.map(|cipher| cipher.opening_derived(secrets)))
}

/// Logs which keys are derived: what to keep when the secret they are derived from changes.
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
             when you change it, keep the old value in {source}_PREVIOUS, or every shop has to be installed again"
        );
    }
}
