//! Bulk operations: Shopify runs a query over everything and leaves the result in a file.
//!
//! For a large catalogue that costs 10 points instead of thousands of pages. [`ShopClient::products_by`] and its
//! siblings choose between the two ways by themselves and fall back to paging when a bulk operation cannot be had; what
//! they give is the same, in the same order, to the byte. [`ShopClient::bulk`] gives the single steps for queries of
//! one's own.
//!
//! A file is sorted by `__parentId` while it arrives, within [`BulkOptions::memory_limit`] and beyond that in temporary files,
//! and checked against the lengths and counts that Shopify states; only then is anything given out. So a broken file is
//! found before the first item of it is seen, or the stream ends with an error: a part never passes for the whole.
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
