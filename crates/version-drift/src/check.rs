//! Compares an operation with the schema of another API version.

use apollo_compiler::ast::{DirectiveList, Value};
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::validation::DiagnosticList;
use apollo_compiler::{ExecutableDocument, Node, Schema};
use chrono::NaiveDate;

use crate::input::InputChanges;
use crate::type_change::type_change;
use crate::{ApiVersion, Finding, FindingKind, Operation, ReadError, supported_until};

/// Lists what a version treats differently than the pinned one, and what it deprecates, ordered by file and line. The
/// days left are counted from `today`.
///
/// # Errors
/// [`ReadError::Operation`] if an operation is invalid in the pinned version.
pub fn check(
    operations: &[Operation],
    pinned: &ApiVersion,
    version: &ApiVersion,
    today: NaiveDate,
) -> Result<Vec<Finding>, ReadError> {
    let ending = if version.name < pinned.name {
        version
    } else {
        pinned
    };
    let until = supported_until(&ending.name);
    let mut findings = Vec::new();
    for operation in operations {
        let document = parse(operation, pinned)?;
        let mut check = OperationCheck {
            operation,
            version,
            document: &document,
            until,
            days_left: until.map(|until| (until - today).num_days()),
            findings: Vec::new(),
        };
        check.validate();
        check.walk(&pinned.schema);
        let place = |finding: &Finding| (finding.line, finding.column, finding.kind);
        check.findings.sort_by_key(place);
        check.findings.dedup();
        findings.append(&mut check.findings);
    }
    Ok(findings)
}

fn parse(operation: &Operation, pinned: &ApiVersion) -> Result<ExecutableDocument, ReadError> {
    let (text, path) = (&operation.text, &operation.path);
    let document = ExecutableDocument::parse_and_validate(&pinned.schema, text, path);
    let document = document.map_err(|failed| {
        let reasons = validation_errors(&failed.errors);
        let reasons = reasons
            .into_iter()
            .map(|((line, _), reason)| format!("line {line}: {reason}"));
        ReadError::Operation {
            path: path.clone(),
            version: pinned.name.clone(),
            reason: reasons.collect::<Vec<_>>().join("; "),
        }
    })?;
    Ok(document.into_inner())
}

/// Returns line, column and message of each validation error, without errors that only follow from others.
fn validation_errors(errors: &DiagnosticList) -> Vec<((usize, usize), String)> {
    // Errors that follow when an unknown field is removed.
    const FOLLOWS: [&str; 2] = [
        "unused variable",
        "interface, union and object types must have",
    ];
    let follows = |message: &str| FOLLOWS.iter().any(|start| message.starts_with(start));
    let errors_found = errors.iter().map(|error| {
        let start = error.line_column_range().map(|range| range.start);
        let place = start.map_or((1, 1), |start| (start.line, start.column));
        (place, error.to_json().message)
    });
    let errors_found: Vec<_> = errors_found.collect();
    let (following, causes): (Vec<_>, Vec<_>) = errors_found
        .into_iter()
        .partition(|(_, message)| follows(message));
    if causes.is_empty() { following } else { causes }
}

/// Checks one operation against one version.
pub(crate) struct OperationCheck<'a> {
    operation: &'a Operation,
    version: &'a ApiVersion,
    /// Validated against the pinned version.
    document: &'a ExecutableDocument,
    until: Option<NaiveDate>,
    days_left: Option<i64>,
    findings: Vec<Finding>,
}

