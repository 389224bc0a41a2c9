//! `shopsync check-config`: prints the effective settings, the settings reference or an example `.env`.

use std::process::ExitCode;

use clap::Args;

use crate::settings::{LoadedSettings, configuration_page, env_example};
use crate::terminal::{CommandError, print_json, print_line};

const HELP: &str = "\
Exits with code 2 if a setting that `shopsync serve` requires is missing.

Examples:
  shopsync check-config
  shopsync check-config --json | jq '.[] | select(.origin != \"default\")'
  shopsync check-config --env-example > .env
  shopsync check-config --reference | less";

/// The output format.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print the reference of all settings instead.
    #[arg(long, conflicts_with = "json")]
    reference: bool,
    /// Print an example .env to fill in instead.
    #[arg(long, conflicts_with_all = ["json", "reference"])]
    env_example: bool,
}

pub(crate) fn run(
    arguments: &Arguments,
    load: impl FnOnce() -> Result<LoadedSettings, CommandError>,
) -> Result<ExitCode, CommandError> {
    if arguments.reference {
        print_line(configuration_page().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.env_example {
        print_line(env_example().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = load()?;
    if arguments.json {
        print_json(&loaded.effective)?;
    } else {
        let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
        let entries = &loaded.effective;
        let keys = widest(&mut entries.iter().map(|entry| entry.key.len()));
        let values = widest(&mut entries.iter().map(|entry| entry.value.len()));
        for entry in entries {
            let (key, value, origin) = (&entry.key, &entry.value, &entry.origin);
            print_line(format_args!("{key:keys$}  {value:values$}  {origin}"));
        }
    }
    loaded.settings.require_for_serving()?;
    Ok(ExitCode::SUCCESS)
}
