//! Parses the command line and runs the chosen command.

mod check_config;
mod connect;
mod doctor;
mod install_url;
mod migrate;
mod run_summary;
mod serve;
mod shops;
mod sync;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use sync_core::ShopDomain;

use crate::demo;
use crate::logging;
use crate::settings::{LoadedSettings, Settings};
use crate::terminal::{CommandError, print_error};

/// Whether this build contains `shopsync demo`.
const HAS_DEMO: bool = cfg!(feature = "demo");

const ABOUT: &str = if HAS_DEMO {
    "Keeps a Shopify shop's catalogue exact and current in DigitalOcean Spaces.

New to it? `shopsync demo` needs no account and no settings."
} else {
    "Keeps a Shopify shop's catalogue exact and current in DigitalOcean Spaces."
};

const DEMO_EXAMPLE: &str = if HAS_DEMO {
    "  shopsync demo                      run everything on this machine, with a simulated shop\n"
} else {
    ""
};

const EXAMPLES: &str =
    "  shopsync check-config              show the effective settings and the source of each
  shopsync doctor                    find problems and show how to fix them
  shopsync serve                     run the service on port 5000
  shopsync install-url my-shop       print the address that installs my-shop
  shopsync sync my-shop              run one full scan now
  shopsync sync my-shop --dry-run    show what that scan would change
";

const EXIT_CODES: &str = "\
Exit codes:
  0    success; for `sync` also when nothing had changed
  1    the command failed; the message gives the cause
  2    the command line or the settings are invalid, or the database must be migrated first; nothing was attempted
  3    the database, Shopify or the Space cannot be reached; try again later
  4    `sync` halted: too many items disappeared at once; confirm to continue
  130  interrupted by SIGINT or SIGTERM (143: ended at once by a second SIGTERM)

Results go to standard output, progress and errors to standard error.
`serve`, `sync`, `connect` and `migrate` create or migrate the database; every other command leaves it as it is.
Settings come from --config, .env and the environment; later sources override earlier ones. `shopsync check-config
--reference` explains each setting.";

/// Keeps a Shopify shop's catalogue exact and current in DigitalOcean Spaces.
#[derive(Debug, Parser)]
#[command(name = "shopsync", version, about = ABOUT, after_help = after_help())]
pub struct Cli {
    /// Settings file (TOML); overrides the defaults, overridden by .env and the environment.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The command to run.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: OAuth, webhooks, workers, daily poll.
    Serve(serve::Arguments),
    /// Run everything on this machine, with a simulated shop and an embedded S3 server.
    #[command(hide = !HAS_DEMO)]
    Demo(demo::Arguments),
    /// Read a shop's whole catalogue now and upload its document if it changed.
    Sync(sync::Arguments),
    /// List the installed shops with their state and last run.
    Shops(shops::Arguments),
    /// Print the address that installs a shop.
    InstallUrl(install_url::Arguments),
    /// Add a shop with an access token instead of OAuth.
    Connect(connect::Arguments),
    /// Check the settings, database, Space, Shopify and each shop, and show how to fix problems.
    Doctor(doctor::Arguments),
    /// Show the effective settings and the source of each; secrets are not shown.
    CheckConfig(check_config::Arguments),
    /// Create the database, or migrate its schema to this release.
    Migrate(migrate::Arguments),
}

/// What a command does with a database whose schema is not current.
#[derive(Debug, Args)]
struct SchemaArguments {
    /// Do not create or migrate the database: fail if its schema is not the one of this release.
    #[arg(long)]
    no_migrate: bool,
}

impl SchemaArguments {
    fn apply_to(&self, settings: &mut Settings) {
        settings.database.migrate &= !self.no_migrate;
    }
}

fn after_help() -> String {
    format!("Examples:\n{DEMO_EXAMPLE}{EXAMPLES}\n{EXIT_CODES}")
}

/// The global options, which every command may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    config: Option<&'a Path>,
}

impl Context<'_> {
    /// Loads the settings from all layers.
    fn load(&self) -> Result<LoadedSettings, CommandError> {
        Ok(Settings::load(self.config)?)
    }

    /// Loads the settings for a command that prints its own results, and starts the log. Unless a filter is set, only
    /// warnings and errors are logged.
    fn load_for_command(&self) -> Result<Settings, CommandError> {
        let mut loaded = self.load()?;
        let chosen = loaded.effective.iter().any(|entry| {
            entry.key == "log.filter"
                && entry.origin != crate::settings::Origin::Default.to_string()
        });
        if !chosen {
            // The service and `doctor` already report derived keys and a simulated Shopify.
            "warn,server::settings::keys=error,server::adapters::app=error"
                .clone_into(&mut loaded.settings.log.filter);
        }
        logging::init(&loaded.settings.log);
        Ok(loaded.settings)
    }
}

/// Parses the arguments of the process and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            print_error(error.report());
            error.exit_code()
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode, CommandError> {
    let context = Context {
        config: cli.config.as_deref(),
    };
    match &cli.command {
        Command::Serve(arguments) => serve::run(arguments, context),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Sync(arguments) => sync::run(arguments, context),
        Command::Shops(arguments) => shops::run(arguments, context),
        Command::InstallUrl(arguments) => install_url::run(arguments, context),
        Command::Connect(arguments) => connect::run(arguments, context),
        Command::Doctor(arguments) => doctor::run(arguments, context),
        Command::CheckConfig(arguments) => check_config::run(arguments, || context.load()),
        Command::Migrate(arguments) => migrate::run(arguments, context),
    }
}

/// Parses a shop as people write it: its name, its domain, or the address of its storefront or admin.
fn shop_argument(text: &str) -> Result<ShopDomain, String> {
    let shop = shopify_client::ShopDomain::parse(text).map_err(|error| error.to_string())?;
    let shop = shop.as_str().parse();
    shop.map_err(|error: sync_core::InvalidShopDomain| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_shop_argument_is_a_name_a_domain_or_an_admin_address() {
        for text in ["a", "A.myshopify.com", "https://admin.shopify.com/store/a"] {
            assert_eq!(shop_argument(text).unwrap().as_str(), "a.myshopify.com");
        }
        for text in ["", "evil.example", "a.myshopify.com@evil", "a:443"] {
            assert!(shop_argument(text).is_err(), "{text}");
        }
    }

    #[test]
    fn connect_takes_no_token_as_an_argument() {
        let connect = Cli::command()
            .find_subcommand("connect")
            .unwrap()
            .get_arguments()
            .map(|argument| argument.get_id().to_string())
            .collect::<Vec<_>>();
        assert!(!connect.contains(&"token".to_owned()), "{connect:?}");
    }
}
