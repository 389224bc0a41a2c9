//! Compiles an operation to a plan: for each object type, the selected fields and their arguments, without data.

use apollo_compiler::ast::{OperationType, Type};
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Field as Selected, Operation, Selection, SelectionSet};
use apollo_compiler::introspection;
use apollo_compiler::schema::{EnumType, ExtendedType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node};
use serde_json::{Map, Value, json};

use super::pinned_schema::PinnedSchema;
use super::position::{Position, position};
use super::variables::{Coercion, literal};

/// The compiled operation, with its variables filled in.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: Option<String>,
    pub(super) is_mutation: bool,
    root: SelectionsByType,
    /// The data of `__schema` and `__type`.
    pub(super) introspection_data: Map<String, Value>,
}

/// A selection set, for each object type that it can apply to.
#[derive(Debug)]
pub(super) struct SelectionsByType {
    by_type: Vec<(Name, Vec<Field>)>,
}

/// A selected field of one object type.
#[derive(Debug)]
pub(super) struct Field {
    /// The alias or name under which the response contains it.
    pub(super) response_key: String,
    /// The response key as JSON, with the colon.
    pub(super) json_key: String,
    pub(super) name: Name,
    /// The object type on which it is selected.
    pub(super) parent_type: Name,
    pub(super) arguments: Map<String, Value>,
    pub(super) wrapper: TypeWrapper,
    pub(super) kind: FieldKind,
    pub(super) position: Option<Position>,
}

/// How a field's type wraps its named type.
#[derive(Debug)]
pub(super) enum TypeWrapper {
    Named {
        nullable: bool,
    },
    List {
        nullable: bool,
        of: Box<TypeWrapper>,
    },
}

/// The kind of a field's named type.
#[derive(Debug)]
pub(super) enum FieldKind {
    Typename,
    Leaf(Leaf),
    Composite(Role, SelectionsByType),
}

/// The role of a composite type in computing the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Object,
    Connection,
    Edge,
    PageInfo,
}

/// The JSON form of a leaf type.
#[derive(Debug)]
pub(super) enum Leaf {
    Int,
    Float,
    Boolean,
    String,
    Enum(Node<EnumType>),
    Any,
}

impl Plan {
    /// Compiles `operation`. Errors are about arguments that are invalid only because of the variables.
    pub(super) fn new(
        pinned: &PinnedSchema,
        document: &Valid<ExecutableDocument>,
        operation: &Operation,
        variables: Map<String, Value>,
    ) -> Result<Self, Vec<Value>> {
        let introspection_data = execute_introspection(pinned, document, operation, &variables)?;
        let mut planner = Planner {
            pinned,
            document,
            variables,
            errors: Vec::new(),
        };
        let root = planner.selection(&[&operation.selection_set], operation.object_type());
        if !planner.errors.is_empty() {
            return Err(planner.errors);
        }
        Ok(Self {
            name: operation.name.as_ref().map(Name::to_string),
            is_mutation: operation.operation_type == OperationType::Mutation,
            root,
            introspection_data,
        })
    }

    pub(super) fn fields(&self) -> &[Field] {
        self.root.by_type.first().map_or(&[], |(_, fields)| fields)
    }
}

impl SelectionsByType {
    /// The fields selected on an object of type `name`, if that is possible.
    pub(super) fn on(&self, name: &str) -> Option<&[Field]> {
        let mut by_type = self.by_type.iter();
        let (_, fields) = by_type.find(|(each, _)| each == name)?;
        Some(fields)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &[Field]> {
        self.by_type.iter().map(|(_, fields)| fields.as_slice())
    }
}

impl TypeWrapper {
    fn of(ty: &Type) -> Self {
        let nullable = !ty.is_non_null();
        match ty {
            Type::Named(_) | Type::NonNullNamed(_) => Self::Named { nullable },
            Type::List(of) | Type::NonNullList(of) => Self::List {
                nullable,
                of: Box::new(Self::of(of)),
            },
        }
    }

    pub(super) fn nullable(&self) -> bool {
        match self {
            Self::Named { nullable } | Self::List { nullable, .. } => *nullable,
        }
    }
}

impl Role {
    fn of(name: &str) -> Self {
        if name == "PageInfo" {
            Self::PageInfo
        } else if name.ends_with("Connection") {
            Self::Connection
        } else if name.ends_with("Edge") {
            Self::Edge
        } else {
            Self::Object
        }
    }
}

fn is_introspection(name: &str) -> bool {
    matches!(name, "__schema" | "__type")
}

fn execute_introspection(
    pinned: &PinnedSchema,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Map<String, Value>,
) -> Result<Map<String, Value>, Vec<Value>> {
    let mut fields = operation.root_fields(document);
    if !fields.any(|field| is_introspection(&field.name)) {
        return Ok(Map::new());
    }
    let failed = |message: String| vec![json!({ "message": message })];
    let variables = serde_json::from_value(variables.clone().into())
        .map_err(|problem| failed(problem.to_string()))?;
    let response = introspection::partial_execute(
        &pinned.schema,
        &pinned.implementers,
        document,
        operation,
        Valid::assume_valid_ref(&variables),
    )
    .map_err(|problem| failed(problem.message().to_string()))?;
    match serde_json::to_value(&response.data) {
        Ok(Value::Object(data)) => Ok(data),
        _ => Ok(Map::new()),
    }
}

struct Planner<'a> {
    pinned: &'a PinnedSchema,
    document: &'a ExecutableDocument,
    variables: Map<String, Value>,
    errors: Vec<Value>,
}

