//! Where Admin GraphQL is answered: for now, every operation is refused.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::catalog::model::Seconds;
use crate::webhook::subscription::Subscription;

pub(crate) const MOST_POINTS: u64 = 1_000;

#[derive(Debug)]
pub(crate) struct Admin;

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) query: String,
    #[serde(rename = "operationName")]
    pub(crate) operation_name: Option<String>,
    #[serde(default)]
    pub(crate) variables: serde_json::Map<String, Value>,
}

#[derive(Debug)]
pub(crate) struct Prepared;

#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) data: Value,
    pub(crate) errors: Vec<Value>,
    pub(crate) actual_cost: u64,
}

#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) subscriptions: &'a [Subscription],
    pub(crate) scopes: &'a [String],
    pub(crate) now: Seconds,
    pub(crate) shuffle: u64,
    pub(crate) version: &'a str,
}

fn refused() -> Executed {
    Executed {
        data: Value::Null,
        errors: vec![json!({"message": "operations are not answered yet"})],
        actual_cost: 0,
    }
}

impl Admin {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self)
    }

    pub(crate) fn prepare(&self, _request: &Request) -> Result<Prepared, Vec<Value>> {
        Ok(Prepared)
    }
}

impl Prepared {
    pub(crate) fn operation_name(&self) -> Option<&str> {
        None
    }

    pub(crate) fn is_mutation(&self) -> bool {
        false
    }

    pub(crate) fn requested_cost(&self) -> u64 {
        1
    }

    pub(crate) fn query(&self, _context: &Context<'_>) -> Executed {
        refused()
    }

    pub(crate) fn mutate(&self, _: &Context<'_>, _: &mut Vec<Subscription>) -> Executed {
        refused()
    }
}
