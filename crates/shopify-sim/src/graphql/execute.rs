//! Executes a plan and writes the response data as JSON.
//!
//! A page can hold a hundred thousand values, so they are written directly to text, without building a tree.

use std::io::Write as _;

use serde_json::{Map, Value};

use super::cost;
use super::field_error::FieldError;
use super::object::{FieldResult, ResolvedValue, SelectedField};
use super::plan::{Field, FieldKind, Leaf, Plan, TypeWrapper};
use super::resolve::resolve;

/// The result of executing an operation.
#[derive(Debug)]
pub(crate) struct ExecutionResult {
    /// JSON; `null` if an error has propagated to the root.
    pub(crate) data: Vec<u8>,
    /// Empty on success.
    pub(crate) errors: Vec<Value>,
    pub(crate) actual_cost: u64,
}

impl ExecutionResult {
    /// The response body.
    pub(crate) fn into_body(self, extensions: &Value) -> Vec<u8> {
        let mut body = b"{\"data\":".to_vec();
        body.reserve(self.data.len() + 512);
        body.extend(self.data);
        if !self.errors.is_empty() {
            let errors = Value::from(self.errors);
            body.extend(format!(",\"errors\":{errors}").bytes());
        }
        body.extend(format!(",\"extensions\":{extensions}}}").bytes());
        body
    }
}

/// A null in a non-null position: it propagates to the enclosing value.
#[derive(Debug)]
pub(super) struct NullPropagation;

/// The actual cost of a written value.
pub(super) type CostResult = Result<u64, NullPropagation>;

#[derive(Debug, Clone, Copy)]
enum PathSegment<'p> {
    Key(&'p str),
    Index(usize),
}

/// A plan in execution, and its output so far.
#[derive(Debug, Default)]
pub(super) struct Execution<'p> {
    output: Vec<u8>,
    path: Vec<PathSegment<'p>>,
    errors: Vec<Value>,
}

