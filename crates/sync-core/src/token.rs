//! Access tokens.

use secrecy::SecretString;

use crate::Timestamp;

/// An offline access token and what renews it. Sealed at rest, never printed.
#[derive(Debug, Clone)]
pub struct Token {
    /// Sent with every Admin API request.
    pub access_token: SecretString,
    /// When Shopify stops accepting it; `None` for a token that does not expire.
    pub expires_at: Option<Timestamp>,
    /// Exchanged for the next pair; `None` for a token that cannot be renewed.
    pub refresh_token: Option<SecretString>,
    /// When Shopify stops accepting the refresh token.
    pub refresh_expires_at: Option<Timestamp>,
}

/// A stored token and the version that a replacement must name.
#[derive(Debug, Clone)]
pub struct VersionedToken {
    /// The token.
    pub token: Token,
    /// Grows by one with every replacement.
    pub version: u64,
}