type CollectedFields<'a> = IndexMap<&'a Name, Vec<&'a Selected>>;

impl<'a> Planner<'a> {
    fn selection(&mut self, sets: &[&'a SelectionSet], name: &Name) -> SelectionsByType {
        let possible = self.pinned.possible_types(name);
        let by_type = possible
            .iter()
            .map(|name| (name.clone(), self.fields(sets, name)));
        SelectionsByType {
            by_type: by_type.collect(),
        }
    }

    fn fields(&mut self, sets: &[&'a SelectionSet], parent_type: &Name) -> Vec<Field> {
        let mut collected = CollectedFields::default();
        for set in sets {
            self.collect_fields(set, parent_type, &mut collected);
        }
        let fields = collected.into_iter();
        fields
            .filter_map(|(key, fields)| self.field(key, &fields, parent_type))
            .collect()
    }

    /// Collects the fields selected on an object of type `parent_type`, by response key (`CollectFields` in the GraphQL
    /// specification).
    fn collect_fields(
        &self,
        set: &'a SelectionSet,
        parent_type: &Name,
        collected: &mut CollectedFields<'a>,
    ) {
        for selection in &set.selections {
            if self.is_skipped(selection) {
                continue;
            }
            let (condition, inner) = match selection {
                Selection::Field(field) => {
                    collected
                        .entry(field.response_key())
                        .or_default()
                        .push(field);
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.type_condition.as_ref(), &fragment.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.document.fragments.get(&spread.fragment_name) else {
                        continue;
                    };
                    (Some(fragment.type_condition()), &fragment.selection_set)
                }
            };
            let applies =
                |condition: &Name| self.pinned.possible_types(condition).contains(parent_type);
            if condition.is_none_or(applies) {
                self.collect_fields(inner, parent_type, collected);
            }
        }
    }

    fn is_skipped(&self, selection: &Selection) -> bool {
        let condition = |directive: &str| {
            let directive = selection.directives().get(directive)?;
            let value = directive.specified_argument_by_name("if")?;
            literal(value, &self.variables)?.as_bool()
        };
        condition("skip") == Some(true) || condition("include") == Some(false)
    }

    fn field(&mut self, key: &Name, fields: &[&'a Selected], parent_type: &Name) -> Option<Field> {
        let field = *fields.first()?;
        let position = position(self.document, field.name.location());
        if is_introspection(&field.name) {
            return None;
        }
        // The definition beside the selection can be an interface's, whose field may be nullable where the object's is
        // not.
        let pinned = self.pinned;
        let definition = pinned.schema.type_field(parent_type, &field.name);
        let definition = definition.ok().filter(|_| field.name != "__typename");
        let wrapper = definition.map_or(TypeWrapper::Named { nullable: false }, |it| {
            TypeWrapper::of(&it.ty)
        });
        let kind = match definition {
            Some(definition) => self.kind(definition.ty.inner_named_type(), fields),
            None => FieldKind::Typename,
        };
        Some(Field {
            json_key: format!("\"{key}\":"),
            response_key: key.to_string(),
            name: field.name.clone(),
            parent_type: parent_type.clone(),
            arguments: self.arguments(field, position),
            wrapper,
            kind,
            position,
        })
    }

    fn kind(&mut self, name: &Name, fields: &[&'a Selected]) -> FieldKind {
        match self.pinned.schema.types.get(name) {
            Some(ExtendedType::Enum(of)) => FieldKind::Leaf(Leaf::Enum(of.clone())),
            Some(ExtendedType::Scalar(_)) => FieldKind::Leaf(match name.as_str() {
                "Int" => Leaf::Int,
                "Float" => Leaf::Float,
                "Boolean" => Leaf::Boolean,
                "JSON" => Leaf::Any,
                _ => Leaf::String,
            }),
            _ => {
                let sets: Vec<_> = fields.iter().map(|field| &field.selection_set).collect();
                FieldKind::Composite(Role::of(name), self.selection(&sets, name))
            }
        }
    }

    fn arguments(&mut self, field: &Selected, position: Option<Position>) -> Map<String, Value> {
        let mut arguments = Map::new();
        for definition in &field.definition.arguments {
            let given = field.arguments.iter().find(|it| it.name == definition.name);
            let given = given.and_then(|given| literal(&given.value, &self.variables));
            let default = || literal(definition.default_value.as_ref()?, &self.variables);
            let value = match given.or_else(default) {
                Some(value) => value,
                None if definition.ty.is_non_null() => Value::Null,
                None => continue,
            };
            let mut coercion = Coercion::new(self.pinned);
            let value = coercion.coerce(&definition.ty, value);
            self.errors.extend(coercion.problems.iter().map(|problem| {
                json!({
                    "message": problem.explanation,
                    "locations": Position::locations(position),
                    "path": [field.response_key().as_str(), definition.name.as_str()],
                    "extensions": {"code": "argumentLiteralsIncompatible", "typeName": "CoercionError"},
                })
            }));
            arguments.insert(definition.name.to_string(), value);
        }
        arguments
    }
}
