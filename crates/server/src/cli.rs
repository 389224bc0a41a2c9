//! The command line.

mod check_config;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::{Settings, SettingsError};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it was tried and failed; the message says why
  2  the command line or the settings are wrong; nothing was tried
  3  something it needs cannot be reached (database, Shopify, Space); try again later

Settings come from .env and the environment; see `shopsync check-config --reference`.";

/// Keeps a Shopify shop's catalogue exact and current in DigitalOcean Spaces.
#[derive(Debug, Parser)]
#[command(name = "shopsync", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// A file of settings (TOML), between the defaults and the environment.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the settings in force and where each comes from; secrets are not shown.
    CheckConfig(check_config::Arguments),
}

/// How a command ended without doing what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings are wrong.
    #[error("{0}")]
    Settings(#[from] SettingsError),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// Something cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// It failed.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Settings(_) | Self::Usage(_) => 2,
            Self::Unavailable(_) => 3,
        }
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(failure) => {
            let code = failure.exit_code();
            complain(&failure);
            ExitCode::from(code)
        }
    }
}

#[expect(clippy::print_stderr, reason = "the command line's own error message")]
fn complain(failure: &Failure) {
    eprintln!("shopsync: {failure}");
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}

/// One line of a command's result.
#[expect(clippy::print_stdout, reason = "the command line's result")]
pub(crate) fn say(line: impl std::fmt::Display) {
    println!("{line}");
}

fn run(cli: &Cli) -> Result<ExitCode, Failure> {
    let load = || Settings::load(cli.config.as_deref()).map_err(Failure::from);
    match &cli.command {
        Command::CheckConfig(arguments) => check_config::run(arguments, load),
    }
}
