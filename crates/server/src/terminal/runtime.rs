//! The asynchronous runtime of the commands.

use tokio::runtime::Runtime;

use super::Failure;

/// What asynchronous commands run on.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("cannot start threads").because(error))
}
