//! Defines field errors and their form in Shopify's responses.

use serde_json::{Map, Value};

use super::position::Position;

const SCOPES: &str = "https://shopify.dev/api/usage/access-scopes";

/// Why a field could not be resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldError {
    pub(crate) message: String,
    code: &'static str,
    more: Option<(&'static str, String)>,
}

impl FieldError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code,
            more: None,
        }
    }

    /// The arguments are invalid.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new("BAD_REQUEST", message)
    }

    /// A list has more elements than Shopify accepts.
    pub(crate) fn too_many(given: usize, max: usize) -> Self {
        let message = format!(
            "The input array size of {given} is greater than the maximum allowed of {max}."
        );
        Self::new("MAX_INPUT_SIZE_EXCEEDED", message)
    }

    /// The token has none of `scopes`, each of which is sufficient.
    pub(crate) fn access_denied(field: &str, scopes: &[&str]) -> Self {
        let named: Vec<_> = scopes
            .iter()
            .map(|scope| format!("`{scope}` access scope"))
            .collect();
        let needed = format!("{}.", named.join(" or "));
        let message = format!("Access denied for {field} field. Required access: {needed}");
        Self {
            more: Some(("requiredAccess", needed)),
            ..Self::new("ACCESS_DENIED", message)
        }
    }

    /// The app is not approved for bulk operations.
    pub(crate) fn not_enabled(field: &str) -> Self {
        let message = format!(
            "Access denied for {field} field. This app is not approved to run bulk operations; enable them in the \
             Partner Dashboard."
        );
        Self::new("ACCESS_DENIED", message)
    }

    /// The id is of another type than the field accepts.
    pub(crate) fn invalid_id(id: &str) -> Self {
        Self::new("RESOURCE_NOT_FOUND", format!("Invalid id: {id}"))
    }

    /// The schema has it, but the simulator does not implement it.
    pub(crate) fn not_simulated(what: &str) -> Self {
        let message = format!("The simulator does not implement {what}.");
        Self::new("NOT_SIMULATED", message)
    }

    /// The simulator resolved a value that does not match its own schema.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new("INTERNAL_SERVER_ERROR", message)
    }

    /// The entry of the response's `errors`.
    pub(crate) fn error(&self, path: Vec<Value>, position: Option<Position>) -> Value {
        let mut extensions = Map::new();
        extensions.insert("code".to_owned(), self.code.into());
        if let Some((key, value)) = &self.more {
            extensions.insert("documentation".to_owned(), SCOPES.into());
            extensions.insert((*key).to_owned(), value.clone().into());
        }
        let fields: [(&str, Value); 4] = [
            ("message", self.message.as_str().into()),
            ("locations", Position::locations(position)),
            ("path", path.into()),
            ("extensions", extensions.into()),
        ];
        let fields = fields.map(|(key, value)| (key.to_owned(), value));
        Value::Object(Map::from_iter(fields))
    }
}
