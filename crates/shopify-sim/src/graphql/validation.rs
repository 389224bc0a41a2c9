//! Converts validation errors of apollo-compiler to Shopify's wording.
//!
//! apollo-compiler reports the kind and the location of an error; the names involved are only in its messages.

use apollo_compiler::Schema;
use apollo_compiler::ast::{Argument, Definition, Document, Field, OperationType, Selection};
use apollo_compiler::diagnostic::ToCliReport as _;
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::validation::{DiagnosticData, DiagnosticList};
use serde_json::{Map, Value, json};

use super::position::Position;

/// The list `errors` for an invalid document.
pub(super) fn errors(schema: &Schema, problems: &DiagnosticList, query: &str) -> Vec<Value> {
    let document = match Document::parse(query, "request.graphql") {
        Ok(document) => document,
        Err(partial) => partial.partial,
    };
    let errors = problems.iter().filter_map(|problem| {
        let at = problem.line_column_range().map(|range| Position {
            line: range.start.line,
            column: range.start.column,
        });
        let offset = problem.error.location().map(|span| span.offset());
        let location = offset.map_or_else(SourceLocation::default, |offset| {
            SourceLocation::find(&document, offset)
        });
        let diagnostic = Diagnostic::new(schema, problem.error);
        // apollo-compiler ignores unknown fields in a selection set, so it reports the set as missing if it has only
        // those.
        let is_consequence = diagnostic.kind == "MissingSubselection" && location.has_selections();
        (!is_consequence).then(|| error(&diagnostic, &location, at))
    });
    errors.collect()
}

/// The error for a request whose operation is ambiguous or unknown.
pub(super) fn unknown_operation(name: Option<&str>) -> Value {
    let message = match name {
        Some(name) => format!("No operation named \"{name}\""),
        None => "An operation name is required".to_owned(),
    };
    json!({ "message": message })
}

fn error(
    diagnostic: &Diagnostic<'_>,
    location: &SourceLocation<'_>,
    at: Option<Position>,
) -> Value {
    let validation_error = diagnostic.validation_error(location);
    let mut error = Map::new();
    error.insert("message".to_owned(), validation_error.message.into());
    error.insert("locations".to_owned(), Position::locations(at));
    if let Some(code) = validation_error.code {
        let mut extensions = Map::new();
        extensions.insert("code".to_owned(), code.into());
        let details = validation_error.details.into_iter();
        extensions.extend(details.map(|(key, value)| (key.to_owned(), value.into())));
        error.insert("path".to_owned(), location.path.clone().into());
        error.insert("extensions".to_owned(), extensions.into());
    }
    error.into()
}

/// An error in Shopify's wording.
struct ValidationError {
    code: Option<&'static str>,
    message: String,
    details: Vec<(&'static str, String)>,
}

impl ValidationError {
    fn new<const N: usize>(
        code: &'static str,
        message: String,
        details: [(&'static str, &str); N],
    ) -> Self {
        Self {
            code: Some(code),
            message,
            details: details.map(|(key, value)| (key, value.to_owned())).into(),
        }
    }
}

/// A diagnostic of apollo-compiler.
struct Diagnostic<'a> {
    schema: &'a Schema,
    kind: &'static str,
    /// apollo-compiler's own message, with names in backquotes.
    message_text: String,
    /// The message in the wording of graphql-js, with names in double quotes.
    compat_message: String,
}

impl<'a> Diagnostic<'a> {
    fn new(schema: &'a Schema, problem: &DiagnosticData) -> Self {
        let message_text = problem.to_string();
        Self {
            schema,
            kind: problem.unstable_error_name().unwrap_or("Syntax"),
            compat_message: problem.unstable_compat_message().unwrap_or_default(),
            message_text,
        }
    }

    /// The name at `index` in the message.
    fn name(&self, index: usize) -> &str {
        let (text, quote) = if self.compat_message.is_empty() {
            (&self.message_text, '`')
        } else {
            (&self.compat_message, '"')
        };
        text.split(quote).nth(2 * index + 1).unwrap_or_default()
    }

    /// The name at `index` in apollo-compiler's own message.
    fn name_in_message(&self, index: usize) -> &str {
        self.message_text
            .split('`')
            .nth(2 * index + 1)
            .unwrap_or_default()
            .trim_start_matches('$')
    }

