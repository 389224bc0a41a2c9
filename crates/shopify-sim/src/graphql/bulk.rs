//! Executes the mutations of bulk operations and checks Shopify's rules for their queries.

use std::collections::HashSet;
use std::sync::Arc;

use apollo_compiler::ExecutableDocument;
use serde_json::{Map, Value};

use super::cost;
use super::execute::{CostResult, Execution};
use super::field_error::FieldError;
use super::object::{ObjectRef, RequestContext, ResolvedValue, SelectedField, or_null};
use super::pinned_schema::PinnedSchema;
use super::plan::{Field, FieldKind, Plan, Role, SelectionsByType};
use super::prepared::PreparedOperation;
use super::resolve::bulk_operation::id_argument;
use super::validation;
use crate::bulk::{BulkOperations, BulkRequest};

const MAX_CONNECTIONS: usize = 5;
const MAX_DEPTH: usize = 2;

/// A `BulkOperationUserError`, or a `UserError` without a code.
struct BulkUserError {
    field: &'static str,
    code: Option<&'static str>,
    message: String,
}

type MutationResult = Result<Option<u64>, Vec<BulkUserError>>;

/// Executes one field of a mutation; `None` if it is not about bulk operations.
pub(super) fn mutate<'p>(
    execution: &mut Execution<'p>,
    pinned: &Arc<PinnedSchema>,
    context: &RequestContext<'_>,
    bulk: &mut BulkOperations,
    field: &'p Field,
) -> Option<CostResult> {
    let selected = SelectedField { field };
    let result = match selected.name() {
        "bulkOperationRunQuery" => run(pinned, context, bulk, selected),
        "bulkOperationCancel" => Ok(cancel(context, bulk, selected)),
        _ => return None,
    };
    let resolved = match &result {
        Ok(result) => Ok(payload(context, bulk, selected, result)),
        Err(error) => Err(error.clone()),
    };
    Some(
        execution
            .complete_field(field, resolved)
            .map(|_| cost::MUTATION_COST),
    )
}

fn payload<'a>(
    context: &'a RequestContext<'a>,
    bulk: &'a BulkOperations,
    selected: SelectedField<'_>,
    result: &'a MutationResult,
) -> ResolvedValue<'a> {
    let runs = selected.name() == "bulkOperationRunQuery";
    let (payload, error) = if runs {
        ("BulkOperationRunQueryPayload", "BulkOperationUserError")
    } else {
        ("BulkOperationCancelPayload", "UserError")
    };
    let errors = result.as_ref().err().map_or(&[][..], Vec::as_slice);
    let shown = errors.iter().map(|user_error| {
        let mut fields = vec![
            ("field", ResolvedValue::texts([user_error.field])),
            ("message", user_error.message.as_str().into()),
        ];
        if runs {
            fields.push(("code", or_null(user_error.code)));
        }
        ResolvedValue::Object(error, fields)
    });
    let id = result.as_ref().ok().copied().flatten();
    let found = id.and_then(|id| bulk.find(id));
    let operation = ResolvedValue::node(context, found.map(ObjectRef::BulkOperation));
    let errors = ResolvedValue::List(shown.collect());
    ResolvedValue::Object(
        payload,
        vec![("bulkOperation", operation), ("userErrors", errors)],
    )
}

fn run(
    pinned: &Arc<PinnedSchema>,
    context: &RequestContext<'_>,
    bulk: &mut BulkOperations,
    selected: SelectedField<'_>,
) -> Result<MutationResult, FieldError> {
    if !bulk.behaviour.enabled {
        return Err(FieldError::not_enabled(selected.name()));
    }
    let user_error = |code, message: &str| {
        Ok(Err(vec![BulkUserError {
            field: "query",
            code: Some(code),
            message: message.to_owned(),
        }]))
    };
    let query = selected.text("query").unwrap_or_default();
    let prepared = match check(pinned, query) {
        Ok(prepared) => prepared,
        Err(message) => return user_error("INVALID", &message),
    };
    if bulk.is_full() {
        return user_error(
            "LIMIT_REACHED",
            "Bulk operations limit reached. Please try again later.",
        );
    }
    let request = BulkRequest {
        query: query.to_owned(),
        grouped: selected.flag("groupObjects"),
        scopes: context.scopes.to_vec(),
        version: context.version.to_owned(),
        prepared: Arc::new(prepared),
    };
    Ok(Ok(Some(bulk.start(request, context.now))))
}

