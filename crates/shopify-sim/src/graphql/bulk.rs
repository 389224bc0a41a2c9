//! Bulk operations as the API offers them: starting, cancelling and showing them, and the rules for their queries.

use std::collections::HashSet;
use std::sync::Arc;

use apollo_compiler::ExecutableDocument;
use serde_json::{Map, Value};

use super::Prepared;
use super::connection::Opening;
use super::cost;
use super::execute::{Answered, Execution};
use super::invalid;
use super::object::{Ask, Context, Node, Resolved, Tree, maybe};
use super::page::Place;
use super::pinned::Pinned;
use super::plan::{Asked, Field, Kind, Plan, Role};
use super::refusal::Refusal;
use super::resolve::{filters, values};
use super::search::Search;
use crate::bulk::{Bulk, Operation, Wanted};
use crate::catalog::gid::{Gid, gid};

const MOST_CONNECTIONS: usize = 5;
const DEEPEST: usize = 2;

/// A user error: which field, with which code, in words.
struct Wrong {
    field: &'static str,
    code: Option<&'static str>,
    message: String,
}

type Outcome = Result<Option<u64>, Vec<Wrong>>;

/// Carries out a mutation of bulk operations and answers it; `None` if `field` is none.
pub(super) fn mutate<'p>(
    execution: &mut Execution<'p>,
    pinned: &Arc<Pinned>,
    context: &Context<'_>,
    bulk: &mut Bulk,
    field: &'p Field,
) -> Option<Answered> {
    let ask = Ask { field };
    let outcome = match ask.name() {
        "bulkOperationRunQuery" => run(pinned, context, bulk, ask),
        "bulkOperationCancel" => Ok(cancel(context, bulk, ask)),
        _ => return None,
    };
    let resolved = match &outcome {
        Ok(outcome) => Ok(payload(context, bulk, ask, outcome)),
        Err(refusal) => Err(refusal.clone()),
    };
    Some(execution.field(field, resolved).map(|_| cost::MUTATION))
}

fn payload<'a>(
    context: &'a Context<'a>,
    bulk: &'a Bulk,
    ask: Ask<'_>,
    outcome: &'a Outcome,
) -> Tree<'a> {
    let runs = ask.name() == "bulkOperationRunQuery";
    let (payload, error) = if runs {
        ("BulkOperationRunQueryPayload", "BulkOperationUserError")
    } else {
        ("BulkOperationCancelPayload", "UserError")
    };
    let wrongs = outcome.as_ref().err().map_or(&[][..], Vec::as_slice);
    let shown = wrongs.iter().map(|wrong| {
        let mut fields = vec![
            ("field", Tree::texts([wrong.field])),
            ("message", wrong.message.as_str().into()),
        ];
        if runs {
            fields.push(("code", maybe(wrong.code)));
        }
        Tree::Object(error, fields)
    });
    let id = outcome.as_ref().ok().copied().flatten();
    let found = id.and_then(|id| bulk.find(id));
    let operation = Tree::node(context, found.map(Node::BulkOperation));
    let errors = Tree::List(shown.collect());
    Tree::Object(
        payload,
        vec![("bulkOperation", operation), ("userErrors", errors)],
    )
}

fn run(
    pinned: &Arc<Pinned>,
    context: &Context<'_>,
    bulk: &mut Bulk,
    ask: Ask<'_>,
) -> Result<Outcome, Refusal> {
    if !bulk.behaviour.enabled {
        return Err(Refusal::not_enabled(ask.name()));
    }
    let wrong = |code, message: &str| {
        Ok(Err(vec![Wrong {
            field: "query",
            code: Some(code),
            message: message.to_owned(),
        }]))
    };
    let query = ask.text("query").unwrap_or_default();
    let prepared = match check(pinned, query) {
        Ok(prepared) => prepared,
        Err(message) => return wrong("INVALID", &message),
    };
    if bulk.is_full() {
        return wrong(
            "LIMIT_REACHED",
            "Bulk operations limit reached. Please try again later.",
        );
    }
    let wanted = Wanted {
        query: query.to_owned(),
        grouped: ask.flag("groupObjects"),
        scopes: context.scopes.to_vec(),
        version: context.version.to_owned(),
        prepared: Arc::new(prepared),
    };
    Ok(Ok(Some(bulk.start(wanted, context.now))))
}

fn cancel(context: &Context<'_>, bulk: &mut Bulk, ask: Ask<'_>) -> Outcome {
    let wrong = |message: &str| {
        vec![Wrong {
            field: "id",
            code: None,
            message: message.to_owned(),
        }]
    };
    let id = number(ask).ok_or_else(|| wrong("Bulk operation does not exist"))?;
    let operation = bulk
        .find(id)
        .ok_or_else(|| wrong("Bulk operation does not exist"))?;
    if operation.has_ended() {
        return Err(wrong(
            "A bulk operation cannot be canceled when it has ended",
        ));
    }
    bulk.cancel(id, context.now);
    Ok(Some(id))
}

fn number(ask: Ask<'_>) -> Option<u64> {
    let gid = Gid::parse(ask.text("id")?)?;
    (gid.kind == "BulkOperation").then_some(gid.id)
}