    fn validation_error(&self, location: &SourceLocation<'_>) -> ValidationError {
        match self.kind {
            "UndefinedField" => {
                let (field, owner) = (self.name(0), self.name(1));
                ValidationError::new(
                    "undefinedField",
                    format!("Field '{field}' doesn't exist on type '{owner}'"),
                    [("typeName", owner), ("fieldName", field)],
                )
            }
            "UndefinedArgument" => {
                let (argument, field) = (self.name(0), location.field_name());
                ValidationError::new(
                    "argumentNotAccepted",
                    format!("Field '{field}' doesn't accept argument '{argument}'"),
                    [
                        ("name", field),
                        ("typeName", "Field"),
                        ("argumentName", argument),
                    ],
                )
            }
            "RequiredArgument" => {
                let (field, argument) = (self.name(0), self.name(1));
                ValidationError::new(
                    "missingRequiredArguments",
                    format!("Field '{field}' is missing required arguments: {argument}"),
                    [
                        ("className", "Field"),
                        ("name", field),
                        ("arguments", argument),
                    ],
                )
            }
            "UndefinedInputValue" => {
                let (field, owner) = (self.name(0), self.name(1));
                ValidationError::new(
                    "argumentNotAccepted",
                    format!("InputObject '{owner}' doesn't accept argument '{field}'"),
                    [
                        ("name", owner),
                        ("typeName", "InputObject"),
                        ("argumentName", field),
                    ],
                )
            }
            "UnsupportedValueType"
            | "IntCoercionError"
            | "FloatCoercionError"
            | "UndefinedEnumValue"
            | "RequiredField" => self.wrong_value(location),
            _ => self.variable_or_fragment(location),
        }
    }

    fn wrong_value(&self, location: &SourceLocation<'_>) -> ValidationError {
        let field = location.field_name();
        let argument = location
            .argument
            .map_or("", |argument| argument.name.as_str());
        let value = location
            .argument
            .map_or_else(String::new, |argument| argument.value.to_string());
        let expected = self.message_text.strip_prefix("expected value of type ");
        let ty = match (self.kind, expected) {
            ("IntCoercionError", _) => "Int",
            ("FloatCoercionError", _) => "Float",
            ("UndefinedEnumValue", _) => self.name(1),
            (_, Some(expected)) => expected.split(',').next().unwrap_or_default(),
            _ => self.name(0),
        };
        ValidationError::new(
            "argumentLiteralsIncompatible",
            format!(
                "Argument '{argument}' on Field '{field}' has an invalid value ({value}). Expected type '{ty}'."
            ),
            [("typeName", "Field"), ("argumentName", argument)],
        )
    }

    fn variable_or_fragment(&self, location: &SourceLocation<'_>) -> ValidationError {
        match self.kind {
            "DisallowedVariableUsage" => {
                let [variable, given, argument, expected] =
                    [0, 1, 2, 3].map(|index| self.name_in_message(index));
                ValidationError::new(
                    "variableMismatch",
                    format!(
                        "Type mismatch on variable ${variable} and argument {argument} ({given} / {expected})"
                    ),
                    [
                        ("variableName", variable),
                        ("typeName", given),
                        ("argumentName", argument),
                        ("errorMessage", "Type mismatch"),
                    ],
                )
            }
            "UndefinedVariable" => {
                let variable = self.name_in_message(0);
                ValidationError::new(
                    "variableNotDefined",
                    format!(
                        "Variable ${variable} is used by {} but not declared",
                        location.operation
                    ),
                    [("variableName", variable)],
                )
            }
            "UnusedVariable" => {
                let variable = self.name_in_message(0);
                ValidationError::new(
                    "variableNotUsed",
                    format!(
                        "Variable ${variable} is declared by {} but not used",
                        location.operation
                    ),
                    [("variableName", variable)],
                )
            }
            "UndefinedFragment" => {
                let fragment = self.name_in_message(0);
                ValidationError::new(
                    "useAndDefineFragment",
                    format!("Fragment {fragment} was used, but not defined"),
                    [("fragmentName", fragment)],
                )
            }
            "UnusedFragment" => {
                let fragment = self.name_in_message(0);
                ValidationError::new(
                    "useAndDefineFragment",
                    format!("Fragment {fragment} was defined, but not used"),
                    [("fragmentName", fragment)],
                )
            }
            _ => self.structural(location),
        }
    }

