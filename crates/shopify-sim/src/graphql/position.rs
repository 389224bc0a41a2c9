//! Locates syntax in a GraphQL document, as the entries of `locations` in errors.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::parser::SourceSpan;
use serde_json::{Value, json};

/// A line and column in the document, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    pub(crate) fn locations(position: Option<Self>) -> Value {
        let locations = position.iter();
        locations
            .map(|at| json!({"line": at.line, "column": at.column}))
            .collect()
    }
}

/// The position where `span` begins.
pub(super) fn position(
    document: &ExecutableDocument,
    span: Option<SourceSpan>,
) -> Option<Position> {
    let at = span?.line_column(&document.sources)?;
    Some(Position {
        line: at.line,
        column: at.column,
    })
}
