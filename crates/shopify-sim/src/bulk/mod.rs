//! Models bulk operations: a query without pages, and the file it produces.

mod behaviour;
mod jsonl;
mod operation;

pub use behaviour::{BulkBehaviour, BulkOutcome};
pub(crate) use jsonl::{LineOrder, ResultFile, write_jsonl};
pub(crate) use operation::{BulkOperation, BulkOperations, BulkRequest, BulkStatus};
