//! Access tokens, and how one follows another.

use std::str::FromStr;

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

/// A stored token, and what a replacement must name.
#[derive(Debug, Clone)]
pub struct VersionedToken {
    /// The token.
    pub token: Token,
    /// Grows by one with every replacement.
    pub version: u64,
    /// What was begun to replace this version and has not ended.
    pub attempt: Option<TokenAttempt>,
}

/// A journal entry: somebody asks for a token's successor, and may have got it.
///
/// It is written before the request is sent. If whoever wrote it dies, the next one knows that there may be a successor
/// which nobody has stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenAttempt {
    /// Who: a random number for each process.
    pub by: u64,
    /// Since when. Kept to the microsecond.
    pub begun_at: Timestamp,
    /// What for.
    pub purpose: TokenPurpose,
}

/// What a token's successor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPurpose {
    /// To renew a token that expires.
    Renewal,
    /// To get a token that expires for one that does not. It cannot be undone.
    Migration,
}

impl TokenPurpose {
    /// The word used in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Renewal => "renewal",
            Self::Migration => "migration",
        }
    }
}

/// The word is not a purpose that [`TokenPurpose::as_str`] writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown purpose `{0}` of a token's renewal")]
pub struct UnknownPurpose(pub String);

impl FromStr for TokenPurpose {
    type Err = UnknownPurpose;

    fn from_str(word: &str) -> Result<Self, UnknownPurpose> {
        match word {
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
    fn every_purpose_word_is_read_back() {
        for purpose in [TokenPurpose::Renewal, TokenPurpose::Migration] {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
        }
        let unknown = UnknownPurpose("theft".to_owned());
        assert_eq!("theft".parse::<TokenPurpose>(), Err(unknown));
    }
}
