//! What is wrong, and what to do about it.

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
Each line begins with ok, warn, fail or skip; what to do stands below it. Nothing is changed: the Space is tried with one small
object that is removed again, the webhook address with a signed delivery for a shop that does not exist.

Examples:
  shopsync doctor                   everything, and every shop
  shopsync doctor my-shop           everything, and one shop
  shopsync doctor --json | jq '.findings[] | select(.status == \"fail\")'

Exit codes:
  0  nothing fails
  1  something fails";

/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// What to look at.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Only this shop: NAME, NAME.myshopify.com, or the address of its admin.
    #[arg(value_parser = shop_argument)]
    shop: Option<ShopDomain>,
    /// As JSON.
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

/// Whoever waits for a diagnosis does not want to wait for retries.
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
    }
}

/// The result, unless it takes too long.
async fn with_timeout<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(CHECK_TIMEOUT, work).await.ok()
}

/// The Space of these settings, with a diagnosis's patience.
fn store(settings: &Settings) -> Result<Store, spaces_store::Error> {
    let mut config = crate::service::spaces_config(&settings.spaces, &settings.network)?;
    config.timeouts = Timeouts {
        connect: Duration::from_secs(5),
        read: Duration::from_secs(10),
        ..config.timeouts
    };
    Ok(Store::new(config.connect()?))
}

/// An error with its causes on one line.
fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.to_string();
        // Some errors show their cause in their own text.
        if !text.ends_with(&inner) {
            text = format!("{text}: {inner}");
        }
        cause = error.source();
    }
    text
}
