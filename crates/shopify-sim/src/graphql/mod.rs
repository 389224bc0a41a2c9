//! Implements the Admin GraphQL API: validates requests against the pinned schema, computes their cost, and executes
//! them on the catalogue.
//!
//! apollo-compiler parses and validates. The execution is our own (docs/adr/0011-the-simulators-executor.md): a request
//! is compiled to a [`plan::Plan`] once, so that pages of thousands of objects take milliseconds, and its errors carry
//! Shopify's codes.

mod bulk;
mod cost;
mod execute;
mod field_error;
mod mutation;
mod object;
mod page;
mod paginator;
mod pinned_schema;
mod plan;
mod position;
pub(crate) mod prepared;
mod resolve;
pub(crate) mod search;
mod validation;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use apollo_compiler::ExecutableDocument;
use apollo_compiler::validation::Valid;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub(crate) use cost::MAX_QUERY_COST;
pub(crate) use execute::ExecutionResult;
pub(crate) use object::RequestContext;

use crate::bulk::BulkOperations;
use crate::webhook::subscription::Subscription;
use execute::Execution;
use object::{Object, ObjectRef, ResolvedValue};
use pinned_schema::PinnedSchema;
use plan::Plan;
use prepared::PreparedOperation;

/// The supported stable versions of the API, oldest first; the last one is the latest.
pub(crate) const SUPPORTED_VERSIONS: [&str; 4] = ["2026-01", "2026-04", "2026-07", "2026-10"];

/// How many validated documents are cached. A client uses a few dozen.
const MAX_CACHED_DOCUMENTS: usize = 256;

/// The pinned schema, parsed once, with a small cache of validated documents.
#[derive(Debug)]
pub(crate) struct AdminApi {
    pinned: Arc<PinnedSchema>,
    documents: Mutex<HashMap<String, Arc<Valid<ExecutableDocument>>>>,
}

/// The body of a GraphQL request.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Request {
    pub(crate) query: String,
    #[serde(default, rename = "operationName")]
    pub(crate) operation_name: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) variables: Map<String, Value>,
}

fn null_is_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Map<String, Value>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl AdminApi {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            pinned: Arc::new(PinnedSchema::new()),
            documents: Mutex::default(),
        })
    }

    /// Parses and validates a request and computes its cost. The error is the list `errors` in Shopify's form, for a
    /// response with status 200 and no `data`.
    pub(crate) fn prepare(&self, request: &Request) -> Result<PreparedOperation, Vec<Value>> {
        let document = self.document(&request.query)?;
        let operation = document
            .operations
            .get(request.operation_name.as_deref())
            .map_err(|_| {
                vec![validation::unknown_operation(
                    request.operation_name.as_deref(),
                )]
            })?;
        let variables =
            variables::coerce_variables(&self.pinned, &document, operation, &request.variables)?;
        let plan = Plan::new(&self.pinned, &document, operation, variables)?;
        Ok(PreparedOperation {
            requested_cost: cost::requested(&plan),
            pinned: self.pinned.clone(),
            plan,
        })
    }

    fn document(&self, query: &str) -> Result<Arc<Valid<ExecutableDocument>>, Vec<Value>> {
        let documents = || {
            self.documents
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(known) = documents().get(query) {
            return Ok(known.clone());
        }
        let parsed = ExecutableDocument::parse_and_validate(
            &self.pinned.schema,
            query,
            "request.graphql",
        )
        .map_err(|problem| validation::errors(&self.pinned.schema, &problem.errors, query))?;
        let parsed = Arc::new(parsed);
        let mut documents = documents();
        if documents.len() >= MAX_CACHED_DOCUMENTS {
            documents.clear();
        }
        documents.insert(query.to_owned(), parsed.clone());
        Ok(parsed)
    }
}

impl PreparedOperation {
    /// Executes a query.
    pub(crate) fn execute_query(&self, context: &RequestContext<'_>) -> ExecutionResult {
        let node = ObjectRef::Query;
        let root = ResolvedValue::Node(Object { context, node });
        Execution::run(&self.plan, |execution, field| {
            execution.resolve_field(field, &root)
        })
    }

    /// Executes a bulk query. The error is the error code of the bulk operation.
    pub(crate) fn execute_bulk(&self, context: &RequestContext<'_>) -> Result<Value, &'static str> {
        let executed = self.execute_query(context);
        if !executed.errors.is_empty() {
            return Err(bulk::failure(&executed.errors));
        }
        serde_json::from_slice(&executed.data).map_err(|_| bulk::failure(&[]))
    }

    /// Executes a mutation of the shop's subscriptions and bulk operations, field by field.
    pub(crate) fn execute_mutation(
        &self,
        context: &RequestContext<'_>,
        subscriptions: &mut Vec<Subscription>,
        bulk: &mut BulkOperations,
    ) -> ExecutionResult {
        Execution::run(&self.plan, |execution, field| {
            let result = bulk::mutate(execution, &self.pinned, context, bulk, field);
            if let Some(result) = result {
                return result;
            }
            mutation::execute_field(execution, &self.pinned, context, subscriptions, field)
        })
    }
}
