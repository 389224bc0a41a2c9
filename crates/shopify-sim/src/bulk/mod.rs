//! Bulk operations: a query over everything, and the file that it leaves.

mod conduct;
mod lines;
mod operation;

pub use conduct::{BulkConduct, BulkEnd};
pub(crate) use lines::{Export, Order, export};
pub(crate) use operation::{Bulk, Operation, Status, Wanted};