impl OperationCheck<'_> {
    pub(crate) fn report(&mut self, at: Option<SourceSpan>, kind: FindingKind, message: String) {
        let place = at.and_then(|at| at.line_column(&self.document.sources));
        let (line, column) = place.map_or((1, 1), |place| (place.line, place.column));
        self.push(line, column, kind, message);
    }

    fn push(&mut self, line: usize, column: usize, kind: FindingKind, message: String) {
        self.findings.push(Finding {
            path: self.operation.path.clone(),
            line,
            column,
            version: self.version.name.clone(),
            kind,
            message,
            until: self.until,
            days_left: self.days_left,
        });
    }

    /// Reports what the version rejects.
    fn validate(&mut self) {
        let (text, path) = (&self.operation.text, &self.operation.path);
        let schema = &self.version.schema;
        let Err(invalid) = ExecutableDocument::parse_and_validate(schema, text, path) else {
            return;
        };
        for ((line, column), message) in validation_errors(&invalid.errors) {
            self.push(line, column, FindingKind::Removed, message);
        }
    }

    /// Reports what the version accepts, but treats differently.
    fn walk(&mut self, pinned: &Schema) {
        let document = self.document;
        let operations = document.operations.iter();
        let of_operations = operations.map(|operation| &operation.selection_set);
        let fragments = document.fragments.values();
        let of_fragments = fragments.map(|fragment| &fragment.selection_set);
        for set in of_operations.chain(of_fragments) {
            self.selections(set, pinned);
        }
        for operation in document.operations.iter() {
            for variable in &operation.variables {
                let name = variable.ty.inner_named_type();
                let changes = InputChanges::between(pinned, &self.version.schema, name);
                for (kind, message) in changes {
                    self.report(variable.name.location(), kind, message);
                }
            }
        }
    }

    fn selections(&mut self, set: &SelectionSet, pinned: &Schema) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    self.field(set.ty.as_str(), field, pinned);
                    self.selections(&field.selection_set, pinned);
                }
                Selection::InlineFragment(fragment) => {
                    self.selections(&fragment.selection_set, pinned);
                }
                // Fragments are visited at their definition.
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn field(&mut self, parent: &str, field: &Node<Field>, pinned: &Schema) {
        let schema = &self.version.schema;
        // A validation error already reports the missing field.
        let Ok(now) = schema.type_field(parent, &field.name) else {
            return;
        };
        let at = field.name.location();
        let name = format!("`{parent}.{}`", field.name);
        if let Some(reason) = deprecation(&now.directives) {
            self.report(at, FindingKind::Deprecated, format!("{name}: {reason}"));
        }
        let (before, after) = (field.ty(), &now.ty);
        if let Some(kind) = type_change(before, after) {
            let message = match kind {
                FindingKind::Nullable => {
                    format!("{name} can be null: `{after}` instead of `{before}`")
                }
                FindingKind::NeverNull => {
                    format!("{name} is never null: `{after}` instead of `{before}`")
                }
                _ => format!("{name} is `{after}` instead of `{before}`"),
            };
            self.report(at, kind, message);
        } else if let Some(added) = added_members(pinned, schema, after.inner_named_type()) {
            self.report(
                at,
                FindingKind::Extended,
                format!("{name} can also be {added}"),
            );
        }
        self.arguments(&name, field, now);
    }

    fn arguments(&mut self, name: &str, field: &Field, now: &Node<FieldDefinition>) {
        let schema = &self.version.schema;
        for argument in &field.arguments {
            let Some(definition) = now.argument_by_name(&argument.name) else {
                continue;
            };
            let at = argument.name.location();
            if let Some(reason) = deprecation(&definition.directives) {
                let message = format!("argument `{}` of {name}: {reason}", argument.name);
                self.report(at, FindingKind::Deprecated, message);
            }
            let type_name = definition.ty.inner_named_type();
            for message in deprecated_values(schema, type_name, &argument.value) {
                self.report(at, FindingKind::Deprecated, message);
            }
        }
    }
}

fn deprecation(directives: &DirectiveList) -> Option<String> {
    let directive = directives.get("deprecated")?;
    let reason = directive.specified_argument_by_name("reason");
    let reason = reason.and_then(|reason| reason.as_str());
    Some(reason.unwrap_or("no reason given").to_owned())
}

/// Returns the deprecations in a literal value.
fn deprecated_values(schema: &Schema, type_name: &str, value: &Value) -> Vec<String> {
    match (schema.types.get(type_name), value) {
        (Some(ExtendedType::Enum(definition)), Value::Enum(name)) => {
            let value = definition.values.get(name);
            let reason = value.and_then(|value| deprecation(&value.directives));
            let message = reason.map(|reason| format!("`{type_name}.{name}`: {reason}"));
            message.into_iter().collect()
        }
        (Some(ExtendedType::InputObject(definition)), Value::Object(fields)) => {
            let mut messages = Vec::new();
            for (name, value) in fields {
                let Some(field) = definition.fields.get(name) else {
                    continue;
                };
                let reason = deprecation(&field.directives);
                messages.extend(reason.map(|reason| format!("`{type_name}.{name}`: {reason}")));
                let inner = field.ty.inner_named_type();
                messages.extend(deprecated_values(schema, inner, value));
            }
            messages
        }
        (_, Value::List(values)) => values
            .iter()
            .flat_map(|value| deprecated_values(schema, type_name, value))
            .collect(),
        _ => Vec::new(),
    }
}

/// Returns the new values of an enum or members of a union.
fn added_members(before: &Schema, after: &Schema, name: &str) -> Option<String> {
    let names = |schema: &Schema| -> Option<Vec<String>> {
        match schema.types.get(name)? {
            ExtendedType::Enum(definition) => {
                Some(definition.values.keys().map(ToString::to_string).collect())
            }
            ExtendedType::Union(definition) => {
                let members = definition.members.iter();
                Some(members.map(ToString::to_string).collect())
            }
            _ => None,
        }
    };
    let known = names(before)?;
    let mut new = names(after)?;
    new.retain(|name| !known.contains(name));
    (!new.is_empty()).then(|| format!("`{}`", new.join("`, `")))
}