    fn structural(&self, location: &SourceLocation<'_>) -> ValidationError {
        let field = location.field_name();
        match self.kind {
            "MissingSubselection" => {
                let definition = self.schema.type_field(self.name(1), field).ok();
                let ty = definition.map_or("", |it| it.ty.inner_named_type().as_str());
                ValidationError::new(
                    "selectionMismatch",
                    format!(
                        "Field must have selections (field '{field}' returns {ty} but has no selections. Did you mean '{field} {{ ... }}'?)"
                    ),
                    [("nodeName", field), ("typeName", ty)],
                )
            }
            "SubselectionOnScalarType" | "SubselectionOnEnumType" => {
                let (field, ty) = (self.name(0), self.name(1));
                ValidationError::new(
                    "selectionMismatch",
                    format!(
                        "Selections can't be made on scalars (field '{field}' returns {ty} but has selections)"
                    ),
                    [("nodeName", field), ("typeName", ty)],
                )
            }
            "UndefinedDefinition"
            | "UndefinedTypeInNamedFragmentTypeCondition"
            | "UndefinedTypeInInlineFragmentTypeCondition" => {
                let ty = self.name(0);
                ValidationError::new(
                    "undefinedType",
                    format!("No such type {ty}"),
                    [("typeName", ty)],
                )
            }
            "InvalidFragmentSpread" => {
                ValidationError::new("cannotSpreadFragment", self.compat_message.clone(), [])
            }
            "ConflictingFieldType" | "ConflictingFieldName" | "ConflictingFieldArgument" => {
                ValidationError::new("fieldConflict", self.compat_message.clone(), [])
            }
            "UndefinedDirective" => {
                let directive = self.name_in_message(0).trim_start_matches('@').to_owned();
                ValidationError::new(
                    "undefinedDirective",
                    format!("Directive @{directive} is not defined"),
                    [("directiveName", &directive)],
                )
            }
            "Syntax" => ValidationError {
                code: None,
                message: self.message_text.clone(),
                details: Vec::new(),
            },
            _ => ValidationError::new("invalidDocument", self.message_text.clone(), []),
        }
    }
}

/// The part of the document that an error is about.
#[derive(Default)]
struct SourceLocation<'a> {
    /// `query Name` or the like, then the response keys down to the location.
    path: Vec<Value>,
    /// The operation's name, as messages write it.
    operation: String,
    field: Option<&'a Field>,
    argument: Option<&'a Argument>,
}

impl<'a> SourceLocation<'a> {
    fn find(document: &'a Document, offset: usize) -> Self {
        let mut location = Self::default();
        for definition in &document.definitions {
            match definition {
                Definition::OperationDefinition(operation)
                    if contains(operation.location(), offset) =>
                {
                    let kind = match operation.operation_type {
                        OperationType::Query => "query",
                        OperationType::Mutation => "mutation",
                        OperationType::Subscription => "subscription",
                    };
                    location.name(kind, operation.name.as_deref());
                    location.descend(&operation.selection_set, offset);
                }
                Definition::FragmentDefinition(fragment)
                    if contains(fragment.location(), offset) =>
                {
                    location.name("fragment", Some(&fragment.name));
                    location.descend(&fragment.selection_set, offset);
                }
                _ => {}
            }
        }
        location
    }

    fn name(&mut self, kind: &str, name: Option<&str>) {
        let whole = match name {
            Some(name) => format!("{kind} {name}"),
            None => kind.to_owned(),
        };
        let anonymous = || format!("anonymous {kind}");
        self.operation = name.map_or_else(anonymous, str::to_owned);
        self.path.push(whole.into());
    }

    fn descend(&mut self, selections: &'a [Selection], offset: usize) {
        for selection in selections {
            match selection {
                Selection::Field(field) if contains(field.location(), offset) => {
                    self.path.push(field.response_name().as_str().into());
                    self.field = Some(field);
                    let mut arguments = field.arguments.iter();
                    if let Some(argument) = arguments.find(|it| contains(it.location(), offset)) {
                        self.path.push(argument.name.as_str().into());
                        self.argument = Some(argument);
                    }
                    self.descend(&field.selection_set, offset);
                }
                Selection::InlineFragment(fragment) if contains(fragment.location(), offset) => {
                    let condition = fragment.type_condition.as_deref();
                    let step = condition.map_or("...".to_owned(), |ty| format!("... on {ty}"));
                    self.path.push(step.into());
                    self.descend(&fragment.selection_set, offset);
                }
                Selection::FragmentSpread(spread) if contains(spread.location(), offset) => {
                    self.path
                        .push(format!("... {}", spread.fragment_name).into());
                }
                _ => {}
            }
        }
    }

    fn has_selections(&self) -> bool {
        self.field
            .is_some_and(|field| !field.selection_set.is_empty())
    }

    fn field_name(&self) -> &'a str {
        self.field.map_or("", |field| field.name.as_str())
    }
}

fn contains(span: Option<SourceSpan>, offset: usize) -> bool {
    span.is_some_and(|span| (span.offset()..span.end_offset()).contains(&offset))
}
