//! `shopsync demo` in a build without the feature `demo`: says that this build does not contain it.

use std::process::ExitCode;

use clap::Args;

use crate::terminal::CommandError;

/// Any arguments: the command fails whatever they are.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    ignored: Vec<String>,
}

pub(crate) fn run(_: &Arguments) -> Result<ExitCode, CommandError> {
    Err(
        CommandError::usage("this build does not contain the demo (Cargo feature `demo`)")
            .with_remedy("run it from the source: `cargo run --release -- demo`"),
    )
}
