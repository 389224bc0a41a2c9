//! Stores a shop's bulk operations, their statuses and their result files.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::behaviour::BulkBehaviour;
use super::jsonl::ResultFile;
use crate::catalog::model::{Seconds, iso};
use crate::graphql::prepared::PreparedOperation;
use crate::id_generator::IdGenerator;

/// How many bulk queries of an app run at a time in a shop, since version 2026-01.
pub(crate) const MAX_CONCURRENT: usize = 5;
/// How long a result file is available: seven days.
const RETENTION: Seconds = 7 * 24 * 60 * 60;
const FIRST_ID: u64 = 5_200_000_000_000;

/// The status of a bulk operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BulkStatus {
    Created,
    Running,
    Completed,
    Canceled,
    Failed(&'static str),
}

/// A bulk operation.
#[derive(Debug, Clone)]
pub(crate) struct BulkOperation {
    pub(crate) id: u64,
    pub(crate) query: String,
    pub(crate) grouped: bool,
    pub(crate) status: BulkStatus,
    pub(crate) created_at: Seconds,
    pub(crate) completed_at: Option<Seconds>,
    pub(crate) behaviour: BulkBehaviour,
    /// The scopes of the token that started it.
    pub(crate) scopes: Vec<String>,
    pub(crate) version: String,
    pub(crate) prepared: Arc<PreparedOperation>,
    pub(crate) result: ResultFile,
    url: String,
}

impl BulkOperation {
    pub(crate) fn has_ended(&self) -> bool {
        !matches!(self.status, BulkStatus::Created | BulkStatus::Running)
    }

    /// The status as the API names it.
    pub(crate) fn status_at(&self, now: Seconds) -> &'static str {
        match self.status {
            BulkStatus::Created => "CREATED",
            BulkStatus::Running => "RUNNING",
            BulkStatus::Completed if self.is_expired(now) => "EXPIRED",
            BulkStatus::Completed => "COMPLETED",
            BulkStatus::Canceled => "CANCELED",
            BulkStatus::Failed(_) => "FAILED",
        }
    }

    pub(crate) fn error_code(&self) -> Option<&'static str> {
        match self.status {
            BulkStatus::Failed(code) => Some(code),
            _ => None,
        }
    }

    /// The address of the result file; `None` if there is none or it is empty.
    pub(crate) fn url_at(&self, now: Seconds) -> Option<&str> {
        let there = self.status_at(now) == "COMPLETED" && !self.result.text.is_empty();
        there.then_some(self.url.as_str())
    }

    fn is_expired(&self, now: Seconds) -> bool {
        self.completed_at.is_some_and(|at| now > at + RETENTION)
    }

    /// The body of the webhook `bulk_operations/finish`.
    pub(crate) fn webhook_body(&self, now: Seconds) -> serde_json::Value {
        serde_json::json!({
            "admin_graphql_api_id": crate::catalog::gid::gid("BulkOperation", self.id),
            "completed_at": self.completed_at.map(iso),
            "created_at": iso(self.created_at),
            "error_code": self.error_code().map(str::to_lowercase),
            "status": self.status_at(now).to_lowercase(),
            "type": "query",
        })
    }
}

/// The input for a new bulk operation.
pub(crate) struct BulkRequest {
    pub(crate) query: String,
    pub(crate) grouped: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) version: String,
    pub(crate) prepared: Arc<PreparedOperation>,
}

/// A shop's bulk operations, oldest first.
#[derive(Debug)]
pub(crate) struct BulkOperations {
    pub(crate) behaviour: BulkBehaviour,
    operations: Vec<BulkOperation>,
    /// Operations that are created and not yet running.
    created: Vec<u64>,
    /// Operations that are cancelled and not yet announced.
    canceled: Vec<u64>,
    ids: IdGenerator,
    /// The base URL of result files: the shop's own address.
    base: String,
}

impl BulkOperations {
    pub(crate) fn new(ids: IdGenerator, base: String) -> Self {
        Self {
            behaviour: BulkBehaviour::default(),
            operations: Vec::new(),
            created: Vec::new(),
            canceled: Vec::new(),
            ids,
            base,
        }
    }

    pub(crate) fn all(&self) -> &[BulkOperation] {
        &self.operations
    }

    pub(crate) fn find(&self, id: u64) -> Option<&BulkOperation> {
        self.operations.iter().find(|each| each.id == id)
    }

    pub(crate) fn is_full(&self) -> bool {
        let running = self.operations.iter().filter(|each| !each.has_ended());
        running.count() >= MAX_CONCURRENT
    }

    pub(crate) fn start(&mut self, request: BulkRequest, now: Seconds) -> u64 {
        let id = FIRST_ID + 1 + self.operations.len() as u64;
        let (base, signature) = (&self.base, self.signature(id));
        self.operations.push(BulkOperation {
            id,
            url: format!(
                "{base}/bulk/{id}.jsonl?Expires={}&Signature={signature}",
                now + RETENTION
            ),
            query: request.query,
            grouped: request.grouped,
            status: BulkStatus::Created,
            created_at: now,
            completed_at: None,
            behaviour: self.behaviour,
            scopes: request.scopes,
            version: request.version,
            prepared: request.prepared,
            result: ResultFile::default(),
        });
        self.created.push(id);
        id
    }

    /// Cancels an operation that has not ended.
    pub(crate) fn cancel(&mut self, id: u64, now: Seconds) {
        if self.advance(id, BulkStatus::Canceled, ResultFile::default(), now) {
            self.canceled.push(id);
        }
    }

    /// The ids of operations that were created and of those that were cancelled since the last call.
    pub(crate) fn take_pending(&mut self) -> (Vec<u64>, Vec<u64>) {
        let created = std::mem::take(&mut self.created);
        (created, std::mem::take(&mut self.canceled))
    }

    fn signature(&self, id: u64) -> String {
        self.ids.hex("bulk", id)
    }

    /// Updates an operation that has not ended. Returns whether it has ended now.
    pub(crate) fn advance(
        &mut self,
        id: u64,
        status: BulkStatus,
        result: ResultFile,
        now: Seconds,
    ) -> bool {
        let mut operations = self.operations.iter_mut();
        let found = operations.find(|each| each.id == id && !each.has_ended());
        let Some(operation) = found else {
            return false;
        };
        operation.status = status;
        operation.result = result;
        let ended = operation.has_ended();
        if ended {
            operation.completed_at = Some(now);
        }
        ended
    }

    /// The result file of an operation; `None` if the signature is wrong or has expired.
    pub(crate) fn file(&self, id: u64, signature: &str, now: DateTime<Utc>) -> Option<Bytes> {
        let operation = self.find(id)?;
        let open = signature == self.signature(id) && operation.url_at(now.timestamp()).is_some();
        open.then(|| operation.result.text.clone())
    }
}
