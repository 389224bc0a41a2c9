//! Builds the asynchronous runtime of the commands.

use tokio::runtime::Runtime;

use super::CommandError;

/// Builds a multi-threaded Tokio runtime.
pub(crate) fn build_runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::failed("cannot start the runtime threads").with_cause(error))
}
