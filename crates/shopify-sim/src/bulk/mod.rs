//! Bulk operations: a query over everything, and the file that it leaves.

mod behaviour;
mod lines;
mod operation;

pub use behaviour::{BulkBehaviour, BulkOutcome};
pub(crate) use lines::{Export, Order, export};
pub(crate) use operation::{Bulk, Operation, Status, Wanted};
