//! Why the token endpoint gives nothing.

use serde_json::{Value, json};

/// A refusal, as OAuth words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// A parameter is missing or makes no sense.
    InvalidRequest(&'static str),
    /// The code is unknown, used or too old.
    InvalidCode,
    /// The refresh token is unknown, retired or too old.
    InvalidSubjectToken,
    /// No app has this client id.
    UnknownApp,
    /// The client secret is wrong.
    WrongSecret,
    /// No such way to get a token.
    UnsupportedGrantType,
}

impl TokenError {
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::WrongSecret => 401,
            _ => 400,
        }
    }

    pub(crate) fn body(self) -> Value {
        let (error, description) = match self {
            Self::InvalidRequest(problem) => ("invalid_request", problem),
            Self::InvalidCode => (
                "invalid_request",
                "The authorization code was not found or was already used",
            ),
            Self::InvalidSubjectToken => (
                "invalid_subject_token",
                "The refresh token is no longer valid",
            ),
            Self::UnknownApp => (
                "application_cannot_be_found",
                "The client id belongs to no app",
            ),
            Self::WrongSecret => ("invalid_client", "Client authentication failed"),
            Self::UnsupportedGrantType => {
                ("unsupported_grant_type", "The grant type is not supported")
            }
        };
        json!({"error": error, "error_description": description})
    }
}