impl<'p> Execution<'p> {
    /// Runs `plan`: `write` writes each of its root fields, in order.
    pub(super) fn run(
        plan: &'p Plan,
        write: impl FnMut(&mut Self, &'p Field) -> CostResult,
    ) -> ExecutionResult {
        let mut execution = Self::default();
        let cost = execution.write_fields(plan.fields(), &plan.introspection_data, write);
        let actual_cost = cost.unwrap_or_else(|NullPropagation| {
            execution.truncate_to_null(0);
            0
        });
        ExecutionResult {
            data: execution.output,
            errors: execution.errors,
            actual_cost,
        }
    }

    fn write_fields(
        &mut self,
        fields: &'p [Field],
        introspection: &Map<String, Value>,
        mut write: impl FnMut(&mut Self, &'p Field) -> CostResult,
    ) -> CostResult {
        let mut cost = 0;
        self.output.push(b'{');
        for (key, value) in introspection {
            self.write_json(&key.as_str().into());
            self.output.push(b':');
            self.write_json(value);
            self.output.push(b',');
        }
        for field in fields {
            self.output.extend_from_slice(field.json_key.as_bytes());
            cost += write(self, field)?;
            self.output.push(b',');
        }
        self.close(b'}');
        Ok(cost)
    }

    /// Ends a list or an object, replacing the comma after its last element.
    fn close(&mut self, with: u8) {
        if self.output.last() == Some(&b',') {
            self.output.pop();
        }
        self.output.push(with);
    }

    /// Replaces the output from `start` on with null.
    fn truncate_to_null(&mut self, start: usize) {
        self.output.truncate(start);
        self.output.extend_from_slice(b"null");
    }

    /// Resolves `field` on `of` and writes the result.
    pub(super) fn resolve_field(&mut self, field: &'p Field, of: &ResolvedValue<'_>) -> CostResult {
        let resolved = match field.kind {
            FieldKind::Typename => Ok(of.type_name().into()),
            _ => resolve(of, SelectedField { field }),
        };
        self.complete_field(field, resolved)
    }

    /// Writes the resolved value of `field`, or its error.
    pub(super) fn complete_field(
        &mut self,
        field: &'p Field,
        resolved: FieldResult<'_>,
    ) -> CostResult {
        self.path.push(PathSegment::Key(&field.response_key));
        let start = self.output.len();
        let cost = match resolved {
            Ok(value) => self.complete_value(field, &field.wrapper, &value),
            Err(error) => Err(self.record_error(field, &error)),
        };
        self.path.pop();
        self.propagate_null(&field.wrapper, start, cost)
    }

    fn propagate_null(
        &mut self,
        wrapper: &TypeWrapper,
        start: usize,
        cost: CostResult,
    ) -> CostResult {
        match cost {
            Err(NullPropagation) if wrapper.nullable() => {
                self.truncate_to_null(start);
                Ok(0)
            }
            cost => cost,
        }
    }

    fn complete_value(
        &mut self,
        field: &'p Field,
        wrapper: &TypeWrapper,
        value: &ResolvedValue<'_>,
    ) -> CostResult {
        match (wrapper, &field.kind, value) {
            (_, _, ResolvedValue::Null) => {
                if wrapper.nullable() {
                    self.output.extend_from_slice(b"null");
                    Ok(0)
                } else {
                    Err(self.type_mismatch(field, "null"))
                }
            }
            (TypeWrapper::List { of, .. }, _, ResolvedValue::List(values)) => {
                self.complete_list(field, of, values)
            }
            (TypeWrapper::Named { .. }, FieldKind::Leaf(leaf), value)
                if is_valid_leaf(leaf, value) =>
            {
                self.write_leaf(value);
                Ok(0)
            }
            (TypeWrapper::Named { .. }, FieldKind::Typename, value) => {
                self.write_leaf(value);
                Ok(0)
            }
            (TypeWrapper::Named { .. }, FieldKind::Composite(role, selections), value) => {
                let Some(fields) = selections.on(value.type_name()) else {
                    return Err(self.type_mismatch(field, value.type_name()));
                };
                let children = self.write_fields(fields, &Map::new(), |execution, field| {
                    execution.resolve_field(field, value)
                })?;
                Ok(cost::composite(*role, value.size(), children))
            }
            _ => Err(self.type_mismatch(field, "something else")),
        }
    }

    /// A list costs as much as its most expensive element.
    fn complete_list(
        &mut self,
        field: &'p Field,
        of: &TypeWrapper,
        values: &[ResolvedValue<'_>],
    ) -> CostResult {
        let mut max_cost = 0;
        self.output.push(b'[');
        for (index, element) in values.iter().enumerate() {
            self.path.push(PathSegment::Index(index));
            let start = self.output.len();
            let cost = self.complete_value(field, of, element);
            self.path.pop();
            max_cost = max_cost.max(self.propagate_null(of, start, cost)?);
            self.output.push(b',');
        }
        self.close(b']');
        Ok(max_cost)
    }

    fn write_leaf(&mut self, value: &ResolvedValue<'_>) {
        let output = &mut self.output;
        // Writing into memory does not fail.
        let _ = match value {
            ResolvedValue::String(text) => serde_json::to_writer(output, text).map_err(Into::into),
            ResolvedValue::Int(number) => write!(output, "{number}"),
            ResolvedValue::Boolean(flag) => write!(output, "{flag}"),
            ResolvedValue::Json(value) => serde_json::to_writer(output, value).map_err(Into::into),
            _ => Ok(()),
        };
    }

    fn write_json(&mut self, value: &Value) {
        self.write_leaf(&ResolvedValue::Json(value.clone()));
    }

    fn type_mismatch(&mut self, field: &'p Field, actual: &str) -> NullPropagation {
        let what = format!("{}.{}", field.parent_type, field.name);
        let error = FieldError::internal(format!("The simulator resolved {what} to {actual}."));
        self.record_error(field, &error)
    }

    fn record_error(&mut self, field: &'p Field, error: &FieldError) -> NullPropagation {
        let path = self.path.iter().map(|segment| match segment {
            PathSegment::Key(key) => Value::from(*key),
            PathSegment::Index(index) => Value::from(*index),
        });
        let error = error.error(path.collect(), field.position);
        self.errors.push(error);
        NullPropagation
    }
}

/// Whether `value` is valid for the type of the leaf.
fn is_valid_leaf(leaf: &Leaf, value: &ResolvedValue<'_>) -> bool {
    match (leaf, value) {
        (Leaf::Int, ResolvedValue::Int(number)) => i32::try_from(*number).is_ok(),
        (Leaf::Enum(of), ResolvedValue::String(text)) => of.values.contains_key(&**text),
        (Leaf::Float, ResolvedValue::Json(value)) => value.is_number(),
        (Leaf::Any, ResolvedValue::Json(_))
        | (Leaf::Boolean, ResolvedValue::Boolean(_))
        | (Leaf::String, ResolvedValue::String(_)) => true,
        _ => false,
    }
}
