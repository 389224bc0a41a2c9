//! The client over HTTP and from a script.

mod transport;
