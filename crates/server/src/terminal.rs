//! What every command needs at the terminal: printing, progress, failures with their exit codes, signals, a runtime.

mod exit;
mod failure;
mod output;
pub(crate) mod progress;
mod runtime;
pub(crate) mod signals;
pub(crate) mod text;

pub(crate) use exit::Exit;
pub(crate) use failure::{Failure, remedy};
pub(crate) use output::{complain, say, say_json};
pub(crate) use runtime::runtime;
