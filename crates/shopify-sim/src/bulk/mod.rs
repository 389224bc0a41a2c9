//! Bulk operations: a query over everything, and the file that it leaves.

mod behaviour;
mod jsonl;
mod operation;

pub use behaviour::{BulkBehaviour, BulkOutcome};
pub(crate) use jsonl::{LineOrder, ResultFile, write_jsonl};
pub(crate) use operation::{BulkOperation, BulkOperations, BulkRequest, BulkStatus};
