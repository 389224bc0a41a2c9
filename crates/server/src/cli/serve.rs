//! `shopsync serve`: runs the service until a signal stops it.

use std::process::ExitCode;

use clap::Args;

use super::{Context, SchemaArguments};
use crate::app::Application;
use crate::logging;
use crate::service::Overrides;
use crate::terminal::{CommandError, build_runtime, signals};

const HELP: &str = "\
Listens on PORT (default 5000). Put a proxy that terminates TLS in front of it. SIGTERM and SIGINT stop it gracefully: it
finishes open requests, and runs may continue for sync.drain. A second signal stops it immediately. Neither loses work.

Examples:
  shopsync serve
  PORT=8080 RUST_LOG=info,server=debug shopsync serve
  shopsync --config /etc/shopsync.toml serve";

/// Few arguments: almost everything is a setting.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    schema: SchemaArguments,
}

pub(crate) fn run(arguments: &Arguments, context: Context<'_>) -> Result<ExitCode, CommandError> {
    let mut settings = context.load()?.settings;
    arguments.schema.apply_to(&mut settings);
    logging::init(&settings.log);
    build_runtime()?.block_on(async {
        let shutdown = signals::shutdown_token()?;
        let application = Application::build(settings, Overrides::default()).await?;
        let served = application.run_until(shutdown).await;
        served.map_err(|error| CommandError::failed("the HTTP server failed").with_cause(error))
    })?;
    Ok(ExitCode::SUCCESS)
}
