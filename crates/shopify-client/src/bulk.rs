//! Runs bulk operations and reads their result files.
//!
//! In a bulk operation, Shopify runs one query over the whole catalogue and writes the result to a file. For a large
//! catalogue that costs 10 points instead of thousands of pages. [`ShopClient::products_by`] and its siblings choose
//! between bulk operations and paging, and fall back to paging when a bulk operation is not available. Both return the
//! same objects in the same order, byte for byte. [`ShopClient::bulk`] offers the single steps for your own queries.
//!
//! A file is sorted by `__parentId` during the download, in up to [`BulkOptions::memory_limit`] bytes of memory and,
//! beyond that, in temporary files. Its length and counts are compared with those that Shopify states before the first
//! object is returned. A broken file is detected before its first object is returned, or the stream ends with an error.
//! A partial result is never returned as complete.
//!
//! Source: Shopify, "Perform bulk operations with the GraphQL Admin API".

mod assemble;
mod batch;
mod chunks;
mod decode;
mod decode_pool;
mod documents;
mod download;
mod error;
mod file_parser;
mod grouped;
mod handle;
mod layout;
mod line_ids;
mod lines;
mod marker;
mod operation;
mod options;
mod partition;
mod poll;
mod read;
mod regroup;
mod requests;
mod run;
mod slots;
mod sort;
mod strategy;
mod watch;

pub use error::BulkError;
pub use handle::Bulk;
pub use operation::{BulkOperation, BulkStatus, SignedUrl};
pub use options::BulkOptions;
pub(crate) use slots::BulkSlots;
pub use strategy::Strategy;

#[cfg(doc)]
use crate::ShopClient;
