//! The service as a whole: over HTTP, on a real database and a real S3 server, with a simulated shop.

mod cli;
mod demo;
mod oauth;
mod support;
mod webhook;
