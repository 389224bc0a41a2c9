//! The HTTP surface.

mod error;
mod health;
mod oauth_state;

pub use error::ApiError;
pub use oauth_state::{InvalidState, StateTokens};