fn cancel(
    context: &RequestContext<'_>,
    bulk: &mut BulkOperations,
    selected: SelectedField<'_>,
) -> MutationResult {
    let user_error = |message: &str| {
        vec![BulkUserError {
            field: "id",
            code: None,
            message: message.to_owned(),
        }]
    };
    let id = id_argument(selected).ok_or_else(|| user_error("Bulk operation does not exist"))?;
    let operation = bulk
        .find(id)
        .ok_or_else(|| user_error("Bulk operation does not exist"))?;
    if operation.has_ended() {
        return Err(user_error(
            "A bulk operation cannot be canceled when it has ended",
        ));
    }
    bulk.cancel(id, context.now);
    Ok(Some(id))
}

/// Checks Shopify's rules for a bulk query. The error is the message of a user error.
fn check(pinned: &Arc<PinnedSchema>, query: &str) -> Result<PreparedOperation, String> {
    let document = ExecutableDocument::parse_and_validate(&pinned.schema, query, "bulk.graphql");
    let document = document.map_err(|problem| {
        let errors = validation::errors(&pinned.schema, &problem.errors, query);
        let first = errors.first().and_then(|error| error["message"].as_str());
        format!(
            "Invalid bulk query: {}",
            first.unwrap_or("it does not parse")
        )
    })?;
    let operation = document.operations.get(None);
    let operation = operation.map_err(|_| "Bulk queries hold one operation.".to_owned())?;
    if !operation.is_query() || !operation.variables.is_empty() {
        return Err("Bulk queries are queries, and have no variables.".to_owned());
    }
    let plan = Plan::new(pinned, &document, operation, Map::new()).map_err(|errors| {
        let first = errors.first().and_then(|error| error["message"].as_str());
        first.unwrap_or("Invalid bulk query").to_owned()
    })?;
    let [root] = plan.fields() else {
        return Err("Bulk queries cannot contain multiple top level fields.".to_owned());
    };
    let mut rules = Rules::default();
    rules.field(root, 0)?;
    match rules.connections.len() {
        0 => Err("Bulk queries must contain at least one connection.".to_owned()),
        1..=MAX_CONNECTIONS => Ok(PreparedOperation {
            pinned: Arc::clone(pinned),
            requested_cost: 0,
            plan,
        }),
        _ => Err("Bulk queries cannot contain more than 5 connections.".to_owned()),
    }
}

/// The state of checking a bulk query.
#[derive(Default)]
struct Rules {
    /// By their positions in the document: a selection on several types is one connection.
    connections: HashSet<(usize, usize)>,
}

impl Rules {
    /// `depth` is the number of enclosing connections.
    fn field(&mut self, field: &Field, depth: usize) -> Result<(), String> {
        let FieldKind::Composite(role, selections) = &field.kind else {
            return Ok(());
        };
        if *role != Role::Connection {
            return self.all(selections, depth);
        }
        if depth > MAX_DEPTH {
            return Err("Bulk queries cannot nest connections deeper than 2 levels.".to_owned());
        }
        if let Some(at) = field.position {
            self.connections.insert((at.line, at.column));
        }
        let known = self.connections.len();
        let node =
            selections_of(selections, "edges").and_then(|edges| selections_of(edges, "node"));
        let node = node.ok_or_else(|| {
            format!(
                "Bulk queries select `edges {{ node {{ … }} }}` of `{}`.",
                field.name
            )
        })?;
        self.all(node, depth + 1)?;
        let is_parent = self.connections.len() > known;
        let has_id = |fields: &[Field]| fields.iter().any(|field| field.response_key == "id");
        if is_parent && !node.all().all(has_id) {
            return Err("The parent field for a nested connection must select `id`.".to_owned());
        }
        Ok(())
    }

    fn all(&mut self, selections: &SelectionsByType, depth: usize) -> Result<(), String> {
        let mut fields = selections.all().flatten();
        fields.try_for_each(|field| self.field(field, depth))
    }
}

/// The selections of the field `name`.
fn selections_of<'p>(selections: &'p SelectionsByType, name: &str) -> Option<&'p SelectionsByType> {
    let mut fields = selections.all().flatten();
    let found = fields.find(|field| field.name == name)?;
    match &found.kind {
        FieldKind::Composite(_, selections) => Some(selections),
        _ => None,
    }
}

/// The error code of a bulk operation whose query failed with `errors`.
pub(super) fn failure(errors: &[Value]) -> &'static str {
    let denied = |error: &Value| error["extensions"]["code"] == "ACCESS_DENIED";
    if errors.iter().any(denied) {
        "ACCESS_DENIED"
    } else {
        "INTERNAL_SERVER_ERROR"
    }
}
