//! The command line.

mod check_config;
mod connect;
mod doctor;
mod install_url;
mod run_summary;
mod serve;
mod shops;
mod sync;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sync_core::ShopDomain;

use crate::demo;
use crate::logging;
use crate::settings::{LoadedSettings, Settings};
use crate::terminal::{CommandError, print_error};

const ABOUT: &str = "\
Keeps a Shopify shop's catalogue exact and current in DigitalOcean Spaces.

Never used it before? `shopsync demo` needs no account and no settings.";

const EXIT_CODES: &str = "\
Examples:
  shopsync demo                      all of it on this machine, with a simulated shop
  shopsync check-config              the settings in force, and where each comes from
  shopsync doctor                    what is wrong, and what to do about it
  shopsync serve                     the service, on port 5000
  shopsync install-url my-shop       the address that installs my-shop
  shopsync sync my-shop              one full scan now
  shopsync sync my-shop --dry-run    what that would change

Exit codes:
  0    done; for `sync` also when nothing had changed
  1    it was tried and failed; the message says why
  2    the command line or the settings are wrong; nothing was tried
  3    something it needs cannot be reached (database, Shopify, Space); try again later
  4    `sync` halted: too much has disappeared at once; a person must confirm
  130  interrupted (143 by SIGTERM)

Results go to standard output, progress and errors to standard error.
Settings come from --config, .env and the environment, the later ones winning. `shopsync check-config --reference`
explains each.";

/// Keeps a Shopify shop's catalogue exact and current in DigitalOcean Spaces.
#[derive(Debug, Parser)]
#[command(name = "shopsync", version, about = ABOUT, after_help = EXIT_CODES)]
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
    /// Run the service: OAuth, webhooks, the workers, the daily poll.
    Serve(serve::Arguments),
    /// Try everything on this machine, with a simulated shop and an S3 server of its own.
    Demo(demo::Arguments),
    /// Read a shop's whole catalogue now and upload what changed.
    Sync(sync::Arguments),
    /// List the shops, their state and their last run.
    Shops(shops::Arguments),
    /// Print the address that installs a shop.
    InstallUrl(install_url::Arguments),
    /// Add a shop with a token of your own instead of OAuth.
    Connect(connect::Arguments),
    /// Check settings, database, Space, Shopify and each shop, and say what to do.
    Doctor(doctor::Arguments),
    /// Show the settings in force and where each comes from; secrets are not shown.
    CheckConfig(check_config::Arguments),
}

/// What the commands share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    config: Option<&'a Path>,
}

impl Context<'_> {
    /// The settings of all layers.
    fn load(&self) -> Result<LoadedSettings, CommandError> {
        Ok(Settings::load(self.config)?)
    }

    /// The settings of a command that says itself what it does: unless a filter was chosen, the log holds what a person
    /// should look at only.
    fn load_for_command(&self) -> Result<Settings, CommandError> {
        let mut loaded = self.load()?;
        let chosen = loaded.effective.iter().any(|entry| {
            entry.key == "log.filter"
                && entry.origin != crate::settings::Origin::Default.to_string()
        });
        if !chosen {
            // That keys are derived and that Shopify is simulated is said by the service and by `doctor`.
            "warn,server::keys=error,server::adapters::app=error"
                .clone_into(&mut loaded.settings.log.filter);
        }
        logging::init(&loaded.settings.log);
        Ok(loaded.settings)
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(failure) => {
            print_error(failure.report());
            failure.exit_code()
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
    }
}

/// A shop as people write it: its name, its domain, its address or that of its admin.
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
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_shop_may_be_written_in_several_ways_and_nothing_else_is_one() {
        for text in ["a", "A.myshopify.com", "https://admin.shopify.com/store/a"] {
            assert_eq!(shop_argument(text).unwrap().as_str(), "a.myshopify.com");
        }
        for text in ["", "evil.example", "a.myshopify.com@evil", "a:443"] {
            assert!(shop_argument(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_token_is_no_argument() {
        let connect = Cli::command()
            .find_subcommand("connect")
            .unwrap()
            .get_arguments()
            .map(|argument| argument.get_id().to_string())
            .collect::<Vec<_>>();
        assert!(!connect.contains(&"token".to_owned()), "{connect:?}");
    }
}
