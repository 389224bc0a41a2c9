//! `shopsync doctor`: checks settings, database, Space, Shopify and each shop, and prints a remedy for each problem.

mod app;
mod database;
mod report;
mod settings;
mod shop;
mod space;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use spaces_store::{Store, Timeouts};
use sync_core::ShopDomain;

use self::report::Report;
use super::{Context, shop_argument};
use crate::logging;
use crate::settings::{LoadedSettings, Settings};
use crate::terminal::{CommandError, build_runtime};

const HELP: &str = "\
Each line begins with ok, warn, fail or skip; the remedy is printed below it. Nothing is changed: the database is
neither created nor migrated, the Space is tested with one small object that is deleted afterwards, the webhook address with a
signed delivery for a shop that does not exist.

Examples:
  shopsync doctor                   check everything, with all shops
  shopsync doctor my-shop           check everything, with one shop
  shopsync doctor --json | jq '.findings[] | select(.status == \"fail\")'

Exit codes:
  0  no check failed
  1  at least one check failed";

/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// What to check, and the output format.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Check only this shop: NAME, NAME.myshopify.com, or the address of its admin.
    #[arg(value_parser = shop_argument)]
    shop: Option<ShopDomain>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, context: Context<'_>) -> Result<ExitCode, CommandError> {
    let mut report = Report::new(arguments.json);
    match Settings::load(context.config) {
        Ok(mut loaded) => {
            "error".clone_into(&mut loaded.settings.log.filter);
            logging::init(&loaded.settings.log);
            shorten_timeouts(&mut loaded.settings);
            let only = arguments.shop.as_ref();
            build_runtime()?.block_on(examine(&loaded, only, &mut report));
        }
        Err(error) => settings::report_unreadable(&error, &mut report),
    }
    report.finish()
}

/// Shortens timeouts and retries: a diagnosis should end soon.
fn shorten_timeouts(settings: &mut Settings) {
    let limit = Duration::from_secs(10);
    settings.shopify.request_timeout = settings.shopify.request_timeout.min(limit);
    settings.spaces.request_timeout = settings.spaces.request_timeout.min(limit);
    settings.spaces.max_retries = settings.spaces.max_retries.min(1);
}

async fn examine(loaded: &LoadedSettings, only: Option<&ShopDomain>, report: &mut Report) {
    let settings = &loaded.settings;
    settings::examine(settings, report);
    let database = database::examine(loaded, report).await;
    let store = space::examine(settings, report).await;
    let shopify = app::examine(settings, only, report).await;
    app::examine_webhook_address(settings, report).await;
    if let Some(database) = database {
        let backends = shop::Backends {
            settings,
            database: &database,
            store,
            shopify,
        };
        shop::examine_all(&backends, only, report).await;
        database.close().await;
    } else {
        report.skip("shops", "not checked: the database cannot be used");
    }
}

/// Returns the result, or `None` after [`CHECK_TIMEOUT`].
async fn with_timeout<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(CHECK_TIMEOUT, work).await.ok()
}

/// Opens the Space of these settings with short timeouts.
fn store(settings: &Settings) -> Result<Store, spaces_store::Error> {
    let mut config = crate::service::spaces_config(&settings.spaces, &settings.network)?;
    config.timeouts = Timeouts {
        connect: Duration::from_secs(5),
        read: Duration::from_secs(10),
        ..config.timeouts
    };
    Ok(Store::new(config.connect()?))
}
