use std::process::ExitCode;

use clap::Args;

use super::Context;
use crate::app::Application;
use crate::logging;
use crate::service::Overrides;
use crate::terminal::{CommandError, build_runtime, signals};

const HELP: &str = "\
It listens on PORT (5000 by default) and belongs behind a proxy that ends TLS. SIGTERM and SIGINT stop it when requests have
been answered and runs have ended (at most sync.drain); a second one stops it at once. Nothing is lost either way.

Examples:
  shopsync serve
  PORT=8080 RUST_LOG=info,server=debug shopsync serve
  shopsync --config /etc/shopsync.toml serve";

/// Has no arguments of its own: everything is a setting.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments, context: Context<'_>) -> Result<ExitCode, CommandError> {
    let settings = context.load()?.settings;
    logging::init(&settings.log);
    build_runtime()?.block_on(async {
        let shutdown = signals::shutdown_token()?;
        let application = Application::build(settings, Overrides::default()).await?;
        let served = application.run_until(shutdown).await;
        served.map_err(|error| CommandError::failed("the HTTP server failed").with_cause(error))
    })?;
    Ok(ExitCode::SUCCESS)
}
