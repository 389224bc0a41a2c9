use async_trait::async_trait;
use secrecy::SecretString;

use crate::TokenError;

/// Where a shop's access token comes from.
///
/// Tokens expire after an hour, so the token is asked for before every request: answer from memory.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// The token to send now.
    async fn access_token(&self) -> Result<SecretString, TokenError>;

    /// Another token than `rejected`, which Shopify has just answered with 401. Called once per request.
    ///
    /// When several callers come with the same rejected token, all but the first should get what the first obtained:
    /// a refresh token must not be used in parallel.
    async fn renew(&self, rejected: &SecretString) -> Result<SecretString, TokenError>;
}

/// A token that never changes: that of a custom app, or one for a single run.
#[derive(Debug, Clone)]
pub struct StaticToken(SecretString);

impl StaticToken {
    /// A source of this token alone.
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self(token.into())
    }
}

#[async_trait]
impl TokenSource for StaticToken {
    async fn access_token(&self) -> Result<SecretString, TokenError> {
        Ok(self.0.clone())
    }

    async fn renew(&self, _rejected: &SecretString) -> Result<SecretString, TokenError> {
        Err(TokenError {
            reason: "the token is fixed and cannot be renewed".to_owned(),
            retryable: false,
        })
    }
}
