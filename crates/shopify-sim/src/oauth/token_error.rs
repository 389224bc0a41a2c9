//! Defines the errors of the token endpoint.

use serde_json::{Value, json};

/// An OAuth error of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// A parameter is missing or invalid.
    InvalidRequest(&'static str),
    /// The authorization code is unknown, used or expired.
    InvalidCode,
    /// The refresh token is unknown, retired or expired.
    InvalidSubjectToken,
    /// No app has this client id.
    UnknownApp,
    /// The client secret is wrong.
    WrongSecret,
    /// The grant type is unknown.
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
            Self::UnknownApp => ("application_cannot_be_found", "No app has this client id"),
            Self::WrongSecret => ("invalid_client", "Client authentication failed"),
            Self::UnsupportedGrantType => {
                ("unsupported_grant_type", "The grant type is not supported")
            }
        };
        json!({"error": error, "error_description": description})
    }
}
