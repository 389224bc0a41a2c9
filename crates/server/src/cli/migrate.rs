//! `shopsync migrate`: creates the database, or migrates its schema to this release.

use std::process::ExitCode;

use clap::Args;
use sync_db::SchemaState;

use super::Context;
use crate::service::migrate_database;
use crate::terminal::{CommandError, build_runtime, print_line};

const HELP: &str = "\
`serve`, `sync` and `connect` do the same when they start, unless they are run with --no-migrate or database.migrate is false.
Run it before you replace the processes of a release, and back up the database first: a migration cannot be undone. The changelog
says which migration needs all processes stopped before it.
Repeating it changes nothing, and several processes may run it at the same time.

Examples:
  shopsync migrate
  shopsync migrate && shopsync serve --no-migrate";

/// No arguments: the database is a setting.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments, context: Context<'_>) -> Result<ExitCode, CommandError> {
    let settings = context.load_for_command()?;
    let before = build_runtime()?.block_on(async {
        let (database, before) = migrate_database(&settings).await?;
        database.close().await;
        Ok::<_, CommandError>(before)
    })?;
    match before {
        SchemaState::Empty => print_line("created the schema of the database"),
        SchemaState::Older { database, binary } => print_line(format_args!(
            "migrated the schema of the database from version {database} to version {binary}"
        )),
        current => print_line(current),
    }
    Ok(ExitCode::SUCCESS)
}
