//! Converts shop domains and tokens between the domain's types and those of `shopify-client`.

use shopify_client::TokenError;
use shopify_client::token::{Attempt, Purpose, StoredToken, TokenRecord};
use sync_core::{ShopDomain, Token, TokenAttempt, TokenPurpose, VersionedToken};

/// Converts a shop's domain to the client's type. Both types have the same rules.
pub(crate) fn to_client_domain(shop: &ShopDomain) -> shopify_client::ShopDomain {
    shopify_client::ShopDomain::parse_domain(shop.as_str())
        .expect("both types accept the same domains")
}

/// Converts a shop's domain from the client's type. Both types have the same rules.
pub(super) fn from_client_domain(
    shop: &shopify_client::ShopDomain,
) -> Result<ShopDomain, TokenError> {
    let parsed = shop.as_str().parse();
    parsed.map_err(|_| TokenError::permanent("the shop's domain is invalid"))
}

/// Converts a token from the registry to the client's type.
pub(super) fn to_client_token(stored: VersionedToken) -> TokenRecord {
    let VersionedToken {
        token,
        version,
        attempt,
    } = stored;
    TokenRecord {
        token: StoredToken {
            access_token: token.access_token,
            expires_at: token.expires_at,
            refresh_token: token.refresh_token,
            refresh_expires_at: token.refresh_expires_at,
            scopes: Vec::new(),
        },
        version,
        attempt: attempt.map(|attempt| Attempt {
            by: attempt.by,
            begun_at: attempt.begun_at,
            purpose: match attempt.purpose {
                TokenPurpose::Renewal => Purpose::Renewal,
                TokenPurpose::Migration => Purpose::Migration,
            },
        }),
    }
}

/// Converts a renewal attempt to the registry's type.
pub(super) fn to_registry_attempt(attempt: Attempt) -> TokenAttempt {
    TokenAttempt {
        by: attempt.by,
        begun_at: attempt.begun_at,
        purpose: match attempt.purpose {
            Purpose::Renewal => TokenPurpose::Renewal,
            Purpose::Migration => TokenPurpose::Migration,
        },
    }
}

/// Converts a token to the registry's type. Its scopes are stored with the shop.
pub(super) fn to_registry_token(token: StoredToken) -> Token {
    Token {
        access_token: token.access_token,
        expires_at: token.expires_at,
        refresh_token: token.refresh_token,
        refresh_expires_at: token.refresh_expires_at,
    }
}
