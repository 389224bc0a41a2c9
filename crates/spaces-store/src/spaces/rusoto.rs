//! Implements `object_store::ObjectStore` on `rusoto_s3`, which builds requests and parses responses, and `reqwest`,
//! which sends them.

mod backend;
mod digests;
mod head;
mod listing;
mod multipart;
mod object;
mod operation;
mod signer;

pub use backend::SpacesBackend;
