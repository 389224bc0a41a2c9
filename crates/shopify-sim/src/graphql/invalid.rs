//! Documents that do not fit the schema, in the words of Shopify's own checks.
//!
//! apollo-compiler tells what is wrong and where; which names are involved stands in its messages.

use apollo_compiler::Schema;
use apollo_compiler::ast::{Argument, Definition, Document, Field, OperationType, Selection};
use apollo_compiler::diagnostic::ToCliReport as _;
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::validation::{DiagnosticData, DiagnosticList};
use serde_json::{Map, Value, json};

use super::refusal::Position;

/// The list `errors` for a document that is not valid.
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
        let spot = offset.map_or_else(Spot::default, |offset| Spot::find(&document, offset));
        let told = Told::by(schema, problem.error);
        // Fields that do not exist are not selected, says apollo-compiler.
        let follows = told.kind == "MissingSubselection" && spot.has_selections();
        (!follows).then(|| error(&told, &spot, at))
    });
    errors.collect()
}

/// The error for a request that does not say which of its operations is meant.
pub(super) fn no_operation(name: Option<&str>) -> Value {
    let message = match name {
        Some(name) => format!("No operation named \"{name}\""),
        None => "An operation name is required".to_owned(),
    };
    json!({ "message": message })
}

fn error(told: &Told<'_>, spot: &Spot<'_>, at: Option<Position>) -> Value {
    let complaint = told.complaint(spot);
    let mut error = Map::new();
    error.insert("message".to_owned(), complaint.message.into());
    error.insert("locations".to_owned(), Position::locations(at));
    if let Some(code) = complaint.code {
        let mut extensions = Map::new();
        extensions.insert("code".to_owned(), code.into());
        let more = complaint.more.into_iter();
        extensions.extend(more.map(|(key, value)| (key.to_owned(), value.into())));
        error.insert("path".to_owned(), spot.path.clone().into());
        error.insert("extensions".to_owned(), extensions.into());
    }
    error.into()
}

/// What is said to the client.
struct Complaint {
    code: Option<&'static str>,
    message: String,
    more: Vec<(&'static str, String)>,
}

impl Complaint {
    fn new<const N: usize>(
        code: &'static str,
        message: String,
        more: [(&'static str, &str); N],
    ) -> Self {
        Self {
            code: Some(code),
            message,
            more: more.map(|(key, value)| (key, value.to_owned())).into(),
        }
    }
}

/// What apollo-compiler told.
struct Told<'a> {
    schema: &'a Schema,
    kind: &'static str,
    /// In its own words.
    plain: String,
    /// In the words of graphql-js, with names in double quotes.
    quoted: String,
}

impl<'a> Told<'a> {
    fn by(schema: &'a Schema, problem: &DiagnosticData) -> Self {
        let plain = problem.to_string();
        Self {
            schema,
            kind: problem.unstable_error_name().unwrap_or("Syntax"),
            quoted: problem.unstable_compat_message().unwrap_or_default(),
            plain,
        }
    }

    /// The `place`th name in the message.
    fn name(&self, place: usize) -> &str {
        let (text, mark) = if self.quoted.is_empty() {
            (&self.plain, '`')
        } else {
            (&self.quoted, '"')
        };
        text.split(mark).nth(2 * place + 1).unwrap_or_default()
    }

    /// The `place`th name in the plain message.
    fn plain_name(&self, place: usize) -> &str {
        self.plain
            .split('`')
            .nth(2 * place + 1)
            .unwrap_or_default()
            .trim_start_matches('$')
    }

