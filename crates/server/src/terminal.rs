//! Shared by all commands: prints results, errors and progress, maps errors to exit codes, handles signals, builds the
//! runtime.

mod error;
mod exit;
mod output;
pub(crate) mod progress;
mod runtime;
pub(crate) mod signals;
pub(crate) mod text;

pub(crate) use error::{CommandError, remedy_for};
pub(crate) use exit::ExitStatus;
pub(crate) use output::{print_error, print_json, print_line};
pub(crate) use runtime::build_runtime;
