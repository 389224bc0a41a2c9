//! The client over HTTP and from a script.

mod transport;
mod webhook_explain;
mod webhook_keys;
mod webhook_payload;
