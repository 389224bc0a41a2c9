//! The asynchronous runtime of the commands.

use tokio::runtime::Runtime;

use super::CommandError;

/// What asynchronous commands run on.
pub(crate) fn build_runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::failed("cannot start threads").with_cause(error))
}