/// Shopify's rules for a query that is run in bulk. The error is a sentence.
fn check(pinned: &Arc<Pinned>, query: &str) -> Result<Prepared, String> {
    let document = ExecutableDocument::parse_and_validate(&pinned.schema, query, "bulk.graphql");
    let document = document.map_err(|problem| {
        let errors = invalid::errors(&pinned.schema, &problem.errors, query);
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
        1..=MOST_CONNECTIONS => Ok(Prepared {
            pinned: Arc::clone(pinned),
            requested_cost: 0,
            plan,
        }),
        _ => Err("Bulk queries cannot contain more than 5 connections.".to_owned()),
    }
}

/// What has been seen of a bulk query.
#[derive(Default)]
struct Rules {
    /// By their places in the text: what is asked of several types is one connection.
    connections: HashSet<(usize, usize)>,
}

impl Rules {
    /// `depth`: connections around it.
    fn field(&mut self, field: &Field, depth: usize) -> Result<(), String> {
        let Kind::Composite(role, asked) = &field.kind else {
            return Ok(());
        };
        if *role != Role::Connection {
            return self.all(asked, depth);
        }
        if depth > DEEPEST {
            return Err("Bulk queries cannot nest connections deeper than 2 levels.".to_owned());
        }
        if let Some(at) = field.position {
            self.connections.insert((at.line, at.column));
        }
        let known = self.connections.len();
        let node = within(asked, "edges").and_then(|edges| within(edges, "node"));
        let node = node.ok_or_else(|| {
            format!(
                "Bulk queries select `edges {{ node {{ … }} }}` of `{}`.",
                field.name
            )
        })?;
        self.all(node, depth + 1)?;
        let is_parent = self.connections.len() > known;
        let has_id = |fields: &[Field]| fields.iter().any(|field| field.key == "id");
        if is_parent && !node.all().all(has_id) {
            return Err("The parent field for a nested connection must select `id`.".to_owned());
        }
        Ok(())
    }

    fn all(&mut self, asked: &Asked, depth: usize) -> Result<(), String> {
        let mut fields = asked.all().flatten();
        fields.try_for_each(|field| self.field(field, depth))
    }
}

/// What is asked of the field called `name`.
fn within<'p>(asked: &'p Asked, name: &str) -> Option<&'p Asked> {
    let mut fields = asked.all().flatten();
    let found = fields.find(|field| field.name == name)?;
    match &found.kind {
        Kind::Composite(_, asked) => Some(asked),
        _ => None,
    }
}

/// The fields of the query root.
pub(super) fn query<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    match ask.name() {
        "bulkOperation" => {
            let id = number(ask)
                .ok_or_else(|| Refusal::wrong_kind(ask.text("id").unwrap_or_default()))?;
            let found = context.operations.iter().find(|each| each.id == id);
            Ok(Tree::node(context, found.map(Node::BulkOperation)))
        }
        "bulkOperations" => list(context, ask),
        _ => Err(ask.not_modelled()),
    }
}

fn list<'a>(context: &'a Context<'a>, ask: Ask<'_>) -> Resolved<'a> {
    let sort = ask.text("sortKey").unwrap_or("CREATED_AT");
    let opening = Opening::new(context, ask, "BulkOperation", 0, sort)?;
    let search = Search::parse(ask.text("query"), filters::BULK_OPERATION);
    let search = search.map_err(Refusal::bad_request)?;
    let wanted = |each: &&Operation| {
        let each = filters::OperationAt {
            operation: each,
            now: context.now,
        };
        search.matches(&each)
    };
    Ok(
        opening.answer(context.operations.iter().filter(wanted).map(|each| {
            let at = match sort {
                "COMPLETED_AT" => each.completed_at.unwrap_or_default(),
                _ => each.created_at,
            };
            (Place::Signed(at), each.id, Node::BulkOperation(each))
        })),
    )
}

/// An operation as the API shows it.
pub(super) fn operation<'a>(
    context: &'a Context<'a>,
    operation: &'a Operation,
    ask: Ask<'_>,
) -> Resolved<'a> {
    let export = &operation.export;
    let url = operation.url_at(context.now);
    Ok(match ask.name() {
        "id" => gid("BulkOperation", operation.id).into(),
        "type" => "QUERY".into(),
        "status" => operation.status_at(context.now).into(),
        "errorCode" => maybe(operation.error_code()),
        "createdAt" => values::moment(operation.created_at),
        "completedAt" => operation.completed_at.map_or(Tree::Null, values::moment),
        "objectCount" => values::unsigned(export.objects),
        "rootObjectCount" => values::unsigned(export.roots),
        "fileSize" => url.map_or(Tree::Null, |_| values::unsigned(export.text.len() as u64)),
        "url" => maybe(url),
        "partialDataUrl" => Tree::Null,
        "query" => operation.query.as_str().into(),
        _ => return Err(ask.not_modelled()),
    })
}

/// Whether the errors of a bulk query are about permissions.
pub(super) fn failure(errors: &[Value]) -> &'static str {
    let denied = |error: &Value| error["extensions"]["code"] == "ACCESS_DENIED";
    if errors.iter().any(denied) {
        "ACCESS_DENIED"
    } else {
        "INTERNAL_SERVER_ERROR"
    }
}