    fn complaint(&self, spot: &Spot<'_>) -> Complaint {
        match self.kind {
            "UndefinedField" => {
                let (field, owner) = (self.name(0), self.name(1));
                Complaint::new(
                    "undefinedField",
                    format!("Field '{field}' doesn't exist on type '{owner}'"),
                    [("typeName", owner), ("fieldName", field)],
                )
            }
            "UndefinedArgument" => {
                let (argument, field) = (self.name(0), spot.field_name());
                Complaint::new(
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
                Complaint::new(
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
                Complaint::new(
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
            | "RequiredField" => self.wrong_value(spot),
            _ => self.variable_or_fragment(spot),
        }
    }

    fn wrong_value(&self, spot: &Spot<'_>) -> Complaint {
        let field = spot.field_name();
        let argument = spot.argument.map_or("", |argument| argument.name.as_str());
        let value = spot
            .argument
            .map_or_else(String::new, |argument| argument.value.to_string());
        let expected = self.plain.strip_prefix("expected value of type ");
        let ty = match (self.kind, expected) {
            ("IntCoercionError", _) => "Int",
            ("FloatCoercionError", _) => "Float",
            ("UndefinedEnumValue", _) => self.name(1),
            (_, Some(expected)) => expected.split(',').next().unwrap_or_default(),
            _ => self.name(0),
        };
        Complaint::new(
            "argumentLiteralsIncompatible",
            format!(
                "Argument '{argument}' on Field '{field}' has an invalid value ({value}). Expected type '{ty}'."
            ),
            [("typeName", "Field"), ("argumentName", argument)],
        )
    }

    fn variable_or_fragment(&self, spot: &Spot<'_>) -> Complaint {
        match self.kind {
            "DisallowedVariableUsage" => {
                let [variable, given, argument, wanted] =
                    [0, 1, 2, 3].map(|place| self.plain_name(place));
                Complaint::new(
                    "variableMismatch",
                    format!(
                        "Type mismatch on variable ${variable} and argument {argument} ({given} / {wanted})"
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
                let variable = self.plain_name(0);
                Complaint::new(
                    "variableNotDefined",
                    format!(
                        "Variable ${variable} is used by {} but not declared",
                        spot.operation
                    ),
                    [("variableName", variable)],
                )
            }
            "UnusedVariable" => {
                let variable = self.plain_name(0);
                Complaint::new(
                    "variableNotUsed",
                    format!(
                        "Variable ${variable} is declared by {} but not used",
                        spot.operation
                    ),
                    [("variableName", variable)],
                )
            }
            "UndefinedFragment" => {
                let fragment = self.plain_name(0);
                Complaint::new(
                    "useAndDefineFragment",
                    format!("Fragment {fragment} was used, but not defined"),
                    [("fragmentName", fragment)],
                )
            }
            "UnusedFragment" => {
                let fragment = self.plain_name(0);
                Complaint::new(
                    "useAndDefineFragment",
                    format!("Fragment {fragment} was defined, but not used"),
                    [("fragmentName", fragment)],
                )
            }
            _ => self.structure(spot),
        }
    }

    fn structure(&self, spot: &Spot<'_>) -> Complaint {
        let field = spot.field_name();
        match self.kind {
            "MissingSubselection" => {
                let definition = self.schema.type_field(self.name(1), field).ok();
                let ty = definition.map_or("", |it| it.ty.inner_named_type().as_str());
                Complaint::new(
                    "selectionMismatch",
                    format!(
                        "Field must have selections (field '{field}' returns {ty} but has no selections. Did you mean '{field} {{ ... }}'?)"
                    ),
                    [("nodeName", field), ("typeName", ty)],
                )
            }
            "SubselectionOnScalarType" | "SubselectionOnEnumType" => {
                let (field, ty) = (self.name(0), self.name(1));
                Complaint::new(
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
                Complaint::new(
                    "undefinedType",
                    format!("No such type {ty}"),
                    [("typeName", ty)],
                )
            }
            "InvalidFragmentSpread" => {
                Complaint::new("cannotSpreadFragment", self.quoted.clone(), [])
            }
            "ConflictingFieldType" | "ConflictingFieldName" | "ConflictingFieldArgument" => {
                Complaint::new("fieldConflict", self.quoted.clone(), [])
            }
            "UndefinedDirective" => {
                let directive = self.plain_name(0).trim_start_matches('@').to_owned();
                Complaint::new(
                    "undefinedDirective",
                    format!("Directive @{directive} is not defined"),
                    [("directiveName", &directive)],
                )
            }
            "Syntax" => Complaint {
                code: None,
                message: self.plain.clone(),
                more: Vec::new(),
            },
            _ => Complaint::new("invalidDocument", self.plain.clone(), []),
        }
    }
}

/// The part of the document that an error is about.
#[derive(Default)]
struct Spot<'a> {
    /// `query Name` or the like, then the fields down to it.
    path: Vec<Value>,
    /// The operation's name, as messages write it.
    operation: String,
    field: Option<&'a Field>,
    argument: Option<&'a Argument>,
}

impl<'a> Spot<'a> {
    fn find(document: &'a Document, offset: usize) -> Self {
        let mut spot = Self::default();
        for definition in &document.definitions {
            match definition {
                Definition::OperationDefinition(operation)
                    if holds(operation.location(), offset) =>
                {
                    let kind = match operation.operation_type {
                        OperationType::Query => "query",
                        OperationType::Mutation => "mutation",
                        OperationType::Subscription => "subscription",
                    };
                    spot.name(kind, operation.name.as_deref());
                    spot.descend(&operation.selection_set, offset);
                }
                Definition::FragmentDefinition(fragment) if holds(fragment.location(), offset) => {
                    spot.name("fragment", Some(&fragment.name));
                    spot.descend(&fragment.selection_set, offset);
                }
                _ => {}
            }
        }
        spot
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
                Selection::Field(field) if holds(field.location(), offset) => {
                    self.path.push(field.response_name().as_str().into());
                    self.field = Some(field);
                    let mut arguments = field.arguments.iter();
                    if let Some(argument) = arguments.find(|it| holds(it.location(), offset)) {
                        self.path.push(argument.name.as_str().into());
                        self.argument = Some(argument);
                    }
                    self.descend(&field.selection_set, offset);
                }
                Selection::InlineFragment(fragment) if holds(fragment.location(), offset) => {
                    let condition = fragment.type_condition.as_deref();
                    let step = condition.map_or("...".to_owned(), |ty| format!("... on {ty}"));
                    self.path.push(step.into());
                    self.descend(&fragment.selection_set, offset);
                }
                Selection::FragmentSpread(spread) if holds(spread.location(), offset) => {
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

fn holds(span: Option<SourceSpan>, offset: usize) -> bool {
    span.is_some_and(|span| (span.offset()..span.end_offset()).contains(&offset))
}
