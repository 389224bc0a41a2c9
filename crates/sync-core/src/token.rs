//! Defines access tokens and the attempts to replace them.

use std::str::FromStr;

use secrecy::SecretString;

use crate::Timestamp;

/// An offline access token and its refresh token. Encrypted at rest, never printed.
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

/// A stored token with its version and the current attempt to replace it.
#[derive(Debug, Clone)]
pub struct VersionedToken {
    /// The token.
    pub token: Token,
    /// Incremented with every replacement.
    pub version: u64,
    /// The attempt to replace this version that has started and not ended, if any.
    pub attempt: Option<TokenAttempt>,
}

/// The record of an attempt to replace a token.
///
/// It is stored before the request is sent to Shopify. If the process that stored it dies, the next one knows that Shopify
/// may have issued a new token that was never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenAttempt {
    /// The process that made the attempt, as a random number chosen at its start.
    pub by: u64,
    /// When it began. Stored to the microsecond.
    pub begun_at: Timestamp,
    /// Its purpose.
    pub purpose: TokenPurpose,
}

/// Why a token is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPurpose {
    /// To renew an expiring token.
    Renewal,
    /// To exchange a non-expiring token for an expiring one. This cannot be undone.
    Migration,
}

impl TokenPurpose {
    /// The name used in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Renewal => "renewal",
            Self::Migration => "migration",
        }
    }
}

/// The text is not a name that [`TokenPurpose::as_str`] returns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown purpose `{0}` of a token's renewal")]
pub struct UnknownPurpose(pub String);

impl FromStr for TokenPurpose {
    type Err = UnknownPurpose;

    fn from_str(name: &str) -> Result<Self, UnknownPurpose> {
        match name {
            "renewal" => Ok(Self::Renewal),
            "migration" => Ok(Self::Migration),
            other => Err(UnknownPurpose(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_name_is_parsed_back() {
        for purpose in [TokenPurpose::Renewal, TokenPurpose::Migration] {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
        }
        let unknown = UnknownPurpose("theft".to_owned());
        assert_eq!("theft".parse::<TokenPurpose>(), Err(unknown));
    }
}
