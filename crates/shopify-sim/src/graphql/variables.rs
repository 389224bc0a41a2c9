//! Coerces variables and argument values to their input types.

use apollo_compiler::ast::{Type, Value as Literal};
use apollo_compiler::executable::Operation;
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{ExecutableDocument, Name, Node};
use serde_json::{Map, Value, json};

use super::pinned_schema::PinnedSchema;
use super::position::{Position, position};

/// A coercion error and the path to the value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CoercionError {
    pub(super) path: Vec<Value>,
    pub(super) explanation: String,
}

/// The operation's variables with their defaults, or Shopify's errors about them.
pub(super) fn coerce_variables(
    pinned: &PinnedSchema,
    document: &ExecutableDocument,
    operation: &Operation,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Vec<Value>> {
    let mut coerced = Map::new();
    let mut errors = Vec::new();
    for variable in &operation.variables {
        let name = variable.name.as_str();
        let default = variable.default_value.as_ref();
        let value = match given.get(name) {
            Some(value) => value.clone(),
            None => match default.and_then(|default| literal(default, &coerced)) {
                Some(default) => default,
                None if variable.ty.is_non_null() => Value::Null,
                None => continue,
            },
        };
        let mut coercion = Coercion::new(pinned);
        let result = coercion.coerce(&variable.ty, value.clone());
        if coercion.problems.is_empty() {
            coerced.insert(name.to_owned(), result);
        } else {
            let at = position(document, variable.location());
            errors.push(error(name, &variable.ty, &value, &coercion.problems, at));
        }
    }
    if errors.is_empty() {
        Ok(coerced)
    } else {
        Err(errors)
    }
}

fn error(
    name: &str,
    ty: &Type,
    value: &Value,
    problems: &[CoercionError],
    at: Option<Position>,
) -> Value {
    let mut message = format!("Variable ${name} of type {ty} was provided invalid value");
    let within = problems.iter().filter(|problem| !problem.path.is_empty());
    let within: Vec<_> = within
        .map(|problem| {
            let steps = problem.path.iter().map(|step| match step {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let path = steps.collect::<Vec<_>>().join(".");
            format!("{path} ({})", problem.explanation)
        })
        .collect();
    if !within.is_empty() {
        message = format!("{message} for {}", within.join(", "));
    }
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| json!({"path": problem.path, "explanation": problem.explanation}))
        .collect();
    json!({
        "message": message,
        "locations": Position::locations(at),
        "extensions": {"code": "INVALID_VARIABLE", "value": value, "problems": problems},
    })
}

/// The value of a literal; `None` for a variable that was not given.
pub(super) fn literal(value: &Literal, variables: &Map<String, Value>) -> Option<Value> {
    Some(match value {
        Literal::Null => Value::Null,
        Literal::Variable(name) => return variables.get(name.as_str()).cloned(),
        Literal::Enum(name) => name.as_str().into(),
        Literal::String(text) => text.as_str().into(),
        Literal::Boolean(flag) => (*flag).into(),
        Literal::Int(number) => serde_json::from_str(number.as_str()).unwrap_or_default(),
        Literal::Float(number) => serde_json::from_str(number.as_str()).unwrap_or_default(),
        Literal::List(values) => {
            let values = values.iter();
            values
                .map(|value| literal(value, variables).unwrap_or_default())
                .collect()
        }
        Literal::Object(fields) => {
            let fields = fields.iter();
            fields
                .filter_map(|(name, value)| Some((name.to_string(), literal(value, variables)?)))
                .collect()
        }
    })
}

/// The coercion of one value, and the errors found so far.
pub(super) struct Coercion<'a> {
    pinned: &'a PinnedSchema,
    path: Vec<Value>,
    pub(super) problems: Vec<CoercionError>,
}

impl<'a> Coercion<'a> {
    pub(super) fn new(pinned: &'a PinnedSchema) -> Self {
        Self {
            pinned,
            path: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn add_error(&mut self, explanation: impl Into<String>) -> Value {
        let path = self.path.clone();
        self.problems.push(CoercionError {
            path,
            explanation: explanation.into(),
        });
        Value::Null
    }

    pub(super) fn coerce(&mut self, ty: &Type, value: Value) -> Value {
        if value.is_null() {
            return if ty.is_non_null() {
                self.add_error("Expected value to not be null")
            } else {
                value
            };
        }
        match ty {
            Type::List(of) | Type::NonNullList(of) => match value {
                Value::Array(values) => {
                    let values = values.into_iter().enumerate();
                    values
                        .map(|(index, value)| {
                            self.at_path(index, |coercion| coercion.coerce(of, value))
                        })
                        .collect()
                }
                single => Value::Array(vec![self.coerce(of, single)]),
            },
            Type::Named(name) | Type::NonNullNamed(name) => self.coerce_named(name, value),
        }
    }

    fn at_path(
        &mut self,
        step: impl Into<Value>,
        coerce: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        self.path.push(step.into());
        let value = coerce(self);
        self.path.pop();
        value
    }

    fn coerce_named(&mut self, name: &Name, value: Value) -> Value {
        match self.pinned.schema.types.get(name) {
            Some(ExtendedType::Scalar(_)) => self.scalar(name, value),
            Some(ExtendedType::Enum(of)) => {
                let known = |text: &str| of.values.contains_key(text);
                if value.as_str().is_some_and(known) {
                    return value;
                }
                let names: Vec<_> = of.values.keys().map(Name::as_str).collect();
                self.add_error(format!(
                    "Expected {value} to be one of: {}",
                    names.join(", ")
                ))
            }
            Some(ExtendedType::InputObject(of)) => match value {
                Value::Object(fields) => self.input_object(of, fields),
                other => self.add_error(format!("Expected {other} to be a key-value object.")),
            },
            _ => self.add_error(format!("{name} is not an input type")),
        }
    }

    fn scalar(&mut self, name: &str, value: Value) -> Value {
        let fits = match name {
            "Int" => value
                .as_i64()
                .is_some_and(|number| i32::try_from(number).is_ok()),
            "Float" => value.is_number(),
            "Boolean" => value.is_boolean(),
            "JSON" => true,
            "ID" => {
                let text = value.as_str().map(str::to_owned);
                let text = text.unwrap_or_else(|| value.to_string());
                if !is_gid(&text) {
                    return self.add_error(format!("Invalid global id '{text}'"));
                }
                true
            }
            _ => value.is_string(),
        };
        if fits {
            value
        } else {
            self.add_error(format!("Could not coerce value {value} to {name}"))
        }
    }

    fn input_object(
        &mut self,
        of: &Node<InputObjectType>,
        mut fields: Map<String, Value>,
    ) -> Value {
        let unknown: Vec<_> = fields
            .keys()
            .filter(|key| !of.fields.contains_key(key.as_str()))
            .cloned()
            .collect();
        for key in unknown {
            let explanation = format!("Field is not defined on {}", of.name);
            self.at_path(key, |coercion| coercion.add_error(explanation));
        }
        let mut coerced = Map::new();
        for (name, field) in &of.fields {
            let default = || {
                let default = field.default_value.as_ref()?;
                literal(default, &Map::new())
            };
            let value = match fields.remove(name.as_str()).or_else(default) {
                Some(value) => value,
                None if field.ty.is_non_null() => Value::Null,
                None => continue,
            };
            let value = self.at_path(name.as_str(), |coercion| coercion.coerce(&field.ty, value));
            coerced.insert(name.to_string(), value);
        }
        coerced.into()
    }
}

/// Whether `text` has the form of a global id. The last part of some ids is not a number.
fn is_gid(text: &str) -> bool {
    let rest = text.strip_prefix("gid://shopify/");
    rest.and_then(|rest| rest.split_once('/'))
        .is_some_and(|(kind, id)| !kind.is_empty() && !id.is_empty())
}
