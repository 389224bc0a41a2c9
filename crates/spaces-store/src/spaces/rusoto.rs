//! `object_store`'s trait on `rusoto_s3`, which builds requests and reads answers, and `reqwest`, which sends them.

mod backend;
mod exchange;
mod listing;
mod multipart;
mod object;
mod signer;

pub use backend::SpacesBackend;
